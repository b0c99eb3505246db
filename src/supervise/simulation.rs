//! A simulated world for the core: weeks of changes, crashes and signals in milliseconds.
//!
//! The world does what the core decides, after delays of its own, and tells what came of it. The
//! invariants are checked at each step.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    core::Core,
    event::{Action, Event, Moment, Outcome, Prepared, Sender, Status},
    settings::Settings,
};
use crate::{
    manifest::{Budget, Run, Stop},
    signal::Signal,
};

/// What a world is made of; a failing one shrinks to the smallest.
#[derive(Debug, Clone)]
struct Nature {
    /// What workers do, one after the other, and again from the start.
    workers: Vec<Work>,
    /// The child ends at a stop signal after this long; or never.
    obeys: Option<u64>,
    /// The stop timeout of the manifest, in milliseconds.
    timeout: Option<u64>,
    /// Milliseconds from one thing that happens outside to the next.
    outside: Vec<(u64, Outside)>,
    budget: u32,
    splay: u64,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Changed,
    Unchanged,
    Refuses { transient: bool },
    Fails,
    Hangs,
}

#[derive(Debug, Clone, Copy)]
enum Outside {
    FileChanged,
    Signal(i32),
    ChildEnds(i32),
    ChildStops,
}

const TERM: i32 = 15;
/// Every launch succeeds after this long, every worker answers after it.
const SOON: u64 = 20;

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct World {
    nature: Nature,
    core: Core,
    now: u64,
    /// What is to happen, and when; in order of time, then of arrival.
    agenda: BTreeMap<(u64, u64), Event>,
    count: u64,
    work: usize,
    working: Option<(u64, u64)>,
    child: bool,
    launching: bool,
    /// The agenda's entry for the end of the child.
    ending: Option<(u64, u64)>,
    clearing: bool,
    committed: u64,
    prepared: bool,
    restarts: Vec<u64>,
    sent: Vec<i32>,
    forwarded: Vec<i32>,
    stop_asked: bool,
    status: Option<Status>,
    outcome: Option<Outcome>,
    steps: u64,
}

impl World {
    fn new(nature: Nature) -> Self {
        let milliseconds = Duration::from_millis;
        let run = Run {
            stop: Stop { signal: Signal::TERM, timeout: nature.timeout.map(milliseconds) },
            budget: Budget { restarts: nature.budget, window: Duration::from_secs(600) },
            splay: milliseconds(nature.splay),
            ..Run::default()
        };
        let core = Core::new(Settings::new(&run, false, true, false));
        let mut world = Self {
            core,
            now: 0,
            agenda: BTreeMap::new(),
            count: 0,
            work: 0,
            working: None,
            child: false,
            launching: false,
            ending: None,
            clearing: false,
            committed: 0,
            prepared: false,
            restarts: Vec::new(),
            sent: Vec::new(),
            forwarded: Vec::new(),
            stop_asked: false,
            status: None,
            outcome: None,
            steps: 0,
            nature,
        };
        world.plan(0, Event::Started);
        world
    }

    fn plan(&mut self, after: u64, event: Event) -> (u64, u64) {
        self.count += 1;
        let key = (self.now + after, self.count);
        self.agenda.insert(key, event);
        key
    }

    /// Runs until the core has ended, nothing will ever happen, or a day after the last thing that
    /// happened outside: where workers always fail, another try always follows.
    fn run(&mut self) {
        let last = self.nature.outside.iter().map(|(after, _)| after).sum::<u64>();
        let horizon = last + 24 * 3_600_000;
        let mut outside = self.nature.outside.clone().into_iter();
        let mut next_outside = outside.next();
        while self.outcome.is_none() {
            self.steps += 1;
            assert!(self.steps < 50_000, "it does not come to rest");
            let planned = self.agenda.keys().next().map(|(at, _)| *at);
            let deadline = self.core.deadline().map(|at| {
                u64::try_from(at.0.as_millis()).unwrap()
                    + u64::from(at.0.subsec_nanos() % 1_000_000 > 0)
            });
            let outside_at = next_outside.map(|(at, _)| at);
            let Some(first) = [planned, deadline, outside_at].into_iter().flatten().min() else {
                break;
            };
            if first > horizon {
                break;
            }
            self.now = self.now.max(first);
            if planned == Some(first) {
                let (_, event) = self.agenda.pop_first().unwrap();
                self.happens(event);
            } else if outside_at == Some(first) {
                let (at, what) = next_outside.unwrap();
                next_outside = outside.next().map(|(after, what)| (at + after, what));
                self.outside(what);
            } else {
                self.happens(Event::TimeCame);
            }
        }
    }

