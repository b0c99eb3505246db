//! `[profiles]`: where the process runs, and what differs there.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use toml::de::{DeTable, DeValue};

use super::{
    keys,
    reader::{Reader, Text},
    secret::{self, DeclaredSecret},
    variable::{self, Variable},
};
use crate::fault::Fault;

/// The profile where none is named.
pub(crate) const DEFAULT_PROFILE: &str = "development";

/// Profiles that exist whether the manifest speaks of them or not.
pub(crate) const BUILT_IN: [&str; 3] = [DEFAULT_PROFILE, "staging", "production"];

/// Whether `.env` files are refused in a profile that does not allow them in so many words.
pub(crate) fn refuses_dotenv(profile: &str) -> bool {
    matches!(profile, "staging" | "production")
}

/// The `.env` files of a profile that does not list its own; later ones win.
pub(crate) fn conventional_dotenv(profile: &str) -> [String; 4] {
    [
        ".env".to_owned(),
        ".env.local".to_owned(),
        format!(".env.{profile}"),
        format!(".env.{profile}.local"),
    ]
}

/// What a profile says of `.env` files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dotenv {
    /// `dotenv = false`: none, and `dotenv:` references are refused.
    Refused,
    /// These, beside the manifest; later ones win.
    Files(Vec<String>),
}

/// One `[profiles.NAME]`, before `extends` is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Profile {
    /// The profiles it starts from; later ones win.
    pub(crate) extends: Vec<(String, Range<usize>)>,
    pub(crate) dotenv: Option<(Dotenv, Range<usize>)>,
    pub(crate) allow_dotenv: bool,
    pub(crate) watch: Option<Duration>,
    pub(crate) env: BTreeMap<String, Variable>,
    pub(crate) secrets: BTreeMap<String, DeclaredSecret>,
}

/// Reads the `[profiles]` table.
pub(super) fn read_all(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    for (name, value) in table {
        let Some(inner) = value.get_ref().as_table() else { continue };
        let key = name.get_ref().to_string();
        if !is_profile_name(&key) {
            reader.faults.push(
                Fault::new(name.span(), format!("`{key}` is not a name for a profile"))
                    .help("use letters, digits, `_` and `-`: it becomes part of `.env.PROFILE`"),
            );
            continue;
        }
        profiles.insert(key, read(reader, inner));
    }
    profiles
}

/// Whether `name` can name a profile: letters, digits, `_` and `-`.
pub(crate) fn is_profile_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Profile {
    let names = |texts: Vec<Text>| texts.into_iter().map(|text| (text.value, text.span)).collect();
    Profile {
        extends: reader.texts(table, "extends").map(names).unwrap_or_default(),
        dotenv: read_dotenv(reader, table),
        allow_dotenv: reader.bool(table, "allow-dotenv").unwrap_or(false),
        watch: reader.duration(table, "watch"),
        env: reader
            .table(table, "env")
            .map(|inner| variable::read_all(reader, inner))
            .unwrap_or_default(),
        secrets: reader
            .table(table, "secrets")
            .map(|inner| secret::read_all(reader, inner, &keys::SECRET))
            .unwrap_or_default(),
    }
}

fn read_dotenv(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<(Dotenv, Range<usize>)> {
    let value = table.get("dotenv")?;
    match value.get_ref() {
        DeValue::Boolean(false) => Some((Dotenv::Refused, value.span())),
        // `true` is what holds anyway: the conventional files.
        DeValue::Boolean(true) => None,
        _ => {
            let files = reader.texts(table, "dotenv")?.into_iter().map(|text| text.value).collect();
            Some((Dotenv::Files(files), value.span()))
        }
    }
}
