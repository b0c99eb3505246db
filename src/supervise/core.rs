//! The supervisor's decisions. Events in, actions out; time and randomness are arguments.
//!
//! One child, at most one worker, at most one prepared generation. A child is replaced by telling
//! it to stop, waiting until nothing is left of its group, committing the prepared generation, and
//! launching the next. A child that ends by itself ends the supervisor, with its status.

use std::time::Duration;

use super::{
    budget::{Restarts, jittered, portion},
    event::{Action, Event, Moment, Outcome, Prepared, Sender, Status},
    settings::Settings,
};
use crate::{manifest::Stop, signal::Signal};

/// What never is quiet is looked at after this many times the length of quiet that is asked for.
const PATIENCE: u32 = 10;
/// How often a worker that breaks before the first child is tried again.
const FIRST_TRIES: u32 = 3;
/// How long to wait before a worker that broke is replaced, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The state of a supervisor.
#[derive(Debug)]
pub(crate) struct Core {
    settings: Settings,
    child: Child,
    worker: Worker,
    /// A generation that is resolved but not in use.
    prepared: Option<Waiting>,
    /// Something has changed; it is looked at once it has been quiet until then.
    quiet_at: Option<Moment>,
    /// Since when it has not been quiet.
    noisy_since: Option<Moment>,
    /// When to look, whether or not something has changed.
    ask_at: Option<Moment>,
    /// Workers that broke one after the other.
    broken: u32,
    /// Signals for a child that does not exist yet.
    held: Vec<Signal>,
    restarts: Restarts,
    /// A stop was asked for from outside: there will be no other child.
    leaving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    /// There has been none.
    None,
    /// A launcher is about to become it.
    Launching {
        end_at: Moment,
    },
    Running {
        stopped: bool,
    },
    /// It was told to stop.
    Stopping {
        kill_at: Option<Moment>,
        next: Next,
        stopped: bool,
    },
    /// It has ended; what is left of its group was told to stop.
    Clearing {
        status: Status,
        kill_at: Option<Moment>,
        next: Next,
    },
    /// The supervisor has said how it ends.
    Over,
}

/// What follows the end of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Exit,
    Launch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worker {
    Idle,
    Working { end_at: Moment },
}