    fn outside(&mut self, what: Outside) {
        match what {
            Outside::FileChanged => self.happens(Event::WatchFired),
            Outside::Signal(number) => {
                self.sent.push(number);
                self.stop_asked |= number == TERM;
                let signal = Signal::from_number(number).unwrap();
                self.happens(Event::SignalReceived(signal, Sender::Other));
            }
            Outside::ChildEnds(code) if self.child && !self.launching && !self.clearing => {
                self.end_child(0, Status::Code(code));
            }
            Outside::ChildStops if self.child && !self.launching && !self.clearing => {
                self.happens(Event::ChildStopped);
                self.plan(SOON, Event::ChildContinued);
            }
            Outside::ChildEnds(_) | Outside::ChildStops => {}
        }
    }

    fn end_child(&mut self, after: u64, status: Status) {
        if let Some(earlier) = self.ending.take() {
            self.agenda.remove(&earlier);
        }
        self.ending = Some(self.plan(after, Event::ChildExited(status)));
    }

    fn happens(&mut self, event: Event) {
        match &event {
            Event::ChildStarted => self.launching = false,
            Event::ChildExited(status) => {
                self.ending = None;
                self.clearing = true;
                self.status = Some(*status);
                self.plan(1, Event::GroupGone);
            }
            Event::GroupGone => {
                self.child = false;
                self.clearing = false;
            }
            Event::WorkerPrepared(_) => {
                self.working = None;
                assert!(!self.prepared, "a prepared generation was forgotten");
                self.prepared = true;
            }
            Event::WorkerRefused { .. } | Event::WorkerFailed { .. } => self.working = None,
            _ => {}
        }
        let now = Moment(Duration::from_millis(self.now));
        let random = u32::try_from(self.steps.wrapping_mul(2_654_435_761) % (1 << 32)).unwrap();
        for action in self.core.handle(now, random, event) {
            assert!(self.outcome.is_none(), "something is done after the end");
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::StartWorker => {
                assert!(self.working.is_none(), "two workers at once");
                let work = self.nature.workers[self.work % self.nature.workers.len()];
                // The first one is good: else there is nothing to supervise.
                let work = if self.committed == 0 { Work::Changed } else { work };
                self.work += 1;
                let event = match work {
                    Work::Changed => Event::WorkerPrepared(Prepared {
                        changed: vec!["A".into()],
                        restart: true,
                        can_change: true,
                        ..Prepared::default()
                    }),
                    Work::Unchanged => {
                        Event::WorkerPrepared(Prepared { can_change: true, ..Prepared::default() })
                    }
                    Work::Refuses { transient } => {
                        Event::WorkerRefused { message: "no".into(), transient }
                    }
                    Work::Fails => Event::WorkerFailed { message: "no".into() },
                    Work::Hangs => {
                        self.working = Some((u64::MAX, 0));
                        return;
                    }
                };
                self.working = Some(self.plan(SOON, event));
            }
            Action::EndWorker => {
                let working = self.working.take().expect("no worker to end");
                self.agenda.remove(&working);
            }
            Action::Commit => {
                assert!(std::mem::take(&mut self.prepared), "nothing was prepared");
                self.committed += 1;
            }
            Action::Discard => {
                assert!(std::mem::take(&mut self.prepared), "nothing was prepared");
            }
            Action::Launch => {
                assert!(!self.child, "two children at once");
                assert!(self.committed > 0, "launched without a generation");
                assert!(!self.stop_asked || self.restarts.is_empty() && self.status.is_none());
                if self.status.is_some() {
                    self.restarts.push(self.now);
                }
                self.child = true;
                self.launching = true;
                self.plan(SOON, Event::ChildStarted);
            }
            Action::SignalChild(signal) => self.hear(signal),
            Action::SignalGroup(signal) if !self.clearing => self.hear(signal),
            Action::SignalGroup(_) => {}
            Action::Exit(outcome) => self.outcome = Some(outcome),
            Action::EndLauncher | Action::StopSelf | Action::RunCommand(_) | Action::Report(_) => {}
            Action::Become(_) => panic!("it was told to stay"),
        }
    }

    fn hear(&mut self, signal: Signal) {
        assert!(self.child && !self.launching && !self.clearing, "{signal} to nobody");
        self.forwarded.push(signal.number());
        if signal == Signal::KILL {
            let allowed =
                self.nature.timeout.is_some() || !self.stop_asked || !self.restarts.is_empty();
            assert!(allowed || self.committed > 0);
            self.end_child(0, Status::Signal(Signal::KILL));
        } else if signal == Signal::TERM
            && let Some(after) = self.nature.obeys
            && self.ending.is_none()
        {
            self.end_child(after, Status::Code(0));
        }
    }

