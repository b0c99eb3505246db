//! Interpolation: `${name}`, `${name.field}`, `${name@previous}`, `${vault:kv/app#key}`,
//! `${name.lease.ttl}`, each with filters. `$${` is a literal `${`; any other `$` is itself.

use std::ops::Range;

use crate::{
    fault::Fault,
    filter::Filter,
    reference::{Reference, Version},
};

/// A parsed template: literal text and holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Hole(Hole),
}

/// One `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) target: Target,
    pub(crate) filters: Vec<Filter>,
    /// Where it stands in the template's text, from `$` to `}`.
    pub(crate) span: Range<usize>,
}

impl Hole {
    /// Whether it yields the current value and the previous one, as a list.
    pub(crate) fn wants_versions(&self) -> bool {
        self.filters.contains(&Filter::Versions)
    }
}

/// What a hole is filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A secret by its name in the manifest, or another variable of `[env]`.
    Name { name: String, field: Option<String>, version: Version },
    /// What is known of a named secret's lease.
    Lease { name: String, item: LeaseItem },
    /// A reference written in place.
    Inline(Reference),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseItem {
    /// Seconds from issue to expiry.
    Ttl,
    /// The moment of expiry, RFC 3339 in UTC.
    Expires,
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// A [`Fault`] with the place inside `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            let dollar = at + found;
            if text[at..dollar].ends_with('$') {
                literal.push_str(&text[at..dollar]);
                literal.push('{');
                at = dollar + 2;
                continue;
            }
            literal.push_str(&text[at..dollar]);
            let Some(length) = text[dollar..].find('}') else {
                return Err(Fault::new(dollar..text.len(), "this `${` is never closed")
                    .help("close it with `}`, or write `$${` for a literal `${`"));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            let end = dollar + length + 1;
            parts.push(Part::Hole(parse_hole(text, dollar..end)?));
            at = end;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Literal(_) => None,
        })
    }
}

fn parse_hole(text: &str, span: Range<usize>) -> Result<Hole, Fault> {
    let start = span.start + 2;
    let mut pieces = text[start..span.end - 1].split('|');
    let expression = pieces.next().unwrap_or_default();
    let target = parse_target(expression, start)?;
    let mut filters = Vec::new();
    let mut at = start + expression.len() + 1;
    for name in pieces {
        let place = at..at + name.len();
        filters.push(Filter::parse(name).map_err(|fault| fault.within(place.clone(), true))?);
        at = place.end + 1;
    }
    check_versions(&target, &filters, start..span.end - 1)?;
    Ok(Hole { target, filters, span })
}

/// `versions` makes a list, so it comes first and something must turn the list into text.
fn check_versions(target: &Target, filters: &[Filter], span: Range<usize>) -> Result<(), Fault> {
    let Some(position) = filters.iter().position(|filter| *filter == Filter::Versions) else {
        return Ok(());
    };
    if position != 0 {
        return Err(Fault::new(span, "`versions` must be the first filter")
            .help("write `${name|versions|json}`"));
    }
    if filters.last() != Some(&Filter::Json) {
        return Err(Fault::new(span, "`versions` yields a list, which is not text")
            .help("end with `|json`, as in `${name|versions|json}`"));
    }
    let versioned = match target {
        Target::Name { version, .. } => *version != Version::Current,
        Target::Inline(reference) => reference.version != Version::Current,
        Target::Lease { .. } => true,
    };
    if versioned {
        return Err(Fault::new(span, "`versions` means the current and the previous version")
            .help("leave the `@…` out, or the filter"));
    }
    Ok(())
}

