//! Asks the kernel what has happened, tells the core, and does what it decides: one thread, one
//! `poll`, and the only code that forks.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::{CStr, OsString},
    hash::{BuildHasher, Hasher, RandomState},
    io,
    os::fd::AsFd,
    path::PathBuf,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    time::{ClockId as Clock, clock_gettime},
    unistd::{Pid, getpid, getsid},
};

use super::{
    brood::Brood,
    core::Core,
    event::{Action, Event, Moment, Outcome, Prepared, Sender, Status},
    hiring::{Hired, Hiring},
    settings::Settings,
    watch::Watch,
};
use crate::{
    deliver::{FileSet, RuntimeFolder},
    manifest::Manifest,
    plan,
    process::{
        Inheritance, Privileges, Received, Signals, adopt_orphans, close_inherited, die_of,
        end_children, has_terminal, inherited_descriptors, is_ignored, wipe_environment,
    },
    secret::Secret,
    signal::Signal,
    stash::Stash,
    worker::Report,
};

/// What is supervised.
pub(crate) struct Supervision<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) plan: &'a plan::Plan,
    /// Absolute: a supervisor has no folder of its own.
    pub(crate) folder: PathBuf,
    /// Where this user keeps what lives as long as a session: `$XDG_RUNTIME_DIR`.
    pub(crate) user_folder: Option<PathBuf>,
    pub(crate) command: &'a [OsString],
    pub(crate) privileges: Option<&'a Privileges>,
    /// Stay even where nothing can change.
    pub(crate) stay: bool,
    /// Become the command, even where a value can change.
    pub(crate) becomes: bool,
    /// A child that a signal killed ends us with 128 + its number.
    pub(crate) exit_with_code: bool,
    pub(crate) report: fn(&str),
}

/// Supervises until the child has ended, and returns the exit code. Where nothing can change it
/// becomes the child instead, and returns only if that fails.
///
/// # Errors
/// What the kernel refuses before anything has begun.
///
/// # Safety
/// `environ` are the strings that the kernel left for this process, and the caller has no other
/// reference to any of them.
#[expect(unsafe_code, reason = "the environment is wiped where it stands")]
pub(crate) unsafe fn supervise(
    supervision: &Supervision<'_>,
    environ: Vec<&'static CStr>,
    set: &BTreeMap<String, Secret>,
) -> Result<i32, String> {
    let failed = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    let descriptors = inherited_descriptors();
    let (signals, inheritance) = Signals::take().map_err(failed("cannot take signals"))?;
    adopt_orphans(true).map_err(failed("cannot adopt orphans"))?;
    let hiring = Hiring::new(supervision, &environ, set).map_err(|error| error.to_string())?;
    // SAFETY: the caller has no other reference; the copies are in a memory file.
    unsafe { wipe_environment(environ) };
    let folder = match &supervision.manifest.files {
        files if files.is_empty() => None,
        _ => Some(
            RuntimeFolder::create(supervision.user_folder.as_deref())
                .map_err(|error| error.to_string())?,
        ),
    };
    let shares_terminal = has_terminal();
    let run = &supervision.manifest.run;
    let settings = Settings::new(run, shares_terminal, supervision.stay, supervision.becomes);
    let timer =
        TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK);
    let mut driver = Driver {
        core: Core::new(settings),
        brood: Brood::new(shares_terminal),
        watch: Watch::new().map_err(failed("cannot watch files"))?,
        timer: timer.map_err(failed("cannot set timers"))?,
        supervision,
        hiring,
        signals,
        inheritance,
        folder,
        shares_terminal,
        descriptors: Some(descriptors),
        worker: None,
        current: None,
        prepared: None,
        events: VecDeque::from([Event::Started]),
        random: RandomState::new(),
        ended: None,
    };
    Ok(driver.run())
}

struct Driver<'a> {
    supervision: &'a Supervision<'a>,
    core: Core,
    hiring: Hiring<'a>,
    brood: Brood,
    signals: Signals,
    inheritance: Inheritance,
    watch: Watch,
    timer: TimerFd,
    folder: Option<RuntimeFolder>,
    shares_terminal: bool,
    /// Descriptors that only the first child inherits.
    descriptors: Option<Vec<i32>>,
    worker: Option<Hired>,
    /// The generation in use.
    current: Option<Stash>,
    prepared: Option<(Stash, Option<FileSet>)>,
    events: VecDeque<Event>,
    random: RandomState,
    ended: Option<i32>,
}