    fn check(&self) {
        // No window holds more restarts than the budget.
        for (index, first) in self.restarts.iter().enumerate() {
            let window = self.restarts[index..].iter().take_while(|at| **at < first + 600_000);
            // From one restart's beginning to its launch the child may take its stop timeout.
            let slack = 1;
            assert!(window.count() <= self.nature.budget as usize + slack, "{:?}", self.restarts);
        }
        if let Some(Outcome::AsChild(status)) = self.outcome
            && let Some(last) = self.status
        {
            assert_eq!(status, last, "the exit is not the child's");
        }
        let obeys = self.nature.obeys.is_some() || self.nature.timeout.is_some();
        assert!(!(self.stop_asked && obeys) || self.outcome.is_some(), "a stop was not obeyed");
        // USR1 and real-time signals that reached a child reached it once.
        for number in [10, 40] {
            let count = |list: &[i32]| list.iter().filter(|one| **one == number).count();
            assert!(count(&self.forwarded) <= count(&self.sent), "{number} was doubled");
        }
    }
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        4 => Just(Work::Changed),
        2 => Just(Work::Unchanged),
        1 => any::<bool>().prop_map(|transient| Work::Refuses { transient }),
        1 => Just(Work::Fails),
        1 => Just(Work::Hangs),
    ]
}

fn outside() -> impl Strategy<Value = Outside> {
    prop_oneof![
        8 => Just(Outside::FileChanged),
        2 => Just(Outside::Signal(10)),
        1 => Just(Outside::Signal(40)),
        1 => Just(Outside::Signal(1)),
        1 => Just(Outside::Signal(TERM)),
        1 => (0..9).prop_map(Outside::ChildEnds),
        1 => Just(Outside::ChildStops),
    ]
}

prop_compose! {
    fn nature()(
        workers in proptest::collection::vec(work(), 1..6),
        obeys in proptest::option::weighted(0.8, 0u64..20_000),
        timeout in proptest::option::of(1u64..30_000),
        outside in proptest::collection::vec((prop_oneof![0u64..60, 0u64..200_000], outside()), 0..40),
        budget in 0u32..6,
        splay in prop_oneof![Just(0u64), 0u64..60_000],
    ) -> Nature {
        Nature { workers, obeys, timeout, outside, budget, splay }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_in_every_world(nature in nature()) {
        let mut world = World::new(nature);
        world.run();
        world.check();
    }
}

/// A world in which all is well, and `outside` happens.
fn world(outside: &[(u64, Outside)]) -> World {
    let mut world = World::new(Nature {
        workers: vec![Work::Changed],
        obeys: Some(100),
        timeout: None,
        outside: outside.to_vec(),
        budget: 5,
        splay: 0,
    });
    world.run();
    world.check();
    world
}

#[test]
fn a_change_restarts_once_it_has_been_quiet() {
    let changes = [(1000, Outside::FileChanged), (500, Outside::FileChanged)];
    let world = world(&changes);
    // The second at 1500, quiet for a second, the worker, the stop, the group.
    assert_eq!(world.restarts, [1500 + 1000 + SOON + 100 + 1]);
    assert_eq!(world.core.deadline(), None, "it wakes up though nothing is due");
}

#[test]
fn a_stop_ends_it_with_the_status_of_the_child() {
    let world = world(&[(1000, Outside::Signal(TERM))]);
    assert_eq!(world.outcome, Some(Outcome::AsChild(Status::Code(0))));
    assert_eq!(world.forwarded, [TERM]);
}

#[test]
fn a_child_that_ends_by_itself_is_not_started_again() {
    let world = world(&[(1000, Outside::ChildEnds(7))]);
    assert_eq!(world.outcome, Some(Outcome::AsChild(Status::Code(7))));
    assert_eq!(world.restarts, [0; 0]);
}

#[test]
fn months_of_changes_keep_to_the_budget() {
    let world = world(&vec![(61_000, Outside::FileChanged); 100_000 / 61]);
    assert!(world.restarts.len() > 500, "{}", world.restarts.len());
}

#[test]
fn what_never_rests_is_looked_at_all_the_same() {
    let world = world(&[(500, Outside::FileChanged); 30]);
    assert_eq!(world.restarts[0], 500 + 10_000 + SOON + 100 + 1);
}
