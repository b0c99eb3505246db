//! `[files]`: a secret that the child receives as a file.

use std::ops::Range;

use toml::de::DeTable;

use super::{
    change::OnChange,
    reader::Reader,
    variable::{Written, check_name},
};
use crate::fault::Fault;

/// A file that the child receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredFile {
    /// Relative, without `.` and `..`.
    pub(crate) path: String,
    pub(crate) content: Written,
    /// The variable that tells the child where the file is.
    pub(crate) env: String,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) required: bool,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) description: Option<String>,
    pub(crate) span: Range<usize>,
}

/// Reads the `[files]` table.
pub(super) fn read_all(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Vec<DeclaredFile> {
    let mut files = Vec::new();
    for (name, value) in table {
        let Some(inner) = value.get_ref().as_table() else { continue };
        let path = name.get_ref().to_string();
        let span = name.span();
        if !is_plain_path(&path) {
            reader.faults.push(
                Fault::new(span, format!("`{path}` is not a path for a delivered file"))
                    .help("write a relative path without `.` and `..`: sublet chooses the folder"),
            );
            continue;
        }
        let content = Written::read(reader, inner, "content");
        if !inner.contains_key("content") {
            reader.faults.push(
                Fault::new(span.clone(), format!("the file `{path}` has no content"))
                    .help("add `content = \"${secret}\"`"),
            );
        }
        let env = read_env(reader, inner, &path, span.clone());
        let mode = reader.mode(inner, "mode").unwrap_or(0o400);
        let on_change = OnChange::read(reader, inner, "on-change");
        let (Some(content), Some(env)) = (content, env) else { continue };
        files.push(DeclaredFile {
            path,
            content,
            env,
            mode,
            required: reader.bool(inner, "required").unwrap_or(true),
            on_change,
            description: reader.text(inner, "description").map(|text| text.value),
            span,
        });
    }
    files
}

fn read_env(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    path: &str,
    span: Range<usize>,
) -> Option<String> {
    match reader.text(table, "env") {
        Some(text) => reader.parse(&text, |name| check_name(name).map(|()| name.to_owned())),
        None if table.contains_key("env") => None,
        None => {
            reader.faults.push(
                Fault::new(span, format!("nothing tells the process where `{path}` is"))
                    .help("add `env = \"NAME_FILE\"`: that variable will hold the path"),
            );
            None
        }
    }
}

fn is_plain_path(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
