//! What a supervisor is told and what it decides: the words between the core and its driver.

use std::{collections::BTreeSet, time::Duration};

use crate::signal::Signal;

/// A moment on the clock that also counts while the machine sleeps, from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(pub(crate) Duration);

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length))
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Code(i32),
    Signal(Signal),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The supervisor has begun.
    Started,
    SignalReceived(Signal, Sender),
    /// A worker has resolved a generation; it is prepared, and waits to be committed.
    WorkerPrepared(Prepared),
    /// A worker has found that no generation can be had now.
    WorkerRefused {
        message: String,
        transient: bool,
    },
    /// A worker crashed, hung or spoke garbage.
    WorkerFailed {
        message: String,
    },
    /// The launcher has become the child.
    ChildStarted,
    /// The launcher could not; with the exit code that says why.
    LaunchFailed {
        message: String,
        code: i32,
    },
    ChildStopped,
    ChildContinued,
    ChildExited(Status),
    /// Nothing is left of the group of the child that ended.
    GroupGone,
    /// Something that is watched may have changed.
    WatchFired,
    /// The deadline that the core asked for has come.
    TimeCame,
}

/// Where a signal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The terminal: whoever shares the foreground group has it already.
    Terminal,
    /// The child itself, or this process.
    Own,
    Other,
}

/// A generation that waits to be committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Prepared {
    /// Names that differ from the generation in use.
    pub(crate) changed: Vec<String>,
    pub(crate) restart: bool,
    pub(crate) signals: BTreeSet<Signal>,
    pub(crate) commands: BTreeSet<Vec<String>>,
    /// Whether anything delivered can change.
    pub(crate) can_change: bool,
    /// What of it is leased.
    pub(crate) leased: Vec<String>,
    /// When to ask again, where only asking shows a change.
    pub(crate) ask_again: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    StartWorker,
    EndWorker,
    /// The prepared generation becomes the one in use: its stash, and its set of files.
    Commit,
    /// The prepared generation is not needed.
    Discard,
    /// Forks a launcher with the generation in use.
    Launch,
    EndLauncher,
    /// Becomes the child: nothing delivered can change, so nobody needs to stay. It is to find the
    /// signals that came for it.
    Become(Vec<Signal>),
    SignalChild(Signal),
    SignalGroup(Signal),
    /// Stops this process, as the child is stopped, so that the shell sees it.
    StopSelf,
    RunCommand(Vec<String>),
    Report(String),
    Exit(Outcome),
}

/// How the supervisor ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As the child did.
    AsChild(Status),
    /// By a failure of ours.
    Code(i32),
}
