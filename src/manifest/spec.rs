//! How a table of the manifest is described: which keys it takes and what they hold.
//!
//! One description serves three readers: the check for unknown keys and wrong types, the JSON
//! Schema of `sublet schema`, and the manifest reference in the docs.

/// A table's keys.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) keys: &'static [Key],
    /// What any other key holds, where others are allowed.
    pub(crate) rest: Option<&'static Kind>,
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// One sentence for the reader of the schema and the docs.
    pub(crate) doc: &'static str,
    /// What holds where the key is absent, as it would be written.
    pub(crate) default: Option<&'static str>,
}

/// What a key holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Bool,
    Integer,
    /// A text, or a number or boolean that is taken as it is written.
    Scalar,
    /// One of these words.
    Words(&'static [&'static str]),
    List(&'static Kind),
    Table(&'static Spec),
    /// The first of these whose TOML type is that of the value.
    Either(&'static [Kind]),
    /// `[sources.NAME]`: the keys depend on the source's type.
    Source,
}

/// The keys of one type of source, for `[sources]`.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct SourceSpec {
    /// The type's own name, which is also a source's name where none is declared.
    pub(crate) name: &'static str,
    /// Refused in `staging` and `production`.
    pub(crate) development_only: bool,
    /// Cannot be used without a `[sources]` entry.
    pub(crate) needs_settings: bool,
    /// Answers from this machine, without running a program: `check --offline` asks it.
    pub(crate) offline: bool,
    /// Takes `?PARAM=VALUE`.
    pub(crate) takes_params: bool,
    pub(crate) spec: &'static Spec,
}

impl Spec {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key without a default.
pub(crate) const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc, default: None }
}

impl Key {
    /// The same key with the default that holds where it is absent.
    pub(crate) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}
