//! What a supervisor goes by.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    manifest::{Budget, Run, Stop},
    signal::Signal,
};

/// What the core goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) stop: Stop,
    pub(super) splay: Duration,
    pub(super) budget: Budget,
    pub(super) debounce: Duration,
    pub(super) rewrite: BTreeMap<Signal, Signal>,
    /// The child is in the group of the job, and has what the terminal sends.
    pub(super) shares_terminal: bool,
    /// Stay even where nothing can change.
    pub(super) stay: bool,
    /// How long what is left of a group may take to end.
    pub(super) grace: Duration,
    pub(super) worker_timeout: Duration,
    pub(super) launch_timeout: Duration,
}

impl Settings {
    pub(crate) fn new(run: &Run, shares_terminal: bool, stay: bool) -> Self {
        Self {
            stop: run.stop,
            splay: run.splay,
            budget: run.budget,
            debounce: run.debounce,
            rewrite: run.rewrite.clone(),
            shares_terminal,
            stay,
            grace: Duration::from_secs(2),
            worker_timeout: Duration::from_secs(120),
            launch_timeout: Duration::from_secs(30),
        }
    }
}
