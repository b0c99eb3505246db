//! One address in a source: `SOURCE:PATH#FIELD@VERSION?PARAM=VALUE`.
//!
//! Everything after PATH is optional. A character that would end a part is written `%XX`, as in
//! a URL; `%` itself is `%25`. So `file:100%25.txt` is the file `100%.txt`.

use std::{fmt, ops::Range};

use crate::fault::Fault;

/// Which version of a secret is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Version {
    /// Whatever the source serves now.
    #[default]
    Current,
    /// The one before it: the other side of a dual-secret rotation.
    Previous,
    /// One by the source's own name for it: a number, an id, a label.
    Exact(String),
}

impl Version {
    fn parse(text: &str) -> Self {
        match text {
            "previous" => Self::Previous,
            other => Self::Exact(other.to_owned()),
        }
    }
}

/// A parsed reference. Cannot be wrong in form; whether its source exists is the plan's to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) source: String,
    pub(crate) path: String,
    pub(crate) field: Option<String>,
    pub(crate) version: Version,
    pub(crate) params: Vec<(String, String)>,
}

impl Reference {
    /// Parses `text`.
    ///
    /// # Errors
    /// A [`Fault`] with the place inside `text`: no source, an empty part, a bad `%` escape.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let whole = 0..text.len();
        let Some((source, rest)) = text.split_once(':') else {
            return Err(Fault::new(whole, "a reference needs a source, as in `vault:kv/app#key`")
                .help("write SOURCE:PATH#FIELD"));
        };
        if !is_source_name(source) {
            return Err(Fault::new(0..source.len(), format!("`{source}` is not a source name"))
                .help("a source name is made of lower-case letters, digits and dashes"));
        }
        let start = source.len() + 1;
        let (address, params) = match rest.split_once('?') {
            Some((address, query)) => (address, parse_params(query, start + address.len() + 1)?),
            None => (rest, Vec::new()),
        };
        let parts = Parts::split(address, start);
        let path = decode(parts.path.0, parts.path.1)?;
        if path.is_empty() {
            return Err(Fault::new(whole, "this reference has no path")
                .help("write SOURCE:PATH, as in `file:/run/secrets/db`"));
        }
        let field = parts.field.map(|part| non_empty(part, "field", '#')).transpose()?;
        let version = parts.version.map(|part| non_empty(part, "version", '@')).transpose()?;
        Ok(Self {
            source: source.to_owned(),
            path,
            field,
            version: version.map_or(Version::Current, |text| Version::parse(&text)),
            params,
        })
    }

    /// The address of what has to be fetched: two fields of one path are one fetch.
    pub(crate) fn request(&self) -> Request {
        Request {
            source: self.source.clone(),
            path: self.path.clone(),
            version: self.version.clone(),
            params: self.params.clone(),
        }
    }

    /// The same reference, to `version` instead of the current one.
    #[must_use]
    pub(crate) fn at(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }
}

/// What a source is asked for: a reference without its field, the unit of fetching and leasing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) source: String,
    pub(crate) path: String,
    pub(crate) version: Version,
    pub(crate) params: Vec<(String, String)>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_address(f, &self.source, &self.path, None, &self.version, &self.params)
    }
}

/// Writes the reference so that it parses back to the same one.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.as_deref();
        write_address(f, &self.source, &self.path, field, &self.version, &self.params)
    }
}

fn write_address(
    f: &mut fmt::Formatter<'_>,
    source: &str,
    path: &str,
    field: Option<&str>,
    version: &Version,
    params: &[(String, String)],
) -> fmt::Result {
    // With a field, an `@` in the path is the path's own; without one it would start a version.
    let reserved_in_path = if field.is_some() { "%#?|}" } else { "%#?@|}" };
    write!(f, "{source}:{}", Encoded(path, reserved_in_path))?;
    if let Some(field) = field {
        write!(f, "#{}", Encoded(field, "%#?@|}"))?;
    }
    match version {
        Version::Current => {}
        Version::Previous => f.write_str("@previous")?,
        Version::Exact(text) => write!(f, "@{}", Encoded(text, "%#?@|}"))?,
    }
    for (index, (name, value)) in params.iter().enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        write!(f, "{separator}{}={}", Encoded(name, "%&=#?|}"), Encoded(value, "%&|}"))?;
    }
    Ok(())
}

