//! A file for systemd's `EnvironmentFile=`.
//!
//! The rules are in systemd.exec(5), and exactly in systemd's `src/basic/env-file.c` (the file),
//! `env-util.c` (which assignments are kept) and `utf8.c` (what is text):
//!
//! - In double quotes a backslash escapes `"`, `\`, `` ` `` and `$`; all else, line breaks and
//!   returns included, is itself. Nothing is expanded. A plain value needs no quotes.
//! - A value must be UTF-8, and noncharacters do not count as such. One that is not fails the whole
//!   file, and with it the unit.
//! - An assignment to a name that is not an identifier is dropped, with a warning only.
//! - Control characters are kept since version 248. Before, a value with others than tab and line
//!   break is dropped. We write for the versions since.

use crate::secret::Secret;

use super::{Obstacle, is_identifier, is_plain};

pub(super) fn obstacles(name: &str, value: &[u8]) -> Vec<Obstacle> {
    let mut obstacles = vec![];
    if !is_identifier(name) {
        obstacles.push(Obstacle::NotAnIdentifier);
    }
    match str::from_utf8(value) {
        Ok(text) if text.chars().any(is_noncharacter) => obstacles.push(Obstacle::Noncharacter),
        Ok(_) => {}
        Err(_) => obstacles.push(Obstacle::NotUtf8),
    }
    obstacles
}

pub(super) fn write(out: &mut Vec<u8>, variables: &[(String, Secret)]) {
    for (name, value) in variables {
        let value = value.expose();
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        if is_plain(value) {
            out.extend_from_slice(value);
        } else {
            write_double_quoted(out, value);
        }
        out.push(b'\n');
    }
}

fn write_double_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    for &byte in value {
        if b"\"\\`$".contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The 66 code points that Unicode will never assign.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::samples;
    use super::super::{Format, render};
    use super::*;

    #[test]
    fn each_value_has_the_plainest_form_that_is_safe() {
        for (value, line) in [
            ("", "A=\n"),
            ("b", "A=b\n"),
            ("it's", "A=\"it's\"\n"),
            ("`$b\\\"", "A=\"\\`\\$b\\\\\\\"\"\n"),
            ("line\r\nbreak", "A=\"line\r\nbreak\"\n"),
        ] {
            let rendered =
                render(Format::Systemd, &[("A".to_owned(), Secret::from(value))]).unwrap();
            assert_eq!(String::from_utf8_lossy(rendered.expose()), line);
        }
    }

    #[test]
    fn what_systemd_drops_or_refuses_is_refused() {
        for name in ["my-app", "a.b", "A B", "#A", "1ST", "BASH_FUNC_x%%"] {
            assert_eq!(obstacles(name, b""), [Obstacle::NotAnIdentifier], "{name}");
        }
        assert_eq!(obstacles("A", b"\xff"), [Obstacle::NotUtf8]);
        for text in ["\u{fdd0}", "\u{fdef}", "\u{fffe}", "\u{1ffff}", "\u{10ffff}"] {
            assert_eq!(obstacles("A", text.as_bytes()), [Obstacle::Noncharacter]);
        }
        assert_eq!(obstacles("A", "\u{fdcf}\u{fdf0}\u{fffd}\u{feff}".as_bytes()), []);
    }

    #[test]
    fn the_rules_read_back_every_byte() {
        let variables = samples::utf8();
        let rendered = render(Format::Systemd, &variables).unwrap();
        assert!(read(rendered.expose()) == samples::pairs(&variables));
    }

    proptest! {
        #[test]
        fn the_rules_read_back_any_text(variables in samples::any_text()) {
            let rendered = render(Format::Systemd, &variables).unwrap();
            prop_assert_eq!(read(rendered.expose()), samples::pairs(&variables));
        }
    }

    #[test]
    #[ignore = "needs the user's systemd manager"]
    fn systemd_reads_back_every_byte() {
        let variables = samples::utf8();
        let rendered = render(Format::Systemd, &variables).unwrap();
        let file = std::env::temp_dir().join(format!("sublet-export-{}.env", std::process::id()));
        fs::write(&file, rendered.expose()).unwrap();
        let output = Command::new("systemd-run")
            .args(["--user", "--quiet", "--wait", "--pipe", "--property"])
            .arg(format!("EnvironmentFile={}", file.display()))
            .args(["env", "-0"])
            .output()
            .unwrap();
        fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(samples::from_env(&output.stdout) == samples::pairs(&variables));
    }

    /// The file's rules without its comments, single quotes and unquoted escapes.
    fn read(file: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut bytes = file.iter().copied().peekable();
        let mut pairs = Vec::new();
        while bytes.peek().is_some() {
            let name: Vec<u8> = bytes.by_ref().take_while(|byte| *byte != b'=').collect();
            let mut value = Vec::new();
            if bytes.next_if_eq(&b'"').is_some() {
                loop {
                    match bytes.next().unwrap() {
                        b'"' => break,
                        b'\\' => match bytes.next().unwrap() {
                            b'\n' => {}
                            escaped if b"\"\\`$".contains(&escaped) => value.push(escaped),
                            other => value.extend([b'\\', other]),
                        },
                        byte => value.push(byte),
                    }
                }
                assert_eq!(bytes.next(), Some(b'\n'));
            } else {
                value.extend(bytes.by_ref().take_while(|byte| !b"\n\r".contains(byte)));
                assert!(!value.contains(&b'\\'));
                value.truncate(value.trim_ascii_end().len());
            }
            pairs.push((String::from_utf8(name).unwrap(), value));
        }
        pairs
    }
}
