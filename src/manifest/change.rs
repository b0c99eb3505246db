//! What the child sees of a change: `on-change`, `on-renew`, `on-lease-lost`.

use toml::de::{DeTable, DeValue};

use super::reader::Reader;
use crate::{fault::Fault, signal::Signal};

/// What follows a change of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnChange {
    Restart,
    /// A signal to the child; `None` is the one of `[run] signal`.
    Signal(Option<Signal>),
    /// A program and its arguments.
    Command(Vec<String>),
    Nothing,
}

/// What follows a lease that could not be replaced before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnLeaseLost {
    #[default]
    Stop,
    Keep,
}

impl OnChange {
    pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Option<Self> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::String(word) => match word.as_ref() {
                "restart" => Some(Self::Restart),
                "signal" => Some(Self::Signal(None)),
                "none" => Some(Self::Nothing),
                _ => None,
            },
            DeValue::Table(inner) => {
                let signal = reader.signal(inner, "signal");
                let command = reader.texts(inner, "command");
                match (signal, command) {
                    (Some(signal), None) => Some(Self::Signal(Some(signal))),
                    (None, Some(words)) if !words.is_empty() => {
                        Some(Self::Command(words.into_iter().map(|word| word.value).collect()))
                    }
                    _ => {
                        let fault = Fault::new(value.span(), format!("`{key}` needs one action"))
                            .help("write { command = [\"program\", …] } or { signal = \"…\" }");
                        reader.faults.push(fault);
                        None
                    }
                }
            }
            _ => None,
        }
    }
}

impl OnLeaseLost {
    pub(super) fn read(reader: &Reader<'_>, table: &DeTable<'_>) -> Option<Self> {
        match reader.text(table, "on-lease-lost")?.value.as_str() {
            "stop" => Some(Self::Stop),
            "keep" => Some(Self::Keep),
            _ => None,
        }
    }
}
