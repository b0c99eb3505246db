//! `[secrets]`: names for references, and how each secret is looked after.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    change::{OnChange, OnLeaseLost},
    reader::{Reader, Text},
    spec::Spec,
};
use crate::{fault::Fault, reference::Reference, template::is_name};

/// A reference with its place in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlacedReference {
    pub(crate) reference: Reference,
    pub(crate) span: Range<usize>,
}

/// Where a declared secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One reference: one value, or the fields that were issued together.
    Reference(PlacedReference),
    /// Put together from several references, by field.
    Fields(BTreeMap<String, PlacedReference>),
    /// From nowhere: its default is its value.
    Default,
}

/// One entry of `[secrets]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredSecret {
    pub(crate) origin: Origin,
    pub(crate) default: Option<String>,
    pub(crate) required: bool,
    pub(crate) description: Option<String>,
    /// How often to look for a change; `None` leaves it to the profile.
    pub(crate) watch: Option<Duration>,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) on_renew: Option<OnChange>,
    pub(crate) on_lease_lost: Option<OnLeaseLost>,
    pub(crate) span: Range<usize>,
}

impl DeclaredSecret {
    fn plain(reference: PlacedReference, span: Range<usize>) -> Self {
        Self {
            origin: Origin::Reference(reference),
            default: None,
            required: true,
            description: None,
            watch: None,
            on_change: None,
            on_renew: None,
            on_lease_lost: None,
            span,
        }
    }

    /// Every reference of the secret.
    pub(crate) fn references(&self) -> impl Iterator<Item = &PlacedReference> {
        let (one, many) = match &self.origin {
            Origin::Reference(reference) => (Some(reference), None),
            Origin::Fields(fields) => (None, Some(fields.values())),
            Origin::Default => (None, None),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// Reads a `[secrets]` table.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    spec: &Spec,
) -> BTreeMap<String, DeclaredSecret> {
    let mut secrets = BTreeMap::new();
    for (name, value) in table {
        let key = name.get_ref().to_string();
        if !is_name(&key) {
            reader.faults.push(
                Fault::new(name.span(), format!("`{key}` is not a name for a secret"))
                    .help("use letters, digits, `_` and `-`, starting with a letter"),
            );
            continue;
        }
        if let Some(secret) = read(reader, &key, name.span(), value, spec) {
            secrets.insert(key, secret);
        }
    }
    secrets
}

fn read(
    reader: &mut Reader<'_>,
    name: &str,
    span: Range<usize>,
    value: &Spanned<DeValue<'_>>,
    spec: &Spec,
) -> Option<DeclaredSecret> {
    let table = match value.get_ref() {
        DeValue::Table(table) => table,
        DeValue::String(text) => {
            let text = Text { value: text.to_string(), span: value.span() };
            return reference(reader, &text).map(|found| DeclaredSecret::plain(found, span));
        }
        _ => return None,
    };
    let origin = origin(reader, name, &span, table, spec)?;
    Some(DeclaredSecret {
        origin,
        default: reader.text(table, "default").map(|text| text.value),
        required: reader.bool(table, "required").unwrap_or(true),
        description: reader.text(table, "description").map(|text| text.value),
        watch: reader.duration(table, "watch"),
        on_change: OnChange::read(reader, table, "on-change"),
        on_renew: OnChange::read(reader, table, "on-renew"),
        on_lease_lost: OnLeaseLost::read(reader, table),
        span,
    })
}

fn origin(
    reader: &mut Reader<'_>,
    name: &str,
    span: &Range<usize>,
    table: &DeTable<'_>,
    spec: &Spec,
) -> Option<Origin> {
    let mut fields = BTreeMap::new();
    let loose = table.iter().filter(|(key, _)| spec.key(key.get_ref()).is_none());
    let listed = reader.table(table, "fields").into_iter().flatten();
    let mut broken = false;
    for (key, value) in loose.chain(listed) {
        let Some(text) = value.get_ref().as_str() else { continue };
        let text = Text { value: text.to_owned(), span: value.span() };
        match reference(reader, &text) {
            Some(found) => {
                let listed =
                    reader.table(table, "fields").is_some_and(|listed| listed.contains_key(key));
                if !listed {
                    suspect_option(reader, key, spec);
                }
                fields.insert(key.get_ref().to_string(), found);
            }
            None => {
                broken = true;
                note_misspelt_key(reader, key, spec);
            }
        }
    }
    if broken {
        return None;
    }
    match reader.text(table, "ref") {
        Some(text) if fields.is_empty() => reference(reader, &text).map(Origin::Reference),
        Some(_) => {
            let fault = Fault::new(span.clone(), format!("`{name}` has a `ref` and fields"))
                .help("a secret is one reference, or fields that are references")
                .suggest_any(fields.keys(), spec);
            reader.faults.push(fault);
            None
        }
        None if !fields.is_empty() => Some(Origin::Fields(fields)),
        None if table.contains_key("ref") => None,
        None if table.contains_key("default") || !required(table) => Some(Origin::Default),
        None => {
            reader.faults.push(
                Fault::new(span.clone(), format!("`{name}` comes from nowhere"))
                    .help("add `ref = \"SOURCE:PATH\"`, or a `default`"),
            );
            None
        }
    }
}

fn required(table: &DeTable<'_>) -> bool {
    table.get("required").and_then(|value| value.get_ref().as_bool()).unwrap_or(true)
}

/// A key that is not an option is taken for a field; where its value is no reference either, it
/// was perhaps meant as an option.
fn note_misspelt_key(reader: &mut Reader<'_>, key: &Spanned<toml::de::DeString<'_>>, spec: &Spec) {
    let names = spec.keys.iter().map(|key| key.name);
    if let Some(fault) = reader.faults.last_mut()
        && let Some(right) = crate::fault::nearest(key.get_ref(), names)
    {
        fault.span = key.span();
        fault.cause =
            format!("`{}` is not an option of a secret, and this is no reference", key.get_ref());
        fault.help = Some(format!("did you mean `{right}`?"));
    }
}

/// A field that is one slip away from an option was perhaps meant as that.
fn suspect_option(reader: &mut Reader<'_>, key: &Spanned<toml::de::DeString<'_>>, spec: &Spec) {
    let written = key.get_ref().as_ref();
    let names = spec.keys.iter().map(|key| key.name);
    if let Some(right) = names.into_iter().find(|name| strsim::osa_distance(name, written) == 1) {
        let cause = format!("`{written}` is so like the option `{right}` that one may be meant");
        reader.faults.push(Fault::new(key.span(), cause).help(format!(
            "write `{right}`, or for a field of that name `fields = {{ {written} = … }}`"
        )));
    }
}

fn reference(reader: &mut Reader<'_>, text: &Text) -> Option<PlacedReference> {
    let reference = reader.parse(text, Reference::parse)?;
    Some(PlacedReference { reference, span: reader.inside(text).0 })
}

impl Fault {
    fn suggest_any<'a>(self, mut written: impl Iterator<Item = &'a String>, spec: &Spec) -> Self {
        let names = || spec.keys.iter().map(|key| key.name);
        match written.find_map(|name| crate::fault::nearest(name, names())) {
            Some(right) => self.help(format!("did you mean the option `{right}`?")),
            None => self,
        }
    }
}
