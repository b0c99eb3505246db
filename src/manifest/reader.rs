//! Reads values out of TOML tables into domain types, and collects what is wrong with them.

use std::{ops::Range, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{fault::Fault, signal::Signal};

/// The text of the manifest and the faults found in it so far.
///
/// A key whose value has the wrong type reads as absent: the shape check has reported it.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
}

/// A string of the manifest with its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) span: Range<usize>,
}

#[expect(clippy::unused_self, reason = "every kind of value is read in the same way")]
impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, faults: Vec::new() }
    }

    pub(super) fn text(&self, table: &DeTable<'_>, key: &str) -> Option<Text> {
        table.get(key).and_then(as_text)
    }

    pub(super) fn bool(&self, table: &DeTable<'_>, key: &str) -> Option<bool> {
        table.get(key).and_then(|value| value.get_ref().as_bool())
    }

    /// A list of strings, or one string where the key takes either.
    pub(super) fn texts(&self, table: &DeTable<'_>, key: &str) -> Option<Vec<Text>> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(items.iter().filter_map(as_text).collect()),
            _ => as_text(value).map(|text| vec![text]),
        }
    }

    pub(super) fn table<'a, 'i>(
        &self,
        table: &'a DeTable<'i>,
        key: &str,
    ) -> Option<&'a DeTable<'i>> {
        table.get(key).and_then(|value| value.get_ref().as_table())
    }

    /// Parses a string of the manifest; a fault is reported at its place and yields nothing.
    pub(super) fn parse<T>(
        &mut self,
        text: &Text,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        match parse(&text.value) {
            Ok(parsed) => Some(parsed),
            Err(fault) => {
                let (inner, verbatim) = self.inside(text);
                self.faults.push(fault.within(inner, verbatim));
                None
            }
        }
    }

    pub(super) fn duration(&mut self, table: &DeTable<'_>, key: &str) -> Option<Duration> {
        let text = self.text(table, key)?;
        self.parse(&text, duration)
    }

    pub(super) fn signal(&mut self, table: &DeTable<'_>, key: &str) -> Option<Signal> {
        let text = self.text(table, key)?;
        self.parse(&text, Signal::parse)
    }

    /// Permissions in octal.
    pub(super) fn mode(&mut self, table: &DeTable<'_>, key: &str) -> Option<u32> {
        let text = self.text(table, key)?;
        self.parse(&text, |text| {
            u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777).ok_or_else(|| {
                Fault::new(0..text.len(), format!("`{text}` is not a file mode"))
                    .help("write permissions in octal, as in \"0400\"")
            })
        })
    }

    /// The place of the characters of `text`, and whether they stand there as they are (they do
    /// not where the TOML string has escapes).
    pub(super) fn inside(&self, text: &Text) -> (Range<usize>, bool) {
        let written = self.text.get(text.span.clone()).unwrap_or_default();
        match written.find(&text.value) {
            Some(offset) if !text.value.is_empty() => {
                let start = text.span.start + offset;
                (start..start + text.value.len(), true)
            }
            _ => (text.span.clone(), false),
        }
    }
}

fn as_text(value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = value.get_ref().as_str()?;
    Some(Text { value: text.to_owned(), span: value.span() })
}

/// A string, or a number or boolean as it is written.
pub(super) fn scalar(manifest: &str, value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
            manifest.get(value.span())?.to_owned()
        }
        _ => return None,
    };
    Some(Text { value: text, span: value.span() })
}

/// A length of time as people write it: `500ms`, `2s`, `5m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, Fault> {
    humantime::parse_duration(text).map_err(|_| {
        Fault::new(0..text.len(), format!("`{text}` is not a length of time"))
            .help("write a number and a unit: \"500ms\", \"2s\", \"5m\", \"1h\"")
    })
}
