//! What a source returns: content, version, and what is known of its future.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::error::{ErrorKind, SourceError};
use crate::secret::Secret;

/// A source's answer to one question.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) content: Content,
    /// The source's own name for this version of the value, where it has one. Two answers with
    /// the same version are the same answer.
    #[allow(dead_code, reason = "for sources that are polled by it")]
    pub(crate) version: Option<String>,
    pub(crate) outlook: Outlook,
}

/// One value, or fields that were issued together.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Value(Secret),
    Fields(BTreeMap<String, Secret>),
}

/// What is known of the future of an answer: how it can change, and how to see that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It cannot change while this process lives.
    Fixed,
    /// It is leased: it ends, and may be renewed, replaced and revoked.
    Leased {
        id: String,
        /// Counted from when the request was sent.
        ttl: Duration,
        renewable: bool,
        /// Until when renewals can extend it at most, from the same moment, where it is known.
        max_ttl: Option<Duration>,
    },
    /// It ends at a known time, and asking again yields a new one.
    Expires { at: SystemTime },
    /// It may change at any time, and only asking shows it; `next` is when that is expected.
    Polled { next: Option<SystemTime> },
    /// It changes when one of these files does.
    Files(Vec<PathBuf>),
}

impl Fetched {
    /// A value that does not change.
    pub(crate) fn fixed(value: Secret) -> Self {
        Self { content: Content::Value(value), version: None, outlook: Outlook::Fixed }
    }
}

impl Content {
    /// One value out of the content. `field` may be left out where there is only one.
    ///
    /// A field of a single value is looked up in it as JSON. A dotted name is taken literally
    /// first, and then as a path into nested objects.
    ///
    /// # Errors
    /// `NotFound` for a field that is not there, with the names of those that are; `Malformed`
    /// for a field of something that is not JSON.
    pub(crate) fn field(&self, field: Option<&str>) -> Result<Secret, SourceError> {
        match (self, field) {
            (Self::Value(value), None) => Ok(value.clone()),
            (Self::Value(value), Some(field)) => json_field(value, field),
            (Self::Fields(fields), Some(field)) => match fields.get(field) {
                Some(value) => Ok(value.clone()),
                None => match field.split_once('.').and_then(|(outer, inner)| {
                    fields.get(outer).map(|value| json_field(value, inner))
                }) {
                    Some(nested) => nested,
                    None => Err(no_such_field(field, fields.keys().map(String::as_str))),
                },
            },
            (Self::Fields(fields), None) => {
                let mut values = fields.values();
                match (values.next(), values.next()) {
                    (Some(only), None) => Ok(only.clone()),
                    (None, _) => Err(SourceError::new(ErrorKind::NotFound, "it has no fields")),
                    _ => Err(SourceError::new(
                        ErrorKind::NotFound,
                        "it has several fields, and the reference does not say which",
                    )
                    .help(format!("add `#FIELD`: {}", list(fields.keys().map(String::as_str))))),
                }
            }
        }
    }
}

fn json_field(value: &Secret, field: &str) -> Result<Secret, SourceError> {
    let Ok(Value::Object(object)) = serde_json::from_slice(value.expose()) else {
        return Err(SourceError::new(
            ErrorKind::Malformed,
            format!("it is not a JSON object, so it has no field `{field}`"),
        )
        .help("leave `#FIELD` out for the whole value"));
    };
    let found = object.get(field).or_else(|| {
        let mut steps = field.split('.');
        let first = object.get(steps.next()?)?;
        steps.try_fold(first, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    });
    match found {
        Some(value) => json_text(value).ok_or_else(|| null_field(field)),
        None => Err(no_such_field(field, object.keys().map(String::as_str))),
    }
}

/// A JSON value as a variable holds it: strings as they are, numbers and booleans as written,
/// objects and lists as JSON. `null` is no value.
pub(crate) fn json_text(value: &Value) -> Option<Secret> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Secret::from(text.as_str())),
        other => Some(Secret::new(other.to_string().into_bytes())),
    }
}

fn null_field(field: &str) -> SourceError {
    SourceError::new(ErrorKind::NotFound, format!("its field `{field}` is null"))
}

fn no_such_field<'a>(field: &str, known: impl Iterator<Item = &'a str> + Clone) -> SourceError {
    let error = SourceError::new(ErrorKind::NotFound, format!("it has no field `{field}`"));
    match crate::fault::nearest(field, known.clone()) {
        Some(right) => error.help(format!("did you mean `#{right}`?")),
        None => error.help(format!("its fields are: {}", list(known))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &Content, field: Option<&str>) -> Result<String, ErrorKind> {
        content
            .field(field)
            .map(|value| String::from_utf8(value.expose().to_vec()).unwrap())
            .map_err(|error| error.kind)
    }

    #[test]
    fn a_json_value_has_fields_of_every_type() {
        let json = r#"{"a":"x","n":1.50,"b":true,"o":{"p":[1,{"q":"deep"}]},"d.t":"dot","z":null}"#;
        let content = Content::Value(Secret::from(json));
        assert_eq!(text(&content, None).as_deref(), Ok(json));
        assert_eq!(text(&content, Some("a")).as_deref(), Ok("x"));
        assert_eq!(text(&content, Some("b")).as_deref(), Ok("true"));
        assert_eq!(text(&content, Some("o")).as_deref(), Ok(r#"{"p":[1,{"q":"deep"}]}"#));
        assert_eq!(text(&content, Some("o.p.1.q")).as_deref(), Ok("deep"));
        assert_eq!(text(&content, Some("d.t")).as_deref(), Ok("dot"));
        assert_eq!(text(&content, Some("z")), Err(ErrorKind::NotFound));
        assert_eq!(text(&content, Some("nope")), Err(ErrorKind::NotFound));
        assert_eq!(text(&Content::Value(Secret::from("x")), Some("a")), Err(ErrorKind::Malformed));
    }

    #[test]
    fn one_field_needs_no_name_and_two_do() {
        let mut fields = BTreeMap::from([("a".to_owned(), Secret::from("1"))]);
        assert_eq!(text(&Content::Fields(fields.clone()), None).as_deref(), Ok("1"));
        fields.insert("b".to_owned(), Secret::from("2"));
        assert_eq!(text(&Content::Fields(fields.clone()), None), Err(ErrorKind::NotFound));
        let error = Content::Fields(fields).field(Some("c")).unwrap_err();
        assert!(!error.to_string().contains('1'), "a value in {error}");
    }
}
