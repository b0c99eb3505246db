//! Children: made by fork, signalled while they are not reaped, reaped by us alone.

use std::fs;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, getpgid};

use crate::signal::Signal;

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent(Pid),
    Child,
}

/// Forks the process, which has one thread.
pub(crate) fn fork() -> Result<Forked, Errno> {
    // SAFETY: this program starts no thread in the process that forks, so no lock can be held by
    // a thread that the child does not have.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
        ForkResult::Child => Ok(Forked::Child),
    }
}

/// What a wait has seen of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Exited(i32),
    Killed(Signal),
    Stopped,
    Continued,
}

/// The next change of any child; one that ended is reaped, unless it is `kept`: that one is only
/// looked at, and stays a zombie whose id nobody else can get.
pub(crate) fn next_change(kept: Option<Pid>) -> Option<(Pid, Seen)> {
    let peek = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOWAIT;
    loop {
        let (pid, seen) = wait(libc::P_ALL, 0, peek)?;
        let take = match seen {
            Seen::Exited(_) | Seen::Killed(_) if Some(pid) == kept => return Some((pid, seen)),
            Seen::Exited(_) | Seen::Killed(_) => libc::WEXITED,
            Seen::Stopped => libc::WSTOPPED,
            Seen::Continued => libc::WCONTINUED,
        };
        // Between the two calls a stopped child may have gone on; then there is nothing to take.
        if let Some(change) = wait(libc::P_PID, pid.as_raw(), take) {
            return Some(change);
        }
    }
}

/// Reaps `pid` if it has ended.
pub(crate) fn reap(pid: Pid) -> bool {
    wait(libc::P_PID, pid.as_raw(), libc::WEXITED).is_some()
}

/// waitid(2), without waiting. The wrapper of `nix` fails on a child that a real-time signal
/// killed, and would never let go of it.
fn wait(kind: libc::idtype_t, id: i32, flags: libc::c_int) -> Option<(Pid, Seen)> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        let id = libc::id_t::try_from(id).ok()?;
        // SAFETY: the structure outlives the call, which fills it in.
        let failed =
            unsafe { libc::waitid(kind, id, info.as_mut_ptr(), flags | libc::WNOHANG) } < 0;
        if !failed {
            break;
        }
        if Errno::last() != Errno::EINTR {
            return None;
        }
    }
    // SAFETY: zeroed, or filled in by the call; for a child's change these fields are the ones set,
    // and without a change the process id is the zero that was there.
    let (info, pid, status) = unsafe {
        let info = info.assume_init();
        (info, info.si_pid(), info.si_status())
    };
    let seen = match info.si_code {
        _ if pid == 0 => return None,
        libc::CLD_EXITED => Seen::Exited(status),
        libc::CLD_KILLED | libc::CLD_DUMPED => Seen::Killed(Signal::from_number(status)?),
        libc::CLD_STOPPED | libc::CLD_TRAPPED => Seen::Stopped,
        _ => Seen::Continued,
    };
    Some((Pid::from_raw(pid), seen))
}

/// Sends `signal` to one process. It must be a child that has not been reaped.
pub(crate) fn signal(pid: Pid, signal: Signal) {
    // SAFETY: a plain system call. That the child has just ended is no error worth a word.
    unsafe {
        libc::kill(pid.as_raw(), signal.number());
    }
}

/// Sends `signal` to the process group of `leader`, a child that has not been reaped.
pub(crate) fn signal_group(leader: Pid, signal: Signal) {
    // SAFETY: as above.
    unsafe {
        libc::kill(-leader.as_raw(), signal.number());
    }
}

/// Our children, ended ones included. `None` where the kernel does not tell.
pub(crate) fn children() -> Option<Vec<Pid>> {
    let thread = std::process::id();
    let list = fs::read_to_string(format!("/proc/self/task/{thread}/children")).ok()?;
    let pids = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
    Some(pids.map(Pid::from_raw).collect())
}

/// Whether the child `pid` is in process group `group`.
pub(crate) fn in_group(pid: Pid, group: Pid) -> bool {
    getpgid(Some(pid)) == Ok(group)
}