impl Driver<'_> {
    fn run(&mut self) -> i32 {
        loop {
            while let Some(event) = self.events.pop_front() {
                let random = self.random();
                for action in self.core.handle(now(), random, event) {
                    self.perform(action);
                    if let Some(code) = self.ended {
                        return code;
                    }
                }
            }
            self.set_timer();
            self.wait();
        }
    }

    /// Another number each time.
    fn random(&mut self) -> u32 {
        let mut hasher = self.random.build_hasher();
        hasher.write_u128(now().0.as_nanos());
        // The upper half is as good as any.
        (hasher.finish() >> 32) as u32
    }

    fn set_timer(&self) {
        let set = match self.core.deadline() {
            None => self.timer.unset(),
            Some(Moment(deadline)) => {
                // A deadline of zero would switch the timer off.
                let at = deadline.max(std::time::Duration::from_nanos(1)).into();
                let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME;
                self.timer.set(Expiration::OneShot(at), flags)
            }
        };
        if let Err(error) = set {
            (self.supervision.report)(&format!("cannot set a timer: {error}"));
        }
    }

    /// Sleeps until something happens, and notes what did.
    fn wait(&mut self) {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut descriptors = vec![
            readable(self.signals.as_fd()),
            readable(self.timer.as_fd()),
            readable(self.watch.as_fd()),
        ];
        descriptors.extend(self.worker.as_ref().map(|worker| readable(worker.as_fd())));
        descriptors.extend(self.brood.launching().map(readable));
        // Interrupted or not, what is there is looked at.
        let _ = poll(&mut descriptors, PollTimeout::NONE);
        let _ = self.timer.wait();
        self.events.extend(self.brood.launched());
        self.hear_worker(false);
        while let Some(received) = self.signals.next() {
            self.take_signal(received);
        }
        if self.watch.fired() {
            self.events.push_back(Event::WatchFired);
        }
        self.events.push_back(Event::TimeCame);
    }

    fn take_signal(&mut self, received: Received) {
        if received.signal == Signal::CHLD {
            return self.look_after_children();
        }
        let child = self.brood.child();
        // What its parent ignores, as under nohup, does not end a start.
        if child.is_none() && is_ignored(received.signal) {
            return;
        }
        let from_child = child.is_some_and(|child| child.as_raw() == received.sender);
        // A terminal that hangs up tells the leader of its session alone.
        let to_leader = received.signal == Signal::HUP && getsid(None) == Ok(getpid());
        let sender = if received.by_kernel && !to_leader {
            Sender::Terminal
        } else if received.sender == getpid().as_raw() || (self.shares_terminal && from_child) {
            Sender::Own
        } else {
            Sender::Other
        };
        self.events.push_back(Event::SignalReceived(received.signal, sender));
    }

    fn look_after_children(&mut self) {
        let worker = self.worker.as_ref().map(|worker| worker.pid);
        let mut worker_ended = false;
        let report = self.supervision.report;
        let events = self.brood.look(|pid| worker_ended |= Some(pid) == worker, report);
        self.events.extend(events);
        if worker_ended {
            self.hear_worker(true);
        }
    }

    /// Takes a worker's report, if there is one; if there is none and it has `ended`, it failed.
    fn hear_worker(&mut self, ended: bool) {
        let Some(worker) = &self.worker else { return };
        let Some(heard) = worker.hear(ended) else { return };
        let Some(worker) = self.worker.take() else { return };
        if !ended {
            // It has said what it had to say.
            worker.end();
        }
        match heard {
            Ok(Report::Prepared { change, future }) => {
                let refused = self.watch.set(future.watched);
                for message in refused {
                    (self.supervision.report)(&message);
                }
                if self.watch.changed_since(worker.since) {
                    self.events.push_back(Event::WatchFired);
                }
                self.prepared = Some((worker.stash, worker.files));
                self.events.push_back(Event::WorkerPrepared(Prepared {
                    changed: change.names,
                    restart: change.restart,
                    signals: change.signals,
                    commands: change.commands,
                    can_change: future.can_change,
                    leased: future.leased,
                    ask_again: future.ask_again,
                }));
            }
            Ok(Report::Refused { message, transient }) => {
                discard(worker.files);
                self.events.push_back(Event::WorkerRefused { message, transient });
            }
            Err(message) => {
                discard(worker.files);
                self.events.push_back(Event::WorkerFailed { message: message.to_owned() });
            }
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::StartWorker => self.start_worker(),
            Action::EndWorker => {
                if let Some(worker) = self.worker.take() {
                    worker.end();
                    discard(worker.files);
                }
            }
            Action::Commit => self.commit(),
            Action::Discard => discard(self.prepared.take().and_then(|(_, files)| files)),
            Action::Launch => self.launch(),
            Action::EndLauncher => self.brood.signal_child(Signal::KILL),
            Action::Become(held) => self.become_child(&held),
            Action::SignalChild(signal) => self.brood.signal_child(signal),
            Action::SignalGroup(signal) => self.brood.signal_group(signal),
            Action::StopSelf => crate::process::signal(getpid(), Signal::STOP),
            Action::RunCommand(words) => self.run_command(&words),
            Action::Report(message) => (self.supervision.report)(&message),
            Action::Exit(outcome) => self.exit(outcome),
        }
    }

    fn start_worker(&mut self) {
        let owner = self.supervision.privileges.and_then(Privileges::owner);
        let files = self.folder.as_mut().map(|folder| folder.next_set(owner));
        match self.hiring.worker(&self.inheritance, self.current.as_ref(), files) {
            Ok(worker) => {
                self.brood.note_worker(worker.pid);
                self.worker = Some(worker);
            }
            Err(error) => self.events.push_back(Event::WorkerFailed {
                message: format!("cannot start a worker: {error}"),
            }),
        }
    }

    fn commit(&mut self) {
        let Some((stash, files)) = self.prepared.take() else { return };
        if let (Some(folder), Some(files)) = (&self.folder, &files)
            && let Err(error) = folder.commit(files)
        {
            (self.supervision.report)(&error.to_string());
        }
        self.current = Some(stash);
    }

    fn launch(&mut self) {
        let launched = self.launcher(self.supervision.command, true);
        match launched {
            Ok(()) => self.leave_to_child(),
            Err(message) => self.events.push_back(Event::LaunchFailed { message, code: 125 }),
        }
    }

    /// What only the first child inherits is not kept from ending by us.
    fn leave_to_child(&mut self) {
        if let Some(descriptors) = self.descriptors.take() {
            close_inherited(&descriptors);
            // A folder that we stood in could not be unmounted.
            let _ = std::env::set_current_dir("/");
        }
    }

    fn launcher(&mut self, command: &[OsString], as_child: bool) -> Result<(), String> {
        let Some(stash) = &self.current else { return Err("there is no generation".to_owned()) };
        let files = self.folder.as_ref().map(RuntimeFolder::current);
        let first = self.descriptors.is_some();
        let launched = self.hiring.launcher(
            &self.inheritance,
            stash,
            command,
            files.as_deref(),
            (!self.shares_terminal, first),
        );
        let launched = launched.map_err(|error| format!("cannot start a launcher: {error}"))?;
        if as_child {
            self.brood.raise(launched);
        } else {
            self.brood.note_command(launched.pid, command);
        }
        Ok(())
    }

    fn run_command(&mut self, words: &[String]) {
        let command = words.iter().map(OsString::from).collect::<Vec<_>>();
        if let Err(message) = self.launcher(&command, false) {
            (self.supervision.report)(&message);
        }
    }

    /// Returns only where that fails.
    fn become_child(&mut self, held: &[Signal]) {
        let Some(stash) = &self.current else { return };
        // They wait, blocked, until this process has the child's own mask.
        for held in held {
            crate::process::signal(getpid(), *held);
        }
        // The worker that was ended is not left to a command that does not know of it.
        end_children();
        let _ = adopt_orphans(false);
        // Nothing runs after the exec that could remove it.
        self.folder = None;
        let failure = self.hiring.become_command(&self.inheritance, stash);
        (self.supervision.report)(&failure.message);
        self.ended = Some(failure.code);
    }

    fn exit(&mut self, outcome: Outcome) {
        if let Some(worker) = self.worker.take() {
            worker.end();
        }
        self.folder = None;
        self.ended = Some(match outcome {
            Outcome::Code(code) | Outcome::AsChild(Status::Code(code)) => code,
            Outcome::AsChild(Status::Signal(signal)) => {
                if getpid().as_raw() != 1 && !self.supervision.exit_with_code {
                    die_of(signal);
                }
                128 + signal.number()
            }
        });
    }
}

fn discard(files: Option<FileSet>) {
    if let Some(files) = files {
        files.discard();
    }
}

/// The clock that also counts while the machine sleeps.
fn now() -> Moment {
    // Known to every kernel that runs this: it cannot fail.
    let time = clock_gettime(Clock::CLOCK_BOOTTIME).map(std::time::Duration::from);
    Moment(time.unwrap_or_default())
}

/// A worker or launcher that was forked, as an I/O result of ours.
pub(super) type Forking<T> = io::Result<T>;

/// A process id and what to wait for.
pub(super) struct Launched {
    pub(super) pid: Pid,
    pub(super) pipe: std::os::fd::OwnedFd,
}
