//! Signals as a supervisor takes them: all blocked and read from a descriptor, one by one.
//!
//! Nothing is lost between two reads, no handler runs, and where a signal came from is known.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::signal::Signal;

/// What the process inherited and the child must find again.
pub(crate) struct Inheritance {
    mask: SigSet,
    /// Whether the parent ignored `SIGCHLD`: then nobody could be waited for.
    child_ignored: bool,
}

/// The descriptor that signals are read from.
pub(crate) struct Signals {
    descriptor: SignalFd,
}

/// A signal that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) signal: Signal,
    /// The kernel sent it: for the signals of a terminal, to the whole foreground group.
    pub(crate) by_kernel: bool,
    pub(crate) sender: i32,
}

impl Signals {
    /// Blocks every signal, takes `SIGCHLD` out of being ignored, and opens the descriptor.
    pub(crate) fn take() -> Result<(Self, Inheritance), Errno> {
        let everything = SigSet::all();
        let mut mask = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&everything), Some(&mut mask))?;
        let child_ignored = is_ignored(Signal::CHLD);
        if child_ignored {
            set_disposition(Signal::CHLD, libc::SIG_DFL);
        }
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let descriptor = SignalFd::with_flags(&everything, flags)?;
        Ok((Self { descriptor }, Inheritance { mask, child_ignored }))
    }

    /// The next signal, if there is one.
    pub(crate) fn next(&self) -> Option<Received> {
        // Non-blocking: an error is "none now", and poll will say when there is one.
        let info = self.descriptor.read_signal().ok().flatten()?;
        Some(Received {
            signal: Signal::from_number(i32::try_from(info.ssi_signo).ok()?)?,
            by_kernel: info.ssi_code == libc::SI_KERNEL,
            sender: i32::try_from(info.ssi_pid).unwrap_or(0),
        })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Inheritance {
    /// Puts mask and dispositions back as they were inherited. For a launcher, or before an exec.
    pub(crate) fn restore(&self) {
        if self.child_ignored {
            set_disposition(Signal::CHLD, libc::SIG_IGN);
        }
        // Cannot fail: the mask is one that the kernel gave.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

/// Whether `signal` was ignored by whoever started us, as `nohup` does with `SIGHUP`.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action given this only writes the current one, which outlives the call;
    // all-zero is a valid `sigaction` should the call fail.
    let action = unsafe {
        libc::sigaction(signal.number(), std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

fn set_disposition(signal: Signal, disposition: libc::sighandler_t) {
    // SAFETY: the disposition is SIG_DFL or SIG_IGN, no handler of ours.
    unsafe {
        libc::signal(signal.number(), disposition);
    }
}

/// Ends this process by `signal`, without a core, so that whoever waits sees what ended the child.
/// Returns where the signal does not end it, as for PID 1.
pub(crate) fn die_of(signal: Signal) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let mut only = SigSet::empty();
    // SAFETY: plain system calls on this process; the sets and limits outlive them. `sigaddset` is
    // used for real-time signals, which `nix` has no name for.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal.number(), libc::SIG_DFL);
        let mut set = *only.as_ref();
        libc::sigaddset(&raw mut set, signal.number());
        only = SigSet::from_sigset_t_unchecked(set);
        libc::kill(libc::getpid(), signal.number());
    }
    let _ = pthread_sigmask(SigmaskHow::SIG_UNBLOCK, Some(&only), None);
}
