//! `sublet.toml`: parsed into types that cannot be wrong, or into all of its faults at once.
//!
//! Pure: the text comes in, the manifest and its faults go out.

mod change;
mod file;
pub(crate) mod keys;
mod listen;
mod profile;
mod reader;

pub(crate) mod report;
mod run;
pub(crate) mod schema;
mod secret;
mod settings;
mod shape;
pub(crate) mod spec;
mod variable;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

pub(crate) use self::{
    change::OnChange,
    file::DeclaredFile,
    listen::Listen,
    profile::{
        BUILT_IN, DEFAULT_PROFILE, Dotenv, Profile, conventional_dotenv, is_profile_name,
        refuses_dotenv,
    },
    run::{Budget, Inherit, Run, Stop},
    secret::{DeclaredSecret, Origin, PlacedReference},
    settings::{DeclaredSource, Settings},
    variable::{Variable, Written, check_name},
};
use self::{reader::Reader, spec::SourceSpec};
use crate::fault::Fault;

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Manifest {
    pub(crate) env: BTreeMap<String, Variable>,
    pub(crate) files: Vec<DeclaredFile>,
    pub(crate) secrets: BTreeMap<String, DeclaredSecret>,
    pub(crate) profiles: BTreeMap<String, Profile>,
    pub(crate) sources: BTreeMap<String, DeclaredSource>,
    pub(crate) run: Run,
    pub(crate) listen: Vec<Listen>,
}

/// Parses `text`; `sources` are the types that `[sources]` may declare.
///
/// Returns what could be read and every fault in it. A manifest with faults must not be used for
/// anything but finding further ones.
///
/// # Errors
/// Text that is not TOML, with every place where it is not.
pub(crate) fn parse(
    text: &str,
    sources: &[SourceSpec],
) -> Result<(Manifest, Vec<Fault>), Vec<Fault>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            let span = error.span().unwrap_or_default();
            Fault::new(span, format!("not TOML: {}", error.message()))
        };
        let mut faults = errors.iter().map(fault).collect::<Vec<_>>();
        faults.sort_by_key(|fault| fault.span.start);
        return Err(faults);
    }
    let mut reader = Reader::new(text);
    let root = root.get_ref();
    shape::check(root, &keys::MANIFEST, "", sources, &mut reader.faults);
    let manifest = read(&mut reader, root);
    let mut faults = reader.faults;
    faults.sort_by_key(|fault| fault.span.start);
    Ok((manifest, faults))
}

fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) -> Manifest {
    let empty = DeTable::new();
    let table = |key: &str| root.get(key).and_then(|value| value.get_ref().as_table());
    let listen = match root.get("listen").map(toml::Spanned::get_ref) {
        Some(DeValue::Array(items)) => listen::read_all(reader, items.iter()),
        _ => Vec::new(),
    };
    Manifest {
        env: variable::read_all(reader, table("env").unwrap_or(&empty)),
        files: file::read_all(reader, table("files").unwrap_or(&empty)),
        secrets: secret::read_all(reader, table("secrets").unwrap_or(&empty), &keys::SECRET),
        profiles: profile::read_all(reader, table("profiles").unwrap_or(&empty)),
        sources: settings::read_all(table("sources").unwrap_or(&empty)),
        run: run::read(reader, table("run").unwrap_or(&empty)),
        listen,
    }
}
