//! The children of a supervisor: the one that matters, what is left of its group, orphans.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    os::fd::{AsFd, BorrowedFd},
};

use nix::unistd::{Pid, getpgrp};

use super::{
    driver::Launched,
    event::{Event, Status},
};
use crate::{
    launcher::confession,
    process::{Seen, children, in_group, next_change, reap, signal, signal_group},
    signal::Signal,
};

/// The children that exist.
pub(super) struct Brood {
    shares_terminal: bool,
    /// The launcher, and what it becomes. Not reaped before nothing is left of its group, so that
    /// nobody else can get its number.
    child: Option<Pid>,
    /// Its launcher has not become it yet.
    launching: Option<Launched>,
    /// It has ended, and what is left of its group has not.
    clearing: bool,
    /// What is left was killed, and so is what becomes ours by that.
    killing: bool,
    worker: Option<Pid>,
    /// Commands of `on-change`, by what they are.
    commands: BTreeMap<Pid, String>,
}

impl Brood {
    pub(super) fn new(shares_terminal: bool) -> Self {
        Self {
            shares_terminal,
            child: None,
            launching: None,
            clearing: false,
            killing: false,
            worker: None,
            commands: BTreeMap::new(),
        }
    }

    pub(super) fn child(&self) -> Option<Pid> {
        self.child
    }

    /// A worker is in our group, but none of the child's.
    pub(super) fn note_worker(&mut self, pid: Pid) {
        self.worker = Some(pid);
    }

    pub(super) fn raise(&mut self, launched: Launched) {
        self.child = Some(launched.pid);
        self.launching = Some(launched);
        self.clearing = false;
        self.killing = false;
    }

    pub(super) fn note_command(&mut self, pid: Pid, command: &[OsString]) {
        let name = command.first().map(|word| word.to_string_lossy().into_owned());
        self.commands.insert(pid, name.unwrap_or_default());
    }

    /// What tells that a launcher has become the child.
    pub(super) fn launching(&self) -> Option<BorrowedFd<'_>> {
        self.launching.as_ref().map(|launched| launched.pipe.as_fd())
    }

    /// Whether the launcher has become the child, or could not.
    pub(super) fn launched(&mut self) -> Option<Event> {
        let mut bytes = [0; 4096];
        let read = nix::unistd::read(&self.launching.as_ref()?.pipe, &mut bytes);
        let event = match read {
            // Closed by the exec.
            Ok(0) => Event::ChildStarted,
            Ok(length) => {
                let failure = confession(&bytes[..length]);
                Event::LaunchFailed { message: failure.message, code: failure.code }
            }
            Err(_) => return None,
        };
        self.launching = None;
        Some(event)
    }

    pub(super) fn signal_child(&self, signo: Signal) {
        if let Some(child) = self.child.filter(|_| !self.clearing) {
            signal(child, signo);
        }
    }

    /// In the job of a terminal the group is not ours to stop: there it is the child alone, and
    /// once that has ended, those of its group that became ours.
    pub(super) fn signal_group(&mut self, signo: Signal) {
        let Some(child) = self.child else { return };
        self.killing |= self.clearing && signo == Signal::KILL;
        if !self.shares_terminal {
            signal_group(child, signo);
        } else if self.clearing {
            self.left().unwrap_or_default().into_iter().for_each(|pid| signal(pid, signo));
        } else {
            signal(child, signo);
        }
    }

    /// Takes every change of every child. `other` hears of each that ended and is not the child.
    pub(super) fn look(&mut self, mut other: impl FnMut(Pid), report: fn(&str)) -> Vec<Event> {
        let mut events = Vec::new();
        while !self.clearing
            && let Some((pid, seen)) = next_change(self.child)
        {
            if Some(pid) == self.child {
                self.child_changed(seen, &mut events);
                continue;
            }
            let Some(failed) = ended(seen) else { continue };
            other(pid);
            if let Some(name) = self.commands.remove(&pid)
                && failed
            {
                report(&format!("the command `{name}` failed"));
            }
        }
        if self.clearing {
            self.clear(other, &mut events);
        }
        events
    }

    fn child_changed(&mut self, seen: Seen, events: &mut Vec<Event>) {
        events.extend(self.launched());
        let status = match seen {
            Seen::Stopped => return events.push(Event::ChildStopped),
            Seen::Continued => return events.push(Event::ChildContinued),
            Seen::Exited(code) => Status::Code(code),
            Seen::Killed(signal) => Status::Signal(signal),
        };
        self.clearing = true;
        events.push(Event::ChildExited(status));
    }

    /// Reaps all but the child, and the child last, once nothing is left of its group.
    fn clear(&mut self, mut other: impl FnMut(Pid), events: &mut Vec<Event>) {
        let Some(child) = self.child else { return };
        for pid in children().unwrap_or_default() {
            if pid != child && reap(pid) {
                self.commands.remove(&pid);
                other(pid);
            }
        }
        let left = self.left();
        if self.killing {
            left.iter().flatten().for_each(|pid| signal(*pid, Signal::KILL));
        }
        if left.is_none() {
            // The kernel does not tell who is left: nobody shall be.
            signal_group(child, Signal::KILL);
        }
        if left.is_none_or(|left| left.is_empty()) {
            reap(child);
            self.child = None;
            self.clearing = false;
            events.push(Event::GroupGone);
        }
    }

    /// Those of the child's group that are ours and live.
    fn left(&self) -> Option<BTreeSet<Pid>> {
        let child = self.child?;
        let group = if self.shares_terminal { getpgrp() } else { child };
        let ours = children()?
            .into_iter()
            .filter(|pid| *pid != child && Some(*pid) != self.worker && in_group(*pid, group));
        Some(ours.collect())
    }
}

/// Whether the change was an end, and if so, whether a bad one.
fn ended(seen: Seen) -> Option<bool> {
    match seen {
        Seen::Exited(code) => Some(code != 0),
        Seen::Killed(_) => Some(true),
        Seen::Stopped | Seen::Continued => None,
    }
}
