//! `[env]`: a variable that the child receives.

use std::{collections::BTreeMap, ops::Range};

use toml::de::{DeTable, DeValue};

use super::reader::{Reader, scalar};
use crate::{fault::Fault, template::Template};

/// A template with its text and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) template: Template,
    /// As it stands in the manifest, to show where a value comes from.
    pub(crate) text: String,
    /// Where its characters stand in the manifest; see `verbatim`.
    pub(crate) span: Range<usize>,
    /// Whether the characters stand there unescaped, so that places inside can be shown.
    pub(crate) verbatim: bool,
}

/// What `[env]` or a profile's `env` says of one variable. What it leaves open, a weaker
/// declaration of the same variable may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) value: Option<Written>,
    pub(crate) default: Option<Written>,
    pub(crate) required: Option<bool>,
    pub(crate) description: Option<String>,
    pub(crate) span: Range<usize>,
}

impl Written {
    pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Option<Self> {
        Self::from_value(reader, table.get(key)?)
    }

    fn from_value(reader: &mut Reader<'_>, value: &toml::Spanned<DeValue<'_>>) -> Option<Self> {
        let text = scalar(reader.text, value)?;
        if text.value.contains('\0') {
            reader.faults.push(
                Fault::new(text.span.clone(), "a value cannot hold a NUL character")
                    .help("deliver binary data as a file, or use `|base64`"),
            );
            return None;
        }
        let template = reader.parse(&text, Template::parse)?;
        let (span, verbatim) = reader.inside(&text);
        Some(Self { template, text: text.value, span, verbatim })
    }
}

/// Reads an `[env]` table.
pub(super) fn read_all(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeMap<String, Variable> {
    let mut variables = BTreeMap::new();
    for (name, value) in table {
        let key = name.get_ref().to_string();
        if let Err(fault) = check_name(&key) {
            reader.faults.push(fault.within(name.span(), false));
            continue;
        }
        let span = name.span();
        let variable = match value.get_ref() {
            DeValue::Table(inner) => Variable {
                value: Written::read(reader, inner, "value"),
                default: Written::read(reader, inner, "default"),
                required: reader.bool(inner, "required"),
                description: reader.text(inner, "description").map(|text| text.value),
                span,
            },
            _ => Variable {
                value: Written::from_value(reader, value),
                default: None,
                required: None,
                description: None,
                span,
            },
        };
        variables.insert(key, variable);
    }
    variables
}

/// Whether `name` can name an environment variable.
///
/// # Errors
/// A [`Fault`] for an empty name and for `=`, NUL, white space or control characters in it.
pub(crate) fn check_name(name: &str) -> Result<(), Fault> {
    let wrong = name.chars().find(|c| *c == '=' || c.is_whitespace() || c.is_control());
    let fault = |cause: String| {
        Err(Fault::new(0..name.len(), cause)
            .help("a variable's name has no `=`, white space or control characters"))
    };
    match wrong {
        _ if name.is_empty() => fault("an environment variable needs a name".into()),
        Some(character) => {
            fault(format!("{character:?} cannot stand in the name of an environment variable"))
        }
        None => Ok(()),
    }
}
