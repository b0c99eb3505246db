//! Starts a process with a state that a shell cannot give it: the same for the program itself
//! and for the program through `sublet`, so that both can be compared.

#![allow(unsafe_code, reason = "between fork and exec, in a test")]

use std::{
    ffi::CString,
    io,
    os::{fd::RawFd, unix::process::CommandExt},
    process::Command,
};

use nix::{
    libc,
    sys::{
        resource::{Resource, setrlimit},
        signal::{SigHandler, SigSet, SigmaskHow, Signal, raise, signal, sigprocmask},
        stat::{Mode, umask},
    },
};

/// One thing that a process is started with.
#[derive(Debug, Clone)]
pub(crate) enum State {
    Ignored(Signal),
    Blocked(Signal),
    /// Blocked, and waiting to be delivered.
    Pending(Signal),
    Closed(RawFd),
    /// The descriptor on the right is a copy of the one on the left.
    Copied(RawFd, RawFd),
    Umask(u32),
    Nice(i32),
    Limit(Resource, u64, u64),
    OomScore(&'static str),
    /// An environment block, byte for byte. Needs the program and its arguments again, because
    /// it is executed at once.
    Environment {
        argv: Vec<CString>,
        entries: Vec<CString>,
    },
}

/// Makes `command` start with all of `states`, in order.
pub(crate) fn starts_with(command: &mut Command, states: Vec<State>) -> &mut Command {
    // SAFETY: each step is a system call or two; nothing is allocated but in `Environment`, where
    // this crate's tests run on an allocator that survives a fork.
    unsafe { command.pre_exec(move || states.iter().try_for_each(enter)) }
}

fn enter(state: &State) -> io::Result<()> {
    match state {
        // SAFETY: no handler of ours is involved.
        State::Ignored(which) => drop(unsafe { signal(*which, SigHandler::SigIgn) }?),
        State::Blocked(which) => {
            sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::from(*which)), None)?;
        }
        State::Pending(which) => {
            sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::from(*which)), None)?;
            raise(*which)?;
        }
        // SAFETY: a descriptor of a process that is about to be another program.
        State::Closed(fd) => drop(unsafe { libc::close(*fd) }),
        State::Copied(from, to) => {
            // SAFETY: as above.
            if unsafe { libc::dup2(*from, *to) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        State::Umask(mask) => drop(umask(Mode::from_bits_truncate(*mask))),
        // SAFETY: changes a number.
        State::Nice(by) => drop(unsafe { libc::nice(*by) }),
        State::Limit(resource, soft, hard) => setrlimit(*resource, *soft, *hard)?,
        State::OomScore(score) => std::fs::write("/proc/self/oom_score_adj", score)?,
        State::Environment { argv, entries } => {
            let pointers = |strings: &[CString]| {
                let all = strings.iter().map(|string| string.as_ptr());
                all.chain([std::ptr::null()]).collect::<Vec<_>>()
            };
            let (args, envp) = (pointers(argv), pointers(entries));
            // SAFETY: both arrays end in null and point to C strings that outlive the call.
            unsafe { libc::execve(args[0], args.as_ptr(), envp.as_ptr()) };
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
