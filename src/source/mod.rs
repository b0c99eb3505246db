//! Where values come from. One trait, one folder each, all of the same shape.
//!
//! To add a source: a folder with its `Kind`, one line in [`registry`], its page in the docs.

mod answer;
pub(crate) mod command;
pub(crate) mod dotenv;
mod env;
mod error;
mod executor;
mod file;
mod registry;
mod regular_file;

use std::{future::Future, path::PathBuf, pin::Pin};

pub(crate) use self::{
    answer::{Content, Fetched, Outlook},
    error::{ErrorKind, SourceError},
    executor::Waits,
    registry::{Registry, specs},
    regular_file::{FileTrouble, read_regular},
};
use crate::{
    environment::Environment,
    fault::Fault,
    manifest::{Settings, spec::SourceSpec},
    reference::Version,
};

/// What one request asks of a source. Two fields of one path are one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) version: Version,
    pub(crate) params: Vec<(String, String)>,
}

/// What a source answers to one question.
pub(crate) type Answer = Result<Fetched, SourceError>;

/// The answers to a batch of questions, one each, in their order.
pub(crate) type Answers<'a> = Pin<Box<dyn Future<Output = Vec<Answer>> + 'a>>;

/// A place that values come from.
pub(crate) trait Source {
    /// Names of the environment variables that log in to this source: the child must not see
    /// them.
    fn credentials(&self) -> Vec<String> {
        Vec::new()
    }

    /// Fetches a batch of distinct questions, with as few requests and as much concurrency as
    /// the source allows. No login happens before this is called.
    ///
    /// The future of a local source waits for descriptors alone, by `waits`, and so needs no
    /// runtime.
    fn fetch<'a>(&'a self, questions: &'a [Question], waits: &'a Waits) -> Answers<'a>;
}

/// One type of source.
pub(crate) struct Kind {
    pub(crate) spec: SourceSpec,
    /// Makes a source of its settings. Touches nothing outside.
    pub(crate) open: Open,
}

/// Makes a source by its name, its settings and where sublet was started.
type Open = fn(&str, &Settings, &Surroundings) -> Result<Box<dyn Source>, Fault>;

/// What sources see of where sublet was started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Paths in the manifest are relative to this folder.
    pub(crate) folder: PathBuf,
    pub(crate) environment: Environment,
}
