//! `dotenv:FILE#NAME`: a variable of a `.env` file. Also reads the `.env` files of a profile.

pub(crate) mod expand;
mod parse;

use std::{collections::BTreeMap, path::Path};

pub(crate) use self::parse::{Entry, parse};
use super::{
    Answer, Answers, Content, ErrorKind, Fetched, Kind, Outlook, Question, Source, SourceError,
    Surroundings, Waits, file::trouble_with, read_regular,
};
use crate::{
    manifest::spec::{Kind as Holds, SourceSpec, Spec, key},
    reference::Version,
    secret::Secret,
};

/// The most that is read of one file.
const LIMIT: usize = 16 << 20;

pub(super) static KIND: Kind = Kind {
    spec: SourceSpec {
        name: "dotenv",
        development_only: true,
        needs_settings: false,
        offline: true,
        takes_params: false,
        spec: &Spec {
            keys: &[
                key("expand", Holds::Bool, "Whether `$NAME` in a value is replaced.").or("false")
            ],
            rest: None,
        },
    },
    open: |_, settings, surroundings| {
        Ok(Box::new(Dotenv {
            surroundings: surroundings.clone(),
            expand: settings.bool("expand").unwrap_or(false),
        }))
    },
};

struct Dotenv {
    surroundings: Surroundings,
    expand: bool,
}

impl Source for Dotenv {
    fn fetch<'a>(&'a self, questions: &'a [Question], _: &'a Waits) -> Answers<'a> {
        Box::pin(async {
            // What one file sets, the next one can expand.
            let mut known = BTreeMap::new();
            questions.iter().map(|question| self.answer(question, &mut known)).collect()
        })
    }
}

impl Dotenv {
    fn answer(&self, question: &Question, known: &mut BTreeMap<String, Secret>) -> Answer {
        if question.version != Version::Current {
            return Err(super::error::no_versions("dotenv"));
        }
        let path = self.surroundings.folder.join(&question.path);
        let mut fields = BTreeMap::new();
        for entry in self.read(&path)? {
            let value = if self.expand {
                expand::expand(&entry, &self.surroundings.environment, known)
                    .map_err(|cause| malformed(&path, &format!("line {}: {cause}", entry.line)))?
            } else {
                entry.value
            };
            if self.expand {
                known.insert(entry.name.clone(), value.clone());
            }
            fields.insert(entry.name, value);
        }
        let content = Content::Fields(fields);
        Ok(Fetched { content, version: None, outlook: Outlook::Files(vec![path]) })
    }

    fn read(&self, path: &Path) -> Result<Vec<Entry>, SourceError> {
        let (bytes, _) =
            read_regular(path, LIMIT).map_err(|trouble| trouble_with(path, &trouble))?;
        let text = Secret::new(bytes);
        parse(text.expose(), self.expand).map_err(|fault| malformed(path, &fault.to_string()))
    }
}

fn malformed(path: &Path, cause: &str) -> SourceError {
    SourceError::new(ErrorKind::Malformed, format!("`{}` {cause}", path.display()))
}
