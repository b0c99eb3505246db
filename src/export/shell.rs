//! `export` commands for `eval "$(sublet export --format shell)"`, or for `.`.
//!
//! The rules are those of the Shell Command Language (POSIX.1-2024, Shell & Utilities, 2.2.2): in
//! single quotes every byte means itself, and only `'` cannot be there, so it is written outside.
//! A name is that of 3.216 (XBD). Which names bash keeps for itself is what bash 5.2 was seen to
//! do: it drops, changes or fails on the assignment, and silently so for half of them.

use crate::secret::Secret;

use super::{Obstacle, is_identifier};

const RESERVED: [&str; 29] = [
    "BASHOPTS",
    "BASHPID",
    "BASH_ALIASES",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_CMDS",
    "BASH_COMMAND",
    "BASH_LINENO",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "_",
    "BASH_MONOSECONDS", // since 5.3
];

pub(super) fn obstacles(name: &str, _value: &[u8]) -> Vec<Obstacle> {
    if !is_identifier(name) {
        vec![Obstacle::NotAnIdentifier]
    } else if RESERVED.contains(&name) {
        vec![Obstacle::ReservedByBash]
    } else {
        vec![]
    }
}

pub(super) fn write(out: &mut Vec<u8>, variables: &[(String, Secret)]) {
    for (name, value) in variables {
        out.extend_from_slice(b"export ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"='");
        for &byte in value.expose() {
            match byte {
                b'\'' => out.extend_from_slice(br"'\''"),
                _ => out.push(byte),
            }
        }
        out.extend_from_slice(b"'\n");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::super::samples;
    use super::super::{Format, render};
    use super::*;

    #[test]
    fn everything_is_in_single_quotes() {
        let variables =
            [("A".to_owned(), Secret::from("b")), ("C".to_owned(), Secret::from("it's $d\n"))];
        let rendered = render(Format::Shell, &variables).unwrap();
        assert_eq!(rendered.expose(), b"export A='b'\nexport C='it'\\''s $d\n'\n");
    }

    #[test]
    fn names_that_no_shell_exports_are_refused() {
        for name in ["my-app", "spring.url", "BASH_FUNC_x%%", "1ST", "Ä", "A B"] {
            assert_eq!(obstacles(name, b""), [Obstacle::NotAnIdentifier], "{name}");
        }
        for name in ["UID", "RANDOM", "GROUPS"] {
            assert_eq!(obstacles(name, b""), [Obstacle::ReservedByBash], "{name}");
        }
        assert_eq!(obstacles("_x1", b""), []);
    }

    #[test]
    fn shells_read_back_every_byte() {
        let variables = samples::all();
        let rendered = render(Format::Shell, &variables).unwrap();
        for (shell, locale) in [("sh", "C"), ("bash", "C"), ("bash", "C.UTF-8")] {
            for read in [r#"eval "$(cat)""#, ". /dev/stdin"] {
                let Some(env) = run(shell, locale, read, rendered.expose()) else { continue };
                assert!(env == samples::pairs(&variables), "{shell} {locale} {read}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sh_reads_back_any_bytes(variables in samples::any_bytes()) {
            let rendered = render(Format::Shell, &variables).unwrap();
            if let Some(env) = run("sh", "C", r#"eval "$(cat)""#, rendered.expose()) {
                prop_assert_eq!(env, samples::pairs(&variables));
            }
        }
    }

    /// What the environment is after the shell has read the input; none where there is no such shell.
    fn run(shell: &str, locale: &str, read: &str, input: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
        let spawned = Command::new(shell)
            .args(["-c", &format!("{read}; exec env -0")])
            .env("LC_ALL", locale)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            spawned => spawned.unwrap(),
        };
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        Some(samples::from_env(&output.stdout))
    }
}
