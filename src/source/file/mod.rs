//! `file:PATH`: the content of a file, byte for byte; or of a folder, one field per file.
//!
//! Covers `/run/secrets/*` of Docker and Compose, mounted Kubernetes secrets, and what systemd
//! puts into `$CREDENTIALS_DIRECTORY`.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    Answer, Answers, Content, ErrorKind, Fetched, FileTrouble, Kind, Outlook, Question, Source,
    SourceError, Surroundings, Waits, read_regular,
};
use crate::{
    manifest::spec::{SourceSpec, Spec},
    reference::Version,
    secret::Secret,
};

/// The most that is read of one file.
const LIMIT: usize = 16 << 20;
/// The most files that are read of one folder.
const FOLDER_LIMIT: usize = 1000;

const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY/";

pub(super) static KIND: Kind = Kind {
    spec: SourceSpec {
        name: "file",
        development_only: false,
        needs_settings: false,
        offline: true,
        takes_params: false,
        spec: &Spec { keys: &[], rest: None },
    },
    open: |_, _, surroundings| Ok(Box::new(Files { surroundings: surroundings.clone() })),
};

struct Files {
    surroundings: Surroundings,
}

impl Source for Files {
    fn fetch<'a>(&'a self, questions: &'a [Question], _: &'a Waits) -> Answers<'a> {
        Box::pin(async { questions.iter().map(|question| self.answer(question)).collect() })
    }
}

impl Files {
    fn answer(&self, question: &Question) -> Answer {
        if question.version != Version::Current {
            return Err(super::error::no_versions("file"));
        }
        let path = self.locate(&question.path)?;
        let content = match read_regular(&path, LIMIT) {
            Ok((bytes, _)) => Content::Value(Secret::new(bytes)),
            Err(FileTrouble::Directory) => Content::Fields(read_folder(&path)?),
            Err(trouble) => return Err(trouble_with(&path, &trouble)),
        };
        Ok(Fetched { content, version: None, outlook: Outlook::Files(vec![path]) })
    }

    fn locate(&self, path: &str) -> Result<PathBuf, SourceError> {
        let Some(name) = path.strip_prefix(CREDENTIALS) else {
            return Ok(self.surroundings.folder.join(path));
        };
        let folder = self.surroundings.environment.get("CREDENTIALS_DIRECTORY");
        match folder.map(OsStr::from_bytes) {
            Some(folder) => Ok(Path::new(folder).join(name)),
            None => Err(SourceError::new(
                ErrorKind::NotFound,
                format!("`{name}` is a systemd credential, and CREDENTIALS_DIRECTORY is not set"),
            )
            .help(format!("add LoadCredential={name}:… to the unit"))),
        }
    }
}

/// Every regular file in a folder, by name. Names that start with `.` are not secrets: in a
/// mounted Kubernetes secret they are the machinery of its atomic update.
fn read_folder(path: &Path) -> Result<BTreeMap<String, Secret>, SourceError> {
    let failed = |error: std::io::Error| trouble_with(path, &error.into());
    let mut fields = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        match read_regular(&entry.path(), LIMIT) {
            Ok((bytes, _)) => drop(fields.insert(name, Secret::new(bytes))),
            Err(FileTrouble::Directory) => {}
            Err(trouble) => return Err(trouble_with(&entry.path(), &trouble)),
        }
        if fields.len() > FOLDER_LIMIT {
            return Err(SourceError::new(
                ErrorKind::Malformed,
                format!("`{}` holds more than {FOLDER_LIMIT} files", path.display()),
            )
            .help("name one file in it instead of the folder"));
        }
    }
    Ok(fields)
}

pub(super) fn trouble_with(path: &Path, trouble: &FileTrouble) -> SourceError {
    let kind = match trouble {
        FileTrouble::Missing => ErrorKind::NotFound,
        FileTrouble::Denied => ErrorKind::Denied,
        FileTrouble::Failed(_) => ErrorKind::Unavailable,
        FileTrouble::Directory | FileTrouble::NotRegular(_) | FileTrouble::TooBig { .. } => {
            ErrorKind::Malformed
        }
    };
    SourceError::new(kind, format!("cannot read `{}`: {trouble}", path.display()))
}
