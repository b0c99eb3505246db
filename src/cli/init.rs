//! `sublet init`: a first manifest from the `.env` files that are there. Names only, no values.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Failure, Inherited, report};
use crate::{
    manifest::{DEFAULT_PROFILE, conventional_dotenv},
    source::{dotenv, read_regular},
};

const NAME: &str = "sublet.toml";
/// The most that is read of one file.
const LIMIT: usize = 16 << 20;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Replace a manifest that is there
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: InitArgs, _: Inherited) -> Result<i32, Failure> {
    let files = dotenv_files();
    let mut variables = BTreeMap::new();
    for file in &files {
        read(file, &mut variables)?;
    }
    let text = manifest(&variables);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!arguments.force);
    let written = options.open(NAME).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(format!("there is a {NAME} already; --force replaces it"))
        }
        _ => Failure::new(format!("cannot write {NAME}: {error}")),
    })?;
    let count = match variables.len() {
        1 => "1 variable".to_owned(),
        several => format!("{several} variables"),
    };
    report(&format!("wrote {NAME} with {count}; try `sublet check`"));
    Ok(0)
}

/// The `.env` files of the current folder that say what development needs. Which of them are
/// loaded stays as it is without a manifest.
fn dotenv_files() -> Vec<PathBuf> {
    let conventional = conventional_dotenv(DEFAULT_PROFILE);
    let names = conventional.iter().map(String::as_str).chain(SHARED);
    names.map(PathBuf::from).filter(|name| name.is_file()).collect()
}

/// Adds the names in `file`, each with the comment right above it.
fn read(file: &Path, variables: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let fail = |cause: String| Failure::new(format!("cannot use `{}`: {cause}", file.display()));
    let (bytes, _) = read_regular(file, LIMIT).map_err(|trouble| fail(trouble.to_string()))?;
    let entries = dotenv::parse(&bytes, false).map_err(|wrong| fail(wrong.to_string()))?;
    let lines = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    for entry in entries {
        let above = entry.line.checked_sub(2).and_then(|index| lines.get(index));
        let comment = above.and_then(|line| comment(line)).unwrap_or_default();
        let known = variables.entry(entry.name).or_default();
        if known.is_empty() {
            *known = comment;
        }
    }
    Ok(())
}

/// The text of a comment line; nothing for one that is an assignment switched off, which may
/// hold a value.
fn comment(line: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?.trim().strip_prefix('#')?.trim();
    (!text.contains('=')).then(|| text.to_owned())
}

fn manifest(variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# sublet.toml: names and references only, no values. Commit it.\n\n\
         [env]\n",
    );
    for (name, comment) in variables {
        let name = key(name);
        // Writing to a string cannot fail.
        let _ = match comment.as_str() {
            "" => writeln!(text, "{name} = {{}}"),
            comment => writeln!(text, "{name} = {{ description = {} }}", quoted(comment)),
        };
    }
    if variables.is_empty() {
        text.push_str("# DATABASE_URL = {}\n");
    }
    text.push_str(
        "\n# Where the values come from elsewhere: give a variable a template, and its secret a\n\
         # reference, for example\n\
         #\n\
         #   [env]\n\
         #   DATABASE_PASSWORD = \"${db}\"\n\
         #\n\
         #   [profiles.production.secrets]\n\
         #   db = \"file:/run/secrets/db\"\n",
    );
    text
}

/// Files that are made to be shared: they name what is needed.
const SHARED: [&str; 4] = [".env.example", ".env.sample", ".env.template", ".env.dist"];

fn key(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare { name.to_owned() } else { quoted(name) }
}

/// A TOML basic string. JSON's escapes are a subset of TOML's but for DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace('\u{7f}', " ")).to_string()
}