/// The parts of an address, still encoded, each with its offset in the reference.
struct Parts<'a> {
    path: (&'a str, usize),
    field: Option<(&'a str, usize)>,
    version: Option<(&'a str, usize)>,
}

impl<'a> Parts<'a> {
    fn split(address: &'a str, start: usize) -> Self {
        let (path, tail) = match address.split_once('#') {
            Some((path, tail)) => (path, Some((tail, start + path.len() + 1))),
            None => (address, None),
        };
        // The version follows the field, or the path where there is none.
        let (carrier, offset) = tail.unwrap_or((path, start));
        let (carrier, version) = match carrier.rsplit_once('@') {
            Some((before, version)) => (before, Some((version, offset + before.len() + 1))),
            None => (carrier, None),
        };
        match tail {
            Some((_, offset)) => {
                Self { path: (path, start), field: Some((carrier, offset)), version }
            }
            None => Self { path: (carrier, start), field: None, version },
        }
    }
}

fn parse_params(query: &str, start: usize) -> Result<Vec<(String, String)>, Fault> {
    let mut offset = start;
    let mut params = Vec::new();
    for pair in query.split('&') {
        let span = offset..offset + pair.len();
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Fault::new(span, "a parameter is written NAME=VALUE")
                .help("separate parameters with `&`; write `&` itself as `%26`"));
        };
        params.push((decode(name, offset)?, decode(value, offset + name.len() + 1)?));
        offset = span.end + 1;
    }
    Ok(params)
}

fn non_empty((text, offset): (&str, usize), what: &str, mark: char) -> Result<String, Fault> {
    if text.is_empty() {
        return Err(Fault::new(offset - 1..offset, format!("no {what} follows `{mark}`"))
            .help(format!("write the {what}, or `%{:02X}` for a literal `{mark}`", mark as u32)));
    }
    decode(text, offset)
}

/// Decodes `%XX`. The result must be UTF-8, as every name in every source is.
fn decode(text: &str, offset: usize) -> Result<String, Fault> {
    let bad = |span: Range<usize>, cause: &str| {
        Err(Fault::new(span.start + offset..span.end + offset, cause)
            .help("write a literal `%` as `%25`"))
    };
    if let Some(at) = text.find('\0') {
        return Err(Fault::new(
            at + offset..at + 1 + offset,
            "a reference cannot hold a NUL character",
        ));
    }
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let at = text.len() - rest.len();
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        match tail {
            [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            _ => return bad(at..at + 1, "`%` must be followed by two hexadecimal digits"),
        }
    }
    match String::from_utf8(bytes) {
        Ok(decoded) if decoded.contains('\0') => bad(0..text.len(), "`%00` is not allowed"),
        Ok(decoded) => Ok(decoded),
        Err(_) => bad(0..text.len(), "these `%` escapes are not UTF-8"),
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// A part of a reference with `%XX` for the characters that would end it.
struct Encoded<'a>(&'a str, &'static str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if self.1.contains(character) {
                write!(f, "%{:02X}", character as u32)?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// Whether `name` can stand before the `:` of a reference.
pub(crate) fn is_source_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    #[test]
    fn takes_every_part_apart() {
        let reference = parse("vault:kv/finance#key@3?common_name=a.b&ttl=1h");
        assert_eq!(reference.source, "vault");
        assert_eq!(reference.path, "kv/finance");
        assert_eq!(reference.field.as_deref(), Some("key"));
        assert_eq!(reference.version, Version::Exact("3".into()));
        assert_eq!(
            reference.params,
            [("common_name".into(), "a.b".into()), ("ttl".into(), "1h".into())]
        );
    }

    #[test]
    fn an_arn_keeps_its_colons_and_a_path_its_at_sign() {
        assert_eq!(parse("aws:arn:aws:sm:eu:1:secret:x").path, "arn:aws:sm:eu:1:secret:x");
        assert_eq!(parse("aws:team@home/x#f").path, "team@home/x");
        assert_eq!(parse("aws:x@previous").version, Version::Previous);
        assert_eq!(parse("file:a%40b").path, "a@b");
    }

    #[test]
    fn two_fields_of_one_path_are_one_request() {
        assert_eq!(parse("vault:db/creds/x#a").request(), parse("vault:db/creds/x#b").request());
        assert_ne!(parse("vault:kv/x#a").request(), parse("vault:kv/x#a@previous").request());
    }

    #[test]
    fn faults_point_at_their_place() {
        for (text, span) in [
            ("no-colon", 0..8),
            ("Bad Name:x", 0..8),
            ("vault:", 0..6),
            ("vault:kv#", 8..9),
            ("vault:kv@", 8..9),
            ("vault:k%zz", 7..8),
            ("vault:kv?x", 9..10),
            ("vault:k\0v", 7..8),
            ("vault:kv#%00", 9..12),
        ] {
            assert_eq!(Reference::parse(text).unwrap_err().span, span, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_parses_back(
            path in "[^\0]{1,12}",
            field in proptest::option::of("[^\0]{1,8}"),
            version in proptest::option::of("[^\0]{1,8}"),
            params in proptest::collection::vec(("[^\0]{1,5}", "[^\0]{0,5}"), 0..3),
        ) {
            let reference = Reference {
                source: "vault".into(),
                path,
                field,
                version: version.map_or(Version::Current, |text| Version::parse(&text)),
                params,
            };
            prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Reference::parse(&text);
        }
    }
}
