//! Holds a parsed TOML table against its [`Spec`]: unknown keys, wrong types, wrong words.
//!
//! What passes here may still be wrong in meaning; what does not is reported here alone, and the
//! lowering that follows skips it in silence.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::spec::{Kind, SourceSpec, Spec};
use crate::fault::Fault;

/// Checks `table` (named `place` in messages) and everything below it.
pub(super) fn check(
    table: &DeTable<'_>,
    spec: &'static Spec,
    place: &str,
    sources: &[SourceSpec],
    faults: &mut Vec<Fault>,
) {
    let mut shape = Shape { sources, faults };
    shape.table(table, spec, place);
}

struct Shape<'a> {
    sources: &'a [SourceSpec],
    faults: &'a mut Vec<Fault>,
}

impl Shape<'_> {
    fn table(&mut self, table: &DeTable<'_>, spec: &'static Spec, place: &str) {
        for (name, value) in table {
            let written: &str = name.get_ref();
            let kind = spec.key(written).map(|key| &key.kind).or(spec.rest);
            let Some(kind) = kind else {
                self.faults.push(unknown_key(written, name.span(), spec, place));
                continue;
            };
            let inner =
                if place.is_empty() { written.to_owned() } else { format!("{place}.{written}") };
            if matches!(kind, Kind::Source) {
                self.source(written, value, &inner);
            } else {
                self.value(value, kind, &inner);
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, kind: &'static Kind, place: &str) {
        match (kind, value.get_ref()) {
            (Kind::Words(words), DeValue::String(text)) if !words.contains(&text.as_ref()) => {
                let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
                let fault =
                    Fault::new(value.span(), format!("`{text}` is not a value of `{place}`"))
                        .help(format!("write {}", list.join(" or ")))
                        .suggest(text, words.iter().copied());
                self.faults.push(fault);
            }
            (Kind::List(item), DeValue::Array(values)) => {
                for value in values {
                    self.value(value, item, place);
                }
            }
            (Kind::Table(spec), DeValue::Table(table)) => self.table(table, spec, place),
            (Kind::Either(kinds), found) => match kinds.iter().find(|kind| accepts(kind, found)) {
                Some(kind) => self.value(value, kind, place),
                None => self.faults.push(wrong_type(value, kind, place)),
            },
            (kind, found) if accepts(kind, found) => {}
            _ => self.faults.push(wrong_type(value, kind, place)),
        }
    }

    fn source(&mut self, name: &str, value: &Spanned<DeValue<'_>>, place: &str) {
        let DeValue::Table(table) = value.get_ref() else {
            self.faults.push(wrong_type(value, &Kind::Source, place));
            return;
        };
        let (kind, span) = match table.get("type").map(|kind| (kind.get_ref(), kind.span())) {
            Some((DeValue::String(kind), span)) => (kind.as_ref(), span),
            Some((_, span)) => {
                self.faults.push(Fault::new(span, format!("`{place}.type` must be a string")));
                return;
            }
            None => (name, value.span()),
        };
        let Some(source) = self.sources.iter().find(|source| source.name == kind) else {
            let names = self.sources.iter().map(|source| source.name).collect::<Vec<_>>();
            let fault = Fault::new(span, format!("`{kind}` is not a type of source"))
                .help(format!("say `type = \"…\"`, one of: {}", names.join(", ")))
                .suggest(kind, names);
            self.faults.push(fault);
            return;
        };
        for (key, value) in table {
            let written: &str = key.get_ref();
            if written == "type" {
                continue;
            }
            match source.spec.key(written).map(|key| &key.kind).or(source.spec.rest) {
                Some(kind) => self.value(value, kind, &format!("{place}.{written}")),
                None => self.faults.push(unknown_key(written, key.span(), source.spec, place)),
            }
        }
    }
}

/// Whether the TOML type of `value` is one that `kind` takes.
fn accepts(kind: &Kind, value: &DeValue<'_>) -> bool {
    match kind {
        Kind::Text | Kind::Words(_) => matches!(value, DeValue::String(_)),
        Kind::Bool => matches!(value, DeValue::Boolean(_)),
        Kind::Integer => matches!(value, DeValue::Integer(_)),
        Kind::Scalar => {
            !matches!(value, DeValue::Table(_) | DeValue::Array(_) | DeValue::Datetime(_))
        }
        Kind::List(_) => matches!(value, DeValue::Array(_)),
        Kind::Table(_) | Kind::Source => matches!(value, DeValue::Table(_)),
        Kind::Either(kinds) => kinds.iter().any(|kind| accepts(kind, value)),
    }
}

fn unknown_key(
    written: &str,
    span: std::ops::Range<usize>,
    spec: &'static Spec,
    place: &str,
) -> Fault {
    let names = spec.keys.iter().map(|key| key.name);
    let place = if place.is_empty() { "the manifest".to_owned() } else { format!("`{place}`") };
    let list = names.clone().collect::<Vec<_>>().join(", ");
    let fault = Fault::new(span, format!("{place} has no key `{written}`"));
    let fault = if list.is_empty() { fault } else { fault.help(format!("its keys are: {list}")) };
    if place == "the manifest" && written.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return fault.help("variables belong under `[env]`");
    }
    fault.suggest(written, names)
}

fn wrong_type(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &str) -> Fault {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Fault::new(value.span(), format!("`{place}` must be {}, not {found}", describe(kind)))
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Words(_) => "a string".into(),
        Kind::Bool => "`true` or `false`".into(),
        Kind::Integer => "an integer".into(),
        Kind::Scalar => "a string, a number or a boolean".into(),
        Kind::List(item) => format!("a list, each item {}", describe(item)),
        Kind::Table(_) | Kind::Source => "a table".into(),
        Kind::Either(kinds) => kinds.iter().map(describe).collect::<Vec<_>>().join(", or "),
    }
}
