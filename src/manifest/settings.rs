//! `[sources.NAME]`: settings that only the source itself understands.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use toml::de::{DeTable, DeValue};

use super::reader::duration;
use crate::fault::Fault;

/// The settings of one source, with their places. The shape check has seen to their types.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, (Setting, Range<usize>)>,
    /// Where the source is declared.
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Setting {
    Text(String),
    Bool(bool),
    List(Vec<String>),
}

/// A declared source: its type and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredSource {
    /// The type's own name.
    pub(crate) kind: String,
    pub(crate) settings: Settings,
}

impl Settings {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            (Setting::Text(text), _) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn bool(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            (Setting::Bool(flag), _) => Some(*flag),
            _ => None,
        }
    }

    /// A list, or one text as a list of one.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<String>> {
        match self.values.get(key)? {
            (Setting::List(items), _) => Some(items.clone()),
            (Setting::Text(text), _) => Some(vec![text.clone()]),
            (Setting::Bool(_), _) => None,
        }
    }

    pub(crate) fn duration(&self, key: &str) -> Result<Option<Duration>, Fault> {
        let Some(text) = self.text(key) else { return Ok(None) };
        duration(text).map(Some).map_err(|fault| fault.within(self.span_of(key), false))
    }

    /// The place of a setting, or of the whole source where it is not set.
    pub(crate) fn span_of(&self, key: &str) -> Range<usize> {
        self.values.get(key).map_or(self.span.clone(), |(_, span)| span.clone())
    }

    fn read(table: &DeTable<'_>, span: Range<usize>) -> Self {
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let setting = match value.get_ref() {
                DeValue::String(text) => Setting::Text(text.to_string()),
                DeValue::Boolean(flag) => Setting::Bool(*flag),
                DeValue::Array(items) => Setting::List(
                    items
                        .iter()
                        .filter_map(|item| item.get_ref().as_str().map(str::to_owned))
                        .collect(),
                ),
                _ => continue,
            };
            values.insert(key.get_ref().to_string(), (setting, value.span()));
        }
        Self { values, span }
    }
}

/// Reads the `[sources]` table.
pub(super) fn read_all(table: &DeTable<'_>) -> BTreeMap<String, DeclaredSource> {
    table
        .iter()
        .filter_map(|(name, value)| {
            let inner = value.get_ref().as_table()?;
            let settings = Settings::read(inner, name.span());
            let kind = settings.text("type").unwrap_or(name.get_ref()).to_owned();
            Some((name.get_ref().to_string(), DeclaredSource { kind, settings }))
        })
        .collect()
}
