//! The types of source, one line each, and the sources of one manifest.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Answer, Kind, Question, Source, Surroundings, Waits, command, dotenv, env, executor, file,
};
use crate::{
    fault::Fault,
    manifest::{DeclaredSource, Settings, spec::SourceSpec},
    reference::Request,
    source::{ErrorKind, SourceError},
};

/// Every type of source. A new one is one line here.
static KINDS: [&Kind; 4] = [&dotenv::KIND, &env::KIND, &file::KIND, &command::KIND];

/// What the manifest needs to know of them.
pub(crate) fn specs() -> Vec<SourceSpec> {
    KINDS.iter().map(|kind| kind.spec).collect()
}

/// The sources that a manifest can refer to, by name.
pub(crate) struct Registry {
    sources: BTreeMap<String, Opened>,
}

struct Opened {
    source: Box<dyn Source>,
    offline: bool,
}

impl Registry {
    /// Opens the declared sources, and those types that need no declaration. Nothing outside is
    /// touched: that happens when something is fetched.
    ///
    /// # Errors
    /// Every fault in the settings, with its place in the manifest.
    pub(crate) fn open(
        declared: &BTreeMap<String, DeclaredSource>,
        surroundings: &Surroundings,
    ) -> Result<Self, Vec<Fault>> {
        let mut sources = BTreeMap::new();
        let mut faults = Vec::new();
        let mut add = |name: &str, kind: &Kind, settings: &Settings| match (kind.open)(
            name,
            settings,
            surroundings,
        ) {
            Ok(source) => {
                let offline = kind.spec.offline;
                sources.insert(name.to_owned(), Opened { source, offline });
            }
            Err(fault) => faults.push(fault),
        };
        for kind in KINDS {
            if !kind.spec.needs_settings && !declared.contains_key(kind.spec.name) {
                add(kind.spec.name, kind, &Settings::default());
            }
        }
        for (name, source) in declared {
            // The manifest's own check has reported a type that does not exist.
            if let Some(kind) = KINDS.iter().find(|kind| kind.spec.name == source.kind) {
                add(name, kind, &source.settings);
            }
        }
        if faults.is_empty() { Ok(Self { sources }) } else { Err(faults) }
    }

    /// Environment variables that log in to any of the sources that `requests` use.
    pub(crate) fn credentials(&self, requests: &BTreeSet<Request>) -> BTreeSet<String> {
        let used = requests.iter().filter_map(|request| self.sources.get(&request.source));
        used.flat_map(|opened| opened.source.credentials()).collect()
    }

    /// Whether what the source gives may be leased. Those that answer from this machine lease
    /// nothing.
    pub(crate) fn may_lease(&self, source: &str) -> bool {
        !self.is_offline(source)
    }

    /// Whether the source answers from this machine, without running a program.
    pub(crate) fn is_offline(&self, source: &str) -> bool {
        self.sources.get(source).is_some_and(|opened| opened.offline)
    }

    /// One batch of one source, in the order given: what later `.env` files say wins.
    pub(crate) fn fetch_in_order(&self, source: &str, requests: &[Request]) -> Vec<Answer> {
        let Some(opened) = self.sources.get(source) else { return Vec::new() };
        let questions = requests.iter().map(question).collect::<Vec<_>>();
        let waits = Waits::default();
        let batch = vec![opened.source.fetch(&questions, &waits)];
        executor::run_all(batch, &waits).into_iter().flatten().collect()
    }

    /// Fetches everything: all sources at once, each with one batch.
    pub(crate) fn fetch(&self, requests: &BTreeSet<Request>) -> BTreeMap<Request, Answer> {
        let mut batches: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
        for request in requests {
            batches.entry(&request.source).or_default().push(request);
        }
        let questions = batches
            .iter()
            .map(|(name, batch)| (*name, batch.iter().map(|request| question(request)).collect()))
            .collect::<Vec<(&str, Vec<Question>)>>();
        let waits = Waits::default();
        let futures = questions
            .iter()
            .filter_map(|(name, questions)| {
                Some(self.sources.get(*name)?.source.fetch(questions, &waits))
            })
            .collect();
        let mut answers = executor::run_all(futures, &waits).into_iter();
        let mut fetched = BTreeMap::new();
        for (name, batch) in &batches {
            let mut batch_answers = match self.sources.get(*name) {
                Some(_) => answers.next().unwrap_or_default(),
                None => Vec::new(),
            }
            .into_iter();
            for request in batch {
                let answer = batch_answers.next().unwrap_or_else(|| Err(no_answer(name)));
                fetched.insert((*request).clone(), answer);
            }
        }
        fetched
    }
}

fn question(request: &Request) -> Question {
    Question {
        path: request.path.clone(),
        version: request.version.clone(),
        params: request.params.clone(),
    }
}

fn no_answer(name: &str) -> SourceError {
    SourceError::new(ErrorKind::Malformed, format!("the source `{name}` gave no answer"))
}
