//! Signals as a supervisor takes them: all blocked and read from a descriptor, one by one.
//!
//! Nothing is lost between two reads, no handler runs, and where a signal came from is known.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use crate::signal::Signal;

/// What the process inherited and the child must find again.
pub(crate) struct Inheritance {
    mask: Mask,
    /// Whether the parent ignored `SIGCHLD`: then nobody could be waited for.
    child_ignored: bool,
}

/// The descriptor that signals are read from.
pub(crate) struct Signals {
    descriptor: OwnedFd,
}

/// A set of signals as the kernel has it. Not a `sigset_t`: C libraries keep two or three real-time
/// signals to themselves, and will neither block them nor give back that they were blocked. One of
/// those would end us, though the child may want it (34 is musl's own, and `SIGRTMIN` of glibc).
#[derive(Debug, Clone, Copy)]
struct Mask(u64);

impl Mask {
    const ALL: Self = Self(u64::MAX);
    const NONE: Self = Self(0);

    fn of(signal: Signal) -> Self {
        Self(1 << (signal.number() - 1))
    }

    /// Changes what is blocked, and returns what was.
    fn change(self, how: libc::c_int) -> Result<Self, Errno> {
        let mut before = Self::NONE;
        // SAFETY: both sets have the size that the kernel is told of, and outlive the call.
        let result = unsafe {
            let (set, before) = (&raw const self.0, &raw mut before.0);
            libc::syscall(libc::SYS_rt_sigprocmask, how, set, before, size_of::<u64>())
        };
        Errno::result(result).map(|_| before)
    }

    /// A descriptor from which these signals are read.
    fn descriptor(self) -> Result<OwnedFd, Errno> {
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: as above; the descriptor that comes back is nobody else's.
        unsafe {
            let set = &raw const self.0;
            let opened = libc::syscall(libc::SYS_signalfd4, -1, set, size_of::<u64>(), flags);
            let number = i32::try_from(Errno::result(opened)?).map_err(|_| Errno::EBADF)?;
            Ok(OwnedFd::from_raw_fd(number))
        }
    }
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
        let mask = Mask::ALL.change(libc::SIG_SETMASK)?;
        let child_ignored = is_ignored(Signal::CHLD);
        if child_ignored {
            set_disposition(Signal::CHLD, libc::SIG_DFL);
        }
        Ok((Self { descriptor: Mask::ALL.descriptor()? }, Inheritance { mask, child_ignored }))
    }

    /// The next signal, if there is one.
    pub(crate) fn next(&self) -> Option<Received> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        // SAFETY: plain numbers, all-zero is one of their values, and so is whatever is read. The
        // bytes are those of `info`, and nothing else looks at it meanwhile.
        let (length, info) = unsafe {
            let start = info.as_mut_ptr().cast::<u8>();
            let bytes = std::slice::from_raw_parts_mut(start, size_of_val(&info));
            (nix::unistd::read(&self.descriptor, bytes), info.assume_init())
        };
        // Non-blocking: an error is "none now", and poll will say when there is one.
        length.ok().filter(|length| *length == size_of_val(&info))?;
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
    /// Puts the mask back as it was inherited. For a worker, which must be able to wait for
    /// children of its own.
    pub(crate) fn restore_mask(&self) {
        // Cannot fail: the mask is one that the kernel gave.
        let _ = self.mask.change(libc::SIG_SETMASK);
    }

    /// Puts mask and dispositions back as they were inherited. For a launcher, or before an exec.
    pub(crate) fn restore(&self) {
        if self.child_ignored {
            set_disposition(Signal::CHLD, libc::SIG_IGN);
        }
        self.restore_mask();
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
    // SAFETY: plain system calls on this process; the limits outlive them.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal.number(), libc::SIG_DFL);
        libc::kill(libc::getpid(), signal.number());
    }
    let _ = Mask::of(signal).change(libc::SIG_UNBLOCK);
}
