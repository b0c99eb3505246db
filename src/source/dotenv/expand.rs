//! `expand = true`: `$NAME`, `${NAME}`, `${NAME:-default}` and their kin, by `dotenv-ng`.
//!
//! `$$` and `\$` are a literal `$`. Nothing is executed. A name means, first, what the same file
//! or one before it has set, then the environment that sublet was started with.

use std::{collections::BTreeMap, fmt};

use ::dotenv::{EnvLoader, EnvSequence, ParseErrorKind, ParseOptions};
use zeroize::Zeroizing;

use super::Entry;
use crate::{environment::Environment, secret::Secret};

/// Why a value could not be expanded. Never shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unexpandable {
    NotText,
    Unclosed,
    Unknown(String),
    Wrong,
}

impl fmt::Display for Unexpandable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("only text can be expanded, and this is not UTF-8"),
            Self::Unclosed => f.write_str("a `${` is never closed; write `$$` for a literal `$`"),
            Self::Unknown(name) => write!(f, "`${{{name}:?}}` wants a variable that is not set"),
            Self::Wrong => {
                f.write_str("a `${…}` cannot be understood; write `$$` for a literal `$`")
            }
        }
    }
}

/// The value of `entry` with its variables replaced.
pub(crate) fn expand(
    entry: &Entry,
    environment: &Environment,
    known: &BTreeMap<String, Secret>,
) -> Result<Secret, Unexpandable> {
    if !entry.expandable || !entry.value.expose().contains(&b'$') {
        return Ok(entry.value.clone());
    }
    let text = std::str::from_utf8(entry.value.expose()).map_err(|_| Unexpandable::NotText)?;
    // The value has been decoded by our dialect: encoded again, it is one value of theirs.
    let mut line = Zeroizing::new(String::with_capacity(text.len() * 2 + 4));
    line.push_str("A=\"");
    for character in text.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '"' => line.push_str("\\\""),
            '\r' => line.push_str("\\r"),
            other => line.push(other),
        }
    }
    line.push('"');
    let expanded = EnvLoader::with_reader(line.as_bytes())
        .parse_options(ParseOptions::new().substitution(true))
        .substitutions(variables(environment, known))
        .sequence(EnvSequence::InputOnly)
        .load()
        .map_err(|error| cause(&error))?;
    expanded.get("A").map(|value| Secret::from(value.as_str())).ok_or(Unexpandable::Wrong)
}

fn variables(
    environment: &Environment,
    known: &BTreeMap<String, Secret>,
) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let parent = environment.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
    let earlier =
        known.iter().filter_map(|(name, value)| Some((name.clone(), text(value.expose())?)));
    parent.chain(earlier).collect()
}

/// Their error holds the line, and so the value: only its kind goes on.
fn cause(error: &::dotenv::Error) -> Unexpandable {
    match error {
        ::dotenv::Error::Parse(error, _) => match error.kind() {
            ParseErrorKind::UnterminatedSubstitution => Unexpandable::Unclosed,
            ParseErrorKind::RequiredVariable { name, .. } => Unexpandable::Unknown(name.clone()),
            _ => Unexpandable::Wrong,
        },
        _ => Unexpandable::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::dotenv::parse;

    fn expanded(line: &str) -> Result<String, Unexpandable> {
        let environment = Environment::new(&[c"HOST=parent"]);
        let known = BTreeMap::from([("BASE".to_owned(), Secret::from("b\\\"a'$e"))]);
        let entry = parse(line.as_bytes(), true).unwrap().remove(0);
        expand(&entry, &environment, &known)
            .map(|value| String::from_utf8(value.expose().to_vec()).unwrap())
    }

    #[test]
    fn names_are_replaced_and_nothing_else_changes() {
        assert_eq!(expanded("A=${BASE}/$HOST").unwrap(), "b\\\"a'$e/parent");
        assert_eq!(expanded("A=\"${NONE:-x y}\\n$NONE.\"").unwrap(), "x y\n.");
        assert_eq!(expanded("A='$HOST'").unwrap(), "$HOST");
        assert_eq!(expanded(r"A=\$HOST C:\dir $$HOST $(id)").unwrap(), r"$HOST C:\dir $HOST $(id)");
        assert_eq!(expanded("A=\"\\$HOST\\r\\n\"").unwrap(), "$HOST\r\n");
    }

    #[test]
    fn a_bad_expression_is_an_error_without_the_value() {
        assert_eq!(expanded("A=canary${HOST").unwrap_err(), Unexpandable::Unclosed);
        assert_eq!(expanded("A=${X:?canary}").unwrap_err(), Unexpandable::Unknown("X".into()));
    }
}
