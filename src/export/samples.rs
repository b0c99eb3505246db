//! Values that break careless quoting, for the tests of every format.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::secret::Secret;

const TEXTS: &[&str] = &[
    "",
    "plain",
    "postgres://app:s3cret@pg.internal:5432/finance",
    "dGhlIGtleQ==",
    "p@ss$word!",
    "$2b$12$abc",
    "${HOME}",
    r#"{"a":"b"}"#,
    "it's",
    "'",
    "''",
    "'single'",
    r#""quoted""#,
    r#"both ' and ""#,
    r"back\slash",
    r"trailing\",
    r"two trailing\\",
    "backslash, line\\\nbreak",
    r"\n \t \\ \' \x41",
    "`id`",
    "$(rm -rf /)",
    "# not a comment",
    "a #b",
    "a#b",
    "; not a comment",
    "a; b & c | d > e",
    "~",
    "a:~/b",
    "* ? [a-z] {a,b} !!",
    "export X=1",
    " leading",
    "trailing ",
    "\ttabs\t",
    " ",
    "line\nbreak",
    "\nleading line break",
    "trailing line breaks\n\n",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n",
    "line\r\nbreak\r\n",
    "lone \r return",
    "trailing return\r",
    "trailing returns\r\r",
    "\r",
    "it's\r\n",
    "\n#hash\nX=1",
    "ünïcödé",
    "\u{a0}no-break spaces\u{a0}",
    "\u{feff}byte order mark",
    "\u{85}\u{2028}\u{2029}",
    "🔑",
    "\u{10fffd}",
    "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\t\u{b}\u{c}\u{e}\u{f}",
    "\u{10}\u{11}\u{12}\u{13}\u{14}\u{15}\u{16}\u{17}\u{18}\u{19}\u{1a}\u{1b}\u{1c}\u{1d}\u{1e}\u{1f}\u{7f}",
];

/// Every nasty value, in variables named `V0`, `V1`, …
pub(super) fn all() -> Vec<(String, Secret)> {
    let texts = TEXTS.iter().map(|text| text.as_bytes().to_vec());
    let bytes = [
        b"\xff".to_vec(),
        b"caf\xe9 \x81\x88\xc3".to_vec(), // typos: ignore
        (1..=u8::MAX).collect(),
        b"x".repeat(60_000),
        b"it's\n\"100\\kB\" ".repeat(7_200),
    ];
    named(texts.chain(bytes))
}

/// Those of [`all`] that are UTF-8.
pub(super) fn utf8() -> Vec<(String, Secret)> {
    let mut variables = all();
    variables.retain(|(_, value)| std::str::from_utf8(value.expose()).is_ok());
    variables
}

/// Sets of short values made of what has a meaning to some reader.
pub(super) fn any_bytes() -> impl Strategy<Value = Vec<(String, Secret)>> {
    let special = prop::sample::select(b" \t\n\r'\"\\$`#=;!nrt{a".to_vec());
    let byte = prop_oneof![4 => special, 1 => 1..=u8::MAX];
    vec(vec(byte, 0..12), 0..12).prop_map(named)
}

/// The same of UTF-8 text.
pub(super) fn any_text() -> impl Strategy<Value = Vec<(String, Secret)>> {
    let special = prop::sample::select(" \t\n\r'\"\\$`#=;!nrt{a".chars().collect::<Vec<_>>());
    let character = prop_oneof![
        4 => special,
        1 => prop::char::range('\u{1}', '\u{d7ff}'),
        1 => prop::char::range('\u{10000}', '\u{1fffd}'),
    ];
    let text = vec(character, 0..12).prop_map(|text| text.into_iter().collect::<String>());
    vec(text.prop_map(String::into_bytes), 0..12).prop_map(named)
}

/// What a reader should have got, or did get, comparable and printable.
pub(super) fn pairs(variables: &[(String, Secret)]) -> Vec<(String, Vec<u8>)> {
    variables.iter().map(|(name, value)| (name.clone(), value.expose().to_vec())).collect()
}

/// Reads what `env -0` printed, the variables of [`all`] alone and in their order.
pub(super) fn from_env(printed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut pairs: Vec<(usize, Vec<u8>)> = printed
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let equals = entry.iter().position(|byte| *byte == b'=')?;
            let name = std::str::from_utf8(&entry[..equals]).ok()?;
            let number = name.strip_prefix('V')?.parse().ok()?;
            Some((number, entry[equals + 1..].to_vec()))
        })
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(number, value)| (format!("V{number}"), value)).collect()
}

fn named(values: impl IntoIterator<Item = Vec<u8>>) -> Vec<(String, Secret)> {
    values
        .into_iter()
        .enumerate()
        .map(|(number, value)| (format!("V{number}"), Secret::new(value)))
        .collect()
}
