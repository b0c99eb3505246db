//! `env:NAME`: a variable of the environment that sublet was started with.

use super::{Answer, Answers, ErrorKind, Fetched, Kind, Question, Source, SourceError, Waits};
use crate::{
    environment::Environment,
    manifest::spec::{SourceSpec, Spec},
    reference::Version,
    secret::Secret,
};

pub(super) static KIND: Kind = Kind {
    spec: SourceSpec {
        name: "env",
        development_only: false,
        needs_settings: false,
        offline: true,
        takes_params: false,
        spec: &Spec { keys: &[], rest: None },
    },
    open: |_, _, surroundings| Ok(Box::new(Env { environment: surroundings.environment.clone() })),
};

struct Env {
    environment: Environment,
}

impl Source for Env {
    fn fetch<'a>(&'a self, questions: &'a [Question], _: &'a Waits) -> Answers<'a> {
        Box::pin(async { questions.iter().map(|question| self.answer(question)).collect() })
    }
}

impl Env {
    fn answer(&self, question: &Question) -> Answer {
        if question.version != Version::Current {
            return Err(super::error::no_versions("env"));
        }
        match self.environment.get(&question.path) {
            Some(value) => Ok(Fetched::fixed(Secret::new(value.to_vec()))),
            None => Err(SourceError::new(
                ErrorKind::NotFound,
                format!("the environment has no variable `{}`", question.path),
            )),
        }
    }
}