/// A prepared generation, and from when on its restart may begin.
#[derive(Debug, Clone)]
struct Waiting {
    changed: Vec<String>,
    restart_at: Option<Moment>,
    /// That the budget holds it back was said.
    held_back: bool,
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            restarts: Restarts::new(settings.budget),
            settings,
            child: Child::None,
            worker: Worker::Idle,
            prepared: None,
            quiet_at: None,
            noisy_since: None,
            ask_at: None,
            broken: 0,
            held: Vec::new(),
            leaving: false,
        }
    }

    /// What to do about `event`, which happened `now`. `random` is any number, a new one each time.
    pub(crate) fn handle(&mut self, now: Moment, random: u32, event: Event) -> Vec<Action> {
        if self.child == Child::Over {
            return Vec::new();
        }
        let mut actions = Vec::new();
        let out = &mut actions;
        match event {
            Event::Started => self.start_worker(now, out),
            Event::SignalReceived(signal, sender) => self.signal(now, signal, sender, out),
            Event::WorkerPrepared(prepared) => self.prepared(now, random, prepared, out),
            Event::WorkerRefused { message, transient } => {
                self.worker = Worker::Idle;
                self.refused(now, random, &message, transient, out);
            }
            Event::WorkerFailed { message } => {
                self.worker = Worker::Idle;
                self.broke(now, random, &message, out);
            }
            Event::ChildStarted => self.child_started(now, out),
            Event::LaunchFailed { message, code } => {
                out.push(Action::Report(message));
                self.exit(Outcome::Code(code), out);
            }
            Event::ChildStopped => self.child_stopped(true, out),
            Event::ChildContinued => self.child_stopped(false, out),
            Event::ChildExited(status) => self.child_exited(now, status, out),
            Event::GroupGone => self.group_gone(now, out),
            Event::WatchFired => {
                let since = *self.noisy_since.get_or_insert(now);
                let latest = since + self.settings.debounce.saturating_mul(PATIENCE);
                self.quiet_at = Some((now + self.settings.debounce).min(latest));
            }
            Event::TimeCame => {}
        }
        self.pass_time(now, out);
        actions
    }

    /// When to call with [`Event::TimeCame`], if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let child = match self.child {
            Child::Launching { end_at } => Some(end_at),
            Child::Stopping { kill_at, .. } | Child::Clearing { kill_at, .. } => kill_at,
            Child::None | Child::Running { .. } => None,
            Child::Over => return None,
        };
        let worker = match self.worker {
            Worker::Working { end_at } => Some(end_at),
            Worker::Idle => None,
        };
        let looking = self.may_look().then_some([self.quiet_at, self.ask_at]);
        let running = matches!(self.child, Child::Running { .. });
        let restart = self.prepared.as_ref().filter(|_| running).and_then(|next| next.restart_at);
        let times = [child, worker, restart].into_iter().chain(looking.into_iter().flatten());
        times.flatten().min()
    }

    /// Does what is due.
    fn pass_time(&mut self, now: Moment, out: &mut Vec<Action>) {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        if let Worker::Working { end_at } = self.worker
            && end_at <= now
        {
            self.worker = Worker::Idle;
            out.push(Action::EndWorker);
            self.broke(now, 0, "a worker gave no answer in time", out);
        }
        match &mut self.child {
            Child::Launching { end_at } if *end_at <= now => {
                out.push(Action::EndLauncher);
                out.push(Action::Report("the command could not be started in time".to_owned()));
                self.exit(Outcome::Code(125), out);
            }
            Child::Stopping { kill_at, .. } if due(*kill_at) => {
                *kill_at = None;
                out.push(Action::SignalGroup(Signal::KILL));
            }
            Child::Clearing { kill_at, .. } if due(*kill_at) => {
                *kill_at = None;
                out.push(Action::SignalGroup(Signal::KILL));
            }
            _ => {}
        }
        if self.may_look() && (due(self.quiet_at) || due(self.ask_at)) {
            self.start_worker(now, out);
        }
        self.restart_if_due(now, out);
    }

    /// Whether a worker may be started: not where there is one, nor while a child is replaced.
    fn may_look(&self) -> bool {
        let settled = matches!(self.child, Child::None | Child::Running { .. });
        settled && self.worker == Worker::Idle && !self.leaving
    }

    fn start_worker(&mut self, now: Moment, out: &mut Vec<Action>) {
        // What it finds replaces what was found before.
        if self.prepared.take().is_some() {
            out.push(Action::Discard);
        }
        self.quiet_at = None;
        self.noisy_since = None;
        self.ask_at = None;
        self.worker = Worker::Working { end_at: now + self.settings.worker_timeout };
        out.push(Action::StartWorker);
    }

    fn prepared(&mut self, now: Moment, random: u32, prepared: Prepared, out: &mut Vec<Action>) {
        self.worker = Worker::Idle;
        self.broken = 0;
        self.ask_at = prepared.ask_again.map(|length| now + jittered(length, random));
        match self.child {
            Child::None
                if self.settings.becomes || (!prepared.can_change && !self.settings.stay) =>
            {
                for request in prepared.leased {
                    out.push(Action::Report(format!(
                        "warning: nobody renews the lease of `{request}` once the command runs"
                    )));
                }
                out.push(Action::Commit);
                let held = std::mem::take(&mut self.held);
                out.push(Action::Become(
                    held.into_iter().map(|held| self.rewritten(held)).collect(),
                ));
            }
            Child::None => {
                out.push(Action::Commit);
                self.launch(now, out);
            }
            _ if prepared.changed.is_empty() => out.push(Action::Discard),
            _ if prepared.restart => {
                let restart_at = now + portion(self.settings.splay, random);
                let changed = prepared.changed;
                self.prepared =
                    Some(Waiting { changed, restart_at: Some(restart_at), held_back: false });
            }
            _ => {
                let changed = prepared.changed.join(", ");
                out.push(Action::Report(format!("changed: {changed}; delivered in place")));
                out.push(Action::Commit);
                out.extend(prepared.signals.into_iter().map(Action::SignalChild));
                out.extend(prepared.commands.into_iter().map(Action::RunCommand));
            }
        }
    }

    fn refused(
        &mut self,
        now: Moment,
        random: u32,
        message: &str,
        transient: bool,
        out: &mut Vec<Action>,
    ) {
        if self.child == Child::None {
            out.push(Action::Report(message.to_owned()));
            return self.exit(Outcome::Code(125), out);
        }
        out.push(Action::Report(format!("the change is not taken over, all stays: {message}")));
        if transient {
            self.broken = self.broken.saturating_add(1);
            self.ask_at = Some(now + self.retry(random));
        }
    }

    fn broke(&mut self, now: Moment, random: u32, message: &str, out: &mut Vec<Action>) {
        self.broken = self.broken.saturating_add(1);
        out.push(Action::Report(message.to_owned()));
        if self.child == Child::None && self.broken >= FIRST_TRIES {
            return self.exit(Outcome::Code(125), out);
        }
        self.ask_at = Some(now + self.retry(random));
    }

    /// Growing, jittered.
    fn retry(&self, random: u32) -> Duration {
        let (first, most) = RETRY;
        let doublings = self.broken.saturating_sub(1).min(16);
        jittered(first.saturating_mul(1 << doublings).min(most), random)
    }

    fn restart_if_due(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Child::Running { stopped } = self.child else { return };
        let Some(waiting) = &mut self.prepared else { return };
        if self.leaving || waiting.restart_at.is_none_or(|at| at > now) {
            return;
        }
        match self.restarts.allowed_at(now) {
            Some(at) if at <= now => {}
            later => {
                waiting.restart_at = later;
                if !waiting.held_back {
                    waiting.held_back = true;
                    out.push(Action::Report(
                        "too many restarts: the next one waits (see `budget`)".to_owned(),
                    ));
                }
                return;
            }
        }
        let changed = waiting.changed.join(", ");
        out.push(Action::Report(format!("changed: {changed}; restarting")));
        self.restarts.count(now);
        let timeout = self.settings.stop.timeout.unwrap_or(Stop::RESTART_TIMEOUT);
        self.child = Child::Stopping { kill_at: Some(now + timeout), next: Next::Launch, stopped };
        stop_group(self.settings.stop.signal, stopped, out);
    }

    fn launch(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.child = Child::Launching { end_at: now + self.settings.launch_timeout };
        out.push(Action::Launch);
    }

    fn child_started(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.child = Child::Running { stopped: false };
        for signal in std::mem::take(&mut self.held) {
            self.forward(now, signal, out);
        }
    }

    fn signal(&mut self, now: Moment, signal: Signal, sender: Sender, out: &mut Vec<Action>) {
        if sender == Sender::Own || matches!(signal, Signal::CHLD | Signal::URG) {
            return;
        }
        match self.child {
            Child::None if ends_the_start(signal) => {
                out.push(Action::EndWorker);
                self.exit(Outcome::AsChild(Status::Signal(signal)), out);
            }
            Child::None | Child::Launching { .. } => self.held.push(signal),
            Child::Running { .. } | Child::Stopping { .. } => {
                let has_it = sender == Sender::Terminal && self.settings.shares_terminal;
                if !has_it {
                    self.forward(now, signal, out);
                }
            }
            Child::Clearing { status, kill_at, .. } if signal == Signal::TERM => {
                self.leaving = true;
                self.child = Child::Clearing { status, kill_at, next: Next::Exit };
            }
            Child::Clearing { next: Next::Launch, .. } => self.held.push(signal),
            Child::Clearing { .. } | Child::Over => {}
        }
    }

    fn rewritten(&self, signal: Signal) -> Signal {
        self.settings.rewrite.get(&signal).copied().unwrap_or(signal)
    }

    fn forward(&mut self, now: Moment, signal: Signal, out: &mut Vec<Action>) {
        let rewritten = self.rewritten(signal);
        if signal == Signal::TERM {
            return self.stop_from_outside(now, rewritten, out);
        }
        let stopped = matches!(
            self.child,
            Child::Running { stopped: true } | Child::Stopping { stopped: true, .. }
        );
        // In the job of a shell, `fg` wakes the whole group: a child that runs has been woken.
        if signal == Signal::CONT && self.settings.shares_terminal && !stopped {
            return;
        }
        out.push(Action::SignalChild(rewritten));
    }

    /// Passed on and waited for. Killing is the orchestrator's, unless the manifest says a time.
    fn stop_from_outside(&mut self, now: Moment, signal: Signal, out: &mut Vec<Action>) {
        self.leaving = true;
        if self.prepared.take().is_some() {
            out.push(Action::Discard);
        }
        match self.child {
            Child::Stopping { kill_at, next: Next::Launch, stopped } => {
                // It was told already, if by the same signal.
                if signal != self.settings.stop.signal {
                    stop_group(signal, stopped, out);
                }
                self.child = Child::Stopping { kill_at, next: Next::Exit, stopped };
            }
            Child::Running { stopped } => {
                let kill_at = self.settings.stop.timeout.map(|timeout| now + timeout);
                self.child = Child::Stopping { kill_at, next: Next::Exit, stopped };
                stop_group(signal, stopped, out);
            }
            Child::Stopping { stopped, .. } => stop_group(signal, stopped, out),
            _ => {}
        }
    }

    fn child_stopped(&mut self, now_stopped: bool, out: &mut Vec<Action>) {
        match &mut self.child {
            Child::Running { stopped } | Child::Stopping { stopped, .. } => *stopped = now_stopped,
            _ => return,
        }
        let told = matches!(self.child, Child::Stopping { .. });
        if now_stopped && self.settings.shares_terminal {
            out.push(Action::StopSelf);
        } else if now_stopped && told {
            // Its stop was heard of after what it was told: it is woken to hear that.
            out.push(Action::SignalGroup(Signal::CONT));
        }
    }

    fn child_exited(&mut self, now: Moment, status: Status, out: &mut Vec<Action>) {
        let next = match self.child {
            Child::Stopping { next, .. } => next,
            Child::Running { .. } => Next::Exit,
            // The launcher ended without a word.
            Child::Launching { .. } => {
                out.push(Action::Report("the launcher ended before the command began".to_owned()));
                return self.exit(Outcome::Code(125), out);
            }
            Child::None | Child::Clearing { .. } | Child::Over => return,
        };
        let kill_at = Some(now + self.settings.stop.timeout.unwrap_or(self.settings.grace));
        self.child = Child::Clearing { status, kill_at, next };
        out.push(Action::SignalGroup(Signal::TERM));
        out.push(Action::SignalGroup(Signal::CONT));
    }

    fn group_gone(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Child::Clearing { status, next, .. } = self.child else { return };
        if next == Next::Exit || self.leaving {
            return self.exit(Outcome::AsChild(status), out);
        }
        if self.prepared.take().is_some() {
            out.push(Action::Commit);
        }
        self.launch(now, out);
    }

    fn exit(&mut self, outcome: Outcome, out: &mut Vec<Action>) {
        self.child = Child::Over;
        out.push(Action::Exit(outcome));
    }
}

/// Signals that end a program which has not begun its work.
fn ends_the_start(signal: Signal) -> bool {
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP].contains(&signal)
}

/// A stopped process is woken, or it would not hear what it is told.
fn stop_group(signal: Signal, stopped: bool, out: &mut Vec<Action>) {
    out.push(Action::SignalGroup(signal));
    if stopped {
        out.push(Action::SignalGroup(Signal::CONT));
    }
}
