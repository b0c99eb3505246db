//! What a supervisor does to itself, and a launcher on behalf of it.

use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{fs, io};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::unistd::{Pid, getpid, getppid, setpgid};

/// Orphans of the child become ours to reap.
pub(crate) fn adopt_orphans(adopt: bool) -> Result<(), Errno> {
    prctl::set_child_subreaper(adopt)
}

/// The child ends with `parent`, also if that has ended already.
pub(crate) fn obey_parent(parent: Pid) -> Result<(), Errno> {
    prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // The parent that died before the call will send nothing.
    if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH) }
}

/// What `command` starts ends with this process, however that ends.
pub(crate) fn end_with_us(command: &mut Command) {
    let us = getpid();
    // SAFETY: two system calls, and nothing is allocated.
    unsafe {
        command.pre_exec(move || obey_parent(us).map_err(io::Error::from));
    }
}

/// Puts this process at the head of a process group of its own.
pub(crate) fn own_group() -> Result<(), Errno> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))
}

/// Whether this process has a controlling terminal.
pub(crate) fn has_terminal() -> bool {
    fs::File::open("/dev/tty").is_ok()
}

/// Descriptors from 3 on that were inherited. To be called before any of ours is opened.
pub(crate) fn inherited_descriptors() -> Vec<i32> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // The folder that is being read is among them, and closed by now.
    let numbers = numbers.filter(|fd| *fd > 2).collect::<Vec<_>>();
    numbers.into_iter().filter(|fd| is_inheritable(*fd)).collect()
}

fn is_inheritable(fd: i32) -> bool {
    // SAFETY: asks about a number; whatever it is, nothing is changed.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

/// Closes descriptors that were inherited, so that their readers see the end of what the child
/// writes.
pub(crate) fn close_inherited(descriptors: &[i32]) {
    for &fd in descriptors {
        // SAFETY: nothing of ours owns a descriptor that was there before us.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

/// Overwrites the strings of the initial environment, where `/proc/PID/environ` shows them.
///
/// # Safety
///
/// `environ` are the strings that the kernel left for this process, and nothing reads any of them
/// afterwards: every reference to them is gone but those given here, which this call ends.
pub(crate) unsafe fn wipe_environment(environ: Vec<&'static CStr>) {
    let strings = environ.into_iter().map(|entry| (entry.as_ptr().cast_mut(), entry.count_bytes()));
    for (start, length) in strings.collect::<Vec<_>>() {
        // SAFETY: the stack of the process is writable, the string has this length, and the caller
        // vouches that nobody else looks at it.
        unsafe { start.write_bytes(0, length) };
    }
}
