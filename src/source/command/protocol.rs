//! The `json` protocol, version 1: one JSON document each way.
//!
//! Request: `{"protocol": 1, "requests": [{"path": "…", "version": "previous", "params": {…}}]}`,
//! with `version` and `params` only where they were written.
//!
//! Answer: `{"protocol": 1, "answers": [ANSWER, …]}`, one for each request, in order. ANSWER has
//! one of `value` (a string), `base64` (bytes), `fields` (an object) or `error` (`not-found`,
//! `denied`, `throttled`, `unavailable`), and may have `version` (a string), `expires` (a time, RFC
//! 3339) and `lease` (`{"id": "…", "ttl": SECONDS, "renewable": BOOL, "max_ttl": SECONDS}`). Unknown
//! keys are ignored.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    reference::Version,
    secret::Secret,
    source::{
        Answer, Content, ErrorKind, Fetched, Outlook, Question, SourceError, answer::json_text,
    },
};

const PROTOCOL: u32 = 1;

#[derive(Serialize)]
struct Request<'a> {
    protocol: u32,
    requests: Vec<RequestItem<'a>>,
}

#[derive(Serialize)]
struct RequestItem<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize)]
struct Response {
    protocol: u32,
    answers: Vec<ResponseItem>,
}

#[derive(Deserialize)]
struct ResponseItem {
    value: Option<Value>,
    base64: Option<String>,
    fields: Option<BTreeMap<String, Value>>,
    error: Option<String>,
    version: Option<String>,
    lease: Option<ResponseLease>,
    expires: Option<String>,
}

#[derive(Deserialize)]
struct ResponseLease {
    #[serde(default)]
    id: String,
    ttl: u64,
    #[serde(default)]
    renewable: bool,
    max_ttl: Option<u64>,
}

/// The document that asks `questions`.
pub(super) fn request(questions: &[Question]) -> Result<Vec<u8>, SourceError> {
    let requests = questions
        .iter()
        .map(|question| RequestItem {
            path: &question.path,
            version: match &question.version {
                Version::Current => None,
                Version::Previous => Some("previous"),
                Version::Exact(version) => Some(version),
            },
            params: question.params.iter().map(|(name, value)| (&**name, &**value)).collect(),
        })
        .collect();
    serde_json::to_vec(&Request { protocol: PROTOCOL, requests })
        .map_err(|_| SourceError::new(ErrorKind::Malformed, "its request cannot be written"))
}

/// The answers in `document`, which must be `expected` ones.
///
/// # Errors
/// `Malformed`, without a word of the document.
pub(crate) fn answers(document: &Secret, expected: usize) -> Result<Vec<Answer>, SourceError> {
    let malformed = |cause: String| {
        SourceError::new(ErrorKind::Malformed, cause)
            .help("see the `json` protocol in docs/sources/command.md")
    };
    let response = serde_json::from_slice::<Response>(document.expose()).map_err(|error| {
        let place = (error.line(), error.column());
        malformed(match error.classify() {
            serde_json::error::Category::Eof => "its answer breaks off".to_owned(),
            serde_json::error::Category::Data => {
                format!("its answer has a wrong form at line {}, column {}", place.0, place.1)
            }
            _ => format!("its answer is not JSON at line {}, column {}", place.0, place.1),
        })
    })?;
    if response.protocol != PROTOCOL {
        let cause =
            format!("it speaks version {} of the protocol, not {PROTOCOL}", response.protocol);
        return Err(malformed(cause));
    }
    if response.answers.len() != expected {
        let count = response.answers.len();
        return Err(malformed(format!("it gave {count} answers to {expected} requests")));
    }
    Ok(response.answers.into_iter().map(answer).collect())
}

