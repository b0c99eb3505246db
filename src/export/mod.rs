//! Renders the variables of a generation for other programs to read.
//!
//! Every format is one file, which says where its rules come from, and two functions: `obstacles`
//! tells what keeps a variable out of the format, `write` writes variables that meet none. What a
//! format cannot carry byte for byte is refused, never approximated.

mod docker;
mod dotenv;
mod json;
mod obstacle;
#[cfg(test)]
mod samples;
mod shell;
mod systemd;

use std::error::Error;
use std::fmt;
use std::mem;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::secret::Secret;

pub(crate) use obstacle::Obstacle;

/// What the variables are rendered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `export` commands, for `eval` and `.` of any POSIX shell.
    Shell,
    /// Our own dialect of `.env`.
    Dotenv,
    /// One object, whose values are strings.
    Json,
    /// A file for `EnvironmentFile=`.
    Systemd,
    /// A file for `docker run --env-file`.
    Docker,
}

impl Format {
    /// The names on the command line, in the order of the variants.
    pub(crate) const ALL: [&'static str; 5] = ["shell", "dotenv", "json", "systemd", "docker"];

    pub(crate) const fn name(self) -> &'static str {
        Self::ALL[self as usize]
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "shell" => Ok(Self::Shell),
            "dotenv" => Ok(Self::Dotenv),
            "json" => Ok(Self::Json),
            "systemd" => Ok(Self::Systemd),
            "docker" => Ok(Self::Docker),
            _ => Err(UnknownFormat(name.to_owned())),
        }
    }
}

/// A name that is none of [`Format::ALL`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Format::ALL.join(", ");
        write!(f, "unknown format `{}`; there are {known}", self.0)
    }
}

impl Error for UnknownFormat {}

/// Every variable that the format cannot carry, and why: names only, no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unrepresentable {
    pub(crate) format: Format,
    /// In the order of the variables; a variable that meets two obstacles is there twice.
    pub(crate) variables: Vec<(String, Obstacle)>,
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = self.format.name();
        write!(f, "`--format {format}` cannot carry all variables:")?;
        for (name, obstacle) in &self.variables {
            let name = name.escape_debug();
            let (reason, remedy) = (obstacle.reason(), obstacle.remedy());
            write!(f, "\n  {name}: {reason}; {remedy}")?;
        }
        Ok(())
    }
}

impl Error for Unrepresentable {}

/// Renders the variables in their order, so that the format's reader gets every byte as it is.
///
/// Values hold any bytes but NUL. Names are distinct, not empty, and free of `=` and NUL.
pub(crate) fn render(
    format: Format,
    variables: &[(String, Secret)],
) -> Result<Secret, Unrepresentable> {
    type Obstacles = fn(&str, &[u8]) -> Vec<Obstacle>;
    type Write = fn(&mut Vec<u8>, &[(String, Secret)]);
    let (obstacles, write): (Obstacles, Write) = match format {
        Format::Shell => (shell::obstacles, shell::write),
        Format::Dotenv => (dotenv::obstacles, dotenv::write),
        Format::Json => (json::obstacles, json::write),
        Format::Systemd => (systemd::obstacles, systemd::write),
        Format::Docker => (docker::obstacles, docker::write),
    };

    let mut met = Vec::new();
    for (name, value) in variables {
        let obstacles = obstacles(name, value.expose());
        met.extend(obstacles.into_iter().map(|o| (name.clone(), o)));
    }
    if !met.is_empty() {
        return Err(Unrepresentable { format, variables: met });
    }

    let mut out = Zeroizing::new(Vec::with_capacity(expected_size(variables)));
    write(&mut out, variables);
    Ok(Secret::new(mem::take(&mut *out)))
}

/// Enough for most sets, so that few are copied while they are written.
fn expected_size(variables: &[(String, Secret)]) -> usize {
    let syntax = 16;
    variables.iter().map(|(name, value)| syntax + name.len() + value.expose().len() * 9 / 8).sum()
}

/// Whether every POSIX shell takes it as the name of a variable.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether the value means itself without quotes, to the format's reader and to a shell as well.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|b| b.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_its_format() {
        for name in Format::ALL {
            assert_eq!(name.parse::<Format>().unwrap().name(), name);
        }
        assert_eq!(
            "yaml".parse::<Format>().unwrap_err().to_string(),
            "unknown format `yaml`; there are shell, dotenv, json, systemd, docker"
        );
    }

    #[test]
    fn the_error_names_every_variable_and_no_value() {
        let variables = [
            ("GOOD".to_owned(), Secret::from("canary")),
            ("TLS_KEY".to_owned(), Secret::from("canary\ncanary")),
            ("TWO BAD".to_owned(), Secret::new(b"canary\n\xff".to_vec())),
        ];
        let error = render(Format::Docker, &variables).unwrap_err();
        assert_eq!(
            error.variables,
            [
                ("TLS_KEY".to_owned(), Obstacle::LineBreak),
                ("TWO BAD".to_owned(), Obstacle::NameRefusedByDocker),
                ("TWO BAD".to_owned(), Obstacle::LineBreak),
                ("TWO BAD".to_owned(), Obstacle::NotUtf8),
            ]
        );
        let text = error.to_string();
        assert!(text.starts_with("`--format docker` cannot carry all variables:\n  TLS_KEY: the"));
        assert!(!text.contains("canary") && !text.contains("GOOD"), "{text}");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn a_name_cannot_break_the_lines_of_the_error() {
        let variables = [("A\nB: \u{1b}[0m".to_owned(), Secret::default())];
        let text = render(Format::Shell, &variables).unwrap_err().to_string();
        assert!(text.contains("\n  A\\nB: \\u{1b}[0m: the name"), "{text}");
    }

    #[test]
    fn no_variables_are_an_empty_document() {
        for name in Format::ALL {
            let rendered = render(name.parse().unwrap(), &[]).unwrap();
            let expected: &[u8] = if name == "json" { b"{}\n" } else { b"" };
            assert_eq!(rendered.expose(), expected, "{name}");
        }
    }
}
