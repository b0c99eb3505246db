//! `env:NAME`: a variable of the environment that sublet was started with.

use super::{Answer, Answers, ErrorKind, Fetched, Kind, Question, Source, SourceError};
use crate::{
    manifest::spec::{SourceSpec, Spec},
    reference::Version,
    secret::Secret,
};
use std::collections::BTreeMap;

pub(super) static KIND: Kind = Kind {
    spec: SourceSpec {
        name: "env",
        development_only: false,
        needs_settings: false,
        offline: true,
        takes_params: false,
        spec: &Spec { keys: &[], rest: None },
    },
    open: |_, _, surroundings| Ok(Box::new(Env { variables: surroundings.environment.clone() })),
};

struct Env {
    variables: BTreeMap<Vec<u8>, Secret>,
}

impl Source for Env {
    fn fetch<'a>(&'a self, questions: &'a [Question]) -> Answers<'a> {
        Box::pin(async { questions.iter().map(|question| self.answer(question)).collect() })
    }
}

impl Env {
    fn answer(&self, question: &Question) -> Answer {
        if question.version != Version::Current {
            return Err(super::error::no_versions("env"));
        }
        match self.variables.get(question.path.as_bytes()) {
            Some(value) => Ok(Fetched::fixed(value.clone())),
            None => Err(SourceError::new(
                ErrorKind::NotFound,
                format!("the environment has no variable `{}`", question.path),
            )),
        }
    }
}