fn answer(item: ResponseItem) -> Answer {
    let malformed = |cause: &str| SourceError::new(ErrorKind::Malformed, cause);
    if let Some(error) = item.error {
        return Err(named_error(&error));
    }
    let content = match (item.value, item.base64, item.fields) {
        (Some(value), None, None) => {
            Content::Value(json_text(&value).ok_or_else(|| named_error("not-found"))?)
        }
        (None, Some(encoded), None) => Content::Value(Secret::new(
            STANDARD.decode(encoded).map_err(|_| malformed("its `base64` is not base64"))?,
        )),
        (None, None, Some(fields)) => Content::Fields(
            fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, json_text(&value)?)))
                .collect(),
        ),
        (None, None, None) => return Err(named_error("not-found")),
        _ => return Err(malformed("its answer has several of `value`, `base64`, `fields`")),
    };
    let expires = item.expires.as_deref().map(humantime::parse_rfc3339_weak).transpose();
    let expires = expires.map_err(|_| malformed("its `expires` is not a time (RFC 3339)"))?;
    let outlook = match (item.lease, expires) {
        (Some(lease), _) => Outlook::Leased {
            id: lease.id,
            ttl: Duration::from_secs(lease.ttl),
            renewable: lease.renewable,
            max_ttl: lease.max_ttl.map(Duration::from_secs),
        },
        (None, Some(at)) => Outlook::Expires { at },
        (None, None) => Outlook::Polled { next: None },
    };
    Ok(Fetched { content, version: item.version, outlook })
}

/// The provider's own words are not shown: they may hold what they speak of.
fn named_error(name: &str) -> SourceError {
    match name {
        "not-found" => SourceError::new(ErrorKind::NotFound, "it has no such secret"),
        "denied" => SourceError::new(ErrorKind::Denied, "it denies this secret"),
        "throttled" => SourceError::new(ErrorKind::Throttled(None), "it gets too many requests"),
        "unavailable" => SourceError::new(ErrorKind::Unavailable, "its own source is unavailable"),
        _ => SourceError::new(ErrorKind::Malformed, "it reports an error of no known kind")
            .help("the kinds are: not-found, denied, throttled, unavailable"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question(path: &str) -> Question {
        Question { path: path.into(), version: Version::Current, params: vec![] }
    }

    #[test]
    fn asks_for_what_was_written_and_no_more() {
        let questions = [
            question("a"),
            Question {
                path: "b".into(),
                version: Version::Previous,
                params: vec![("k".into(), "v".into())],
            },
        ];
        assert_eq!(
            String::from_utf8(request(&questions).unwrap()).unwrap(),
            r#"{"protocol":1,"requests":[{"path":"a"},{"path":"b","version":"previous","params":{"k":"v"}}]}"#
        );
    }

    #[test]
    fn reads_values_bytes_fields_leases_and_errors() {
        let document = r#"{"protocol":1,"answers":[
            {"value":"x","version":"7"},
            {"base64":"AP8="},
            {"fields":{"n":1.0,"gone":null},"lease":{"id":"l","ttl":60,"renewable":true}},
            {"error":"denied","more":"ignored"},
            {"value":"x","expires":"2030-01-02T03:04:05Z"}]}"#;
        let answers = answers(&Secret::from(document), 5).unwrap();
        let first = answers[0].as_ref().unwrap();
        assert_eq!(first.version.as_deref(), Some("7"));
        assert_eq!(answers[1].as_ref().unwrap().content.field(None).unwrap().expose(), [0, 255]);
        let leased = answers[2].as_ref().unwrap();
        assert_eq!(leased.content.field(None).unwrap().expose(), b"1.0");
        assert!(matches!(&leased.outlook, Outlook::Leased { id, ttl, renewable: true, .. }
            if id == "l" && *ttl == Duration::from_secs(60)));
        assert_eq!(answers[3].as_ref().unwrap_err().kind, ErrorKind::Denied);
        assert!(matches!(answers[4].as_ref().unwrap().outlook, Outlook::Expires { .. }));
    }

    #[test]
    fn a_broken_answer_is_named_and_not_shown() {
        for document in [
            "",
            "canary",
            r#"{"protocol":1,"answers":[{"value":"canary""#,
            r#"{"protocol":2,"answers":[{"value":"canary"}]}"#,
            r#"{"protocol":1,"answers":[]}"#,
            r#"{"protocol":1,"answers":"canary"}"#,
        ] {
            let error = answers(&Secret::from(document), 1).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Malformed, "{document}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_document_panics(document in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = answers(&Secret::new(document), 1);
        }
    }
}