fn parse_target(expression: &str, start: usize) -> Result<Target, Fault> {
    let span = start..start + expression.len();
    if let Some((name, after)) = expression.split_once(':')
        && after.starts_with(['-', '=', '+', '?'])
    {
        let operator = start + name.len()..start + name.len() + 2;
        return Err(Fault::new(operator, "a template has no defaults or conditions")
            .help("write `default = \"…\"` beside the variable's `value`"));
    }
    if expression.contains(':') {
        return Reference::parse(expression)
            .map(Target::Inline)
            .map_err(|fault| fault.within(span, true));
    }
    let (path, version) = match expression.split_once('@') {
        Some((path, "previous")) => (path, Version::Previous),
        Some((path, version)) if !version.is_empty() => (path, Version::Exact(version.to_owned())),
        Some(_) => {
            return Err(Fault::new(span, "no version follows `@`").help("write `@previous`"));
        }
        None => (expression, Version::Current),
    };
    let (name, field) = match path.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (path, None),
    };
    if !is_name(name) {
        return Err(not_a_name(name, start));
    }
    let name = name.to_owned();
    match field {
        Some("lease.ttl") => Ok(Target::Lease { name, item: LeaseItem::Ttl }),
        Some("lease.expires") => Ok(Target::Lease { name, item: LeaseItem::Expires }),
        Some("") => Err(Fault::new(span, "no field follows `.`").help("write `${name.field}`")),
        field => Ok(Target::Name { name, field: field.map(str::to_owned), version }),
    }
}

fn not_a_name(name: &str, start: usize) -> Fault {
    let fault = Fault::new(start..start + name.len().max(1), format!("`{name}` is not a name"));
    if name.is_empty() {
        fault.help("write `${name}`, or `$${` for a literal `${`")
    } else if name.contains([' ', '(', '-', '+', '?']) {
        fault.help("a template only names secrets: there are no defaults, conditions or commands")
    } else {
        fault.help("a name is made of letters, digits, `_` and `-`, and starts with a letter")
    }
}

/// Whether `name` can name a secret: a letter or `_`, then letters, digits, `_`, `-`.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn only_hole(text: &str) -> Hole {
        let template = Template::parse(text).unwrap();
        match template.parts.as_slice() {
            [Part::Hole(hole)] => hole.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_dollar_is_itself_and_two_escape_a_brace() {
        for (text, plain) in [
            ("p@ss$word", "p@ss$word"),
            ("$2b$12$x", "$2b$12$x"),
            ("$${HOME}", "${HOME}"),
            ("$$", "$$"),
            ("a$$${x", "a$${x"),
            ("}", "}"),
            ("$", "$"),
        ] {
            match Template::parse(text) {
                Ok(template) => assert_eq!(template.parts, [literal(plain)], "{text}"),
                Err(fault) => panic!("{text}: {fault:?}"),
            }
        }
    }

    #[test]
    fn composes_literals_and_holes() {
        let template = Template::parse("postgres://${db.username|url}@pg/${vault:kv/x#n}").unwrap();
        assert_eq!(template.parts.len(), 4);
        assert_eq!(template.parts[0], literal("postgres://"));
        assert_eq!(template.parts[2], literal("@pg/"));
        assert_eq!(template.holes().count(), 2);
    }

    #[test]
    fn reads_each_kind_of_target() {
        assert_eq!(
            only_hole("${db.lease.ttl}").target,
            Target::Lease { name: "db".into(), item: LeaseItem::Ttl }
        );
        assert_eq!(
            only_hole("${key@previous}").target,
            Target::Name { name: "key".into(), field: None, version: Version::Previous }
        );
        assert!(matches!(only_hole("${file:/run/x}").target, Target::Inline(_)));
        assert!(only_hole("${signing|versions|json}").wants_versions());
    }

    #[test]
    fn faults_say_where_and_what_instead() {
        for (text, span, help) in [
            ("a${b", 1..4, "close it"),
            ("${}", 2..3, "literal"),
            ("${a:-b c}", 3..5, "default"),
            ("${HOME:x}", 2..6, "source name"),
            ("${a|ulr}", 4..7, "`url`"),
            ("${a|versions}", 2..12, "|json"),
            ("${a|json|versions|json}", 2..22, "${name|versions|json}"),
            ("${a@previous|versions|json}", 2..26, "leave"),
            ("${a.}", 2..4, "field"),
            ("${a@}", 2..4, "@previous"),
        ] {
            let fault = Template::parse(text).unwrap_err();
            assert_eq!(fault.span, span, "{text}");
            assert!(fault.help.unwrap_or_default().contains(help), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_text_without_holes_is_kept(text in "[^{]{0,40}", any in "\\PC{0,40}") {
            let template = Template::parse(&text).unwrap();
            let expected = if text.is_empty() { vec![] } else { vec![literal(&text)] };
            prop_assert_eq!(template.parts, expected);
            let _ = Template::parse(&any);
        }
    }
}
