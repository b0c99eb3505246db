//! How the process begins: what it was given, and what must hold before anything else is done.
//!
//! The binary has a C `main` of its own, so Rust's start-up code never runs: signal dispositions, mask, alternate stack
//! and descriptors stay as they were inherited, and the child finds them so. What that code would have given us and we
//! do want is here. (`std::env::args_os` is empty on musl without it: take the arguments from `Inherited`.)

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;

/// The exit status of our own failures.
const OWN_FAILURE: c_int = 125;

/// What the process that started us passed on.
pub(crate) struct Inherited {
    pub(crate) argv: Vec<OsString>,
    /// Byte for byte and in order: entries without `=`, twice the same name and non-UTF-8 included.
    pub(crate) environ: Vec<&'static CStr>,
}

impl Inherited {
    /// Reads the arrays that C's `main` was given.
    ///
    /// # Safety
    ///
    /// `argv` and `envp` are null-terminated arrays of C strings that live, and are not written to, for as long as the
    /// process does.
    pub(crate) unsafe fn take(argv: *const *const c_char, envp: *const *const c_char) -> Self {
        // SAFETY: the caller vouches for both arrays.
        let (arguments, environ) = unsafe { (strings(argv), strings(envp)) };
        let argv = arguments.iter().map(|arg| OsStr::from_bytes(arg.to_bytes()).to_owned());
        Self { argv: argv.collect(), environ }
    }

    /// The value of an environment variable; of the first, where there are two of the name.
    pub(crate) fn variable(&self, name: &str) -> Option<&'static [u8]> {
        let value = |entry: &&'static CStr| {
            entry.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
        };
        self.environ.iter().find_map(value)
    }
}

/// # Safety
///
/// `array` is null, or a null-terminated array of C strings that live as long as the process and do not change.
unsafe fn strings(array: *const *const c_char) -> Vec<&'static CStr> {
    let mut count = 0;
    // SAFETY: no element is read past the first null.
    unsafe {
        while !array.is_null() && !(*array.add(count)).is_null() {
            count += 1;
        }
        (0..count).map(|index| CStr::from_ptr(*array.add(index))).collect()
    }
}

/// Makes the process safe to work in. To be called first.
pub(crate) fn settle() {
    fill_standard_holes();
    panic::set_hook(Box::new(|panic| {
        // Never the payload: it may quote a value.
        let line = match panic.location() {
            Some(at) => {
                format!("sublet: internal error at {}:{} (please report)\n", at.file(), at.line())
            }
            None => "sublet: internal error (please report)\n".to_owned(),
        };
        let _ = nix::unistd::write(std::io::stderr(), line.as_bytes());
        // SAFETY: ends the process at once: no unwinding, no core.
        unsafe { libc::_exit(OWN_FAILURE) }
    }));
}

/// Makes the process unreadable for its own user: no core, no `ptrace`, no `/proc/PID/mem`. To be called before a value
/// is read. An `execve` undoes it, so the child is what it would have been.
///
/// Root and `CAP_SYS_PTRACE` can still read it. `/proc/PID/fd` belongs to root until then, for others than ourselves.
pub(crate) fn forbid_dumps() -> Result<(), Errno> {
    prctl::set_dumpable(false)
}

/// Where descriptor 0, 1 or 2 is closed, puts `/dev/null` there, so that none of our files is taken for it. It closes on
/// exec: the child finds the hole again.
fn fill_standard_holes() {
    let mut polled = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the array has the three elements that the call is told of, and outlives it.
    if unsafe { libc::poll(polled.as_mut_ptr(), 3, 0) } <= 0 {
        return;
    }
    for _ in polled.iter().filter(|entry| entry.revents & libc::POLLNVAL != 0) {
        // A descriptor opened is the lowest that is free, so in ascending order each one lands in its hole.
        // Where there is no `/dev/null`, the root folder as a mere place: reading and writing fail as on a closed one.
        // SAFETY: both paths are C strings; the descriptor has no owner, it stays open until the exec.
        unsafe {
            if libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) < 0 {
                libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn arrays_are_taken_as_they_are() {
        let argv = [c"sublet".as_ptr(), c"".as_ptr(), c"\xff".as_ptr(), ptr::null()];
        let envp = [
            c"A=1".as_ptr(),
            c"no equals sign".as_ptr(),
            c"A=2".as_ptr(),
            c"BASH_FUNC_x%%=() { :; }".as_ptr(),
            c"\xfe=\xff".as_ptr(),
            ptr::null(),
        ];
        // SAFETY: both arrays are null-terminated, and of literals.
        let inherited = unsafe { Inherited::take(argv.as_ptr(), envp.as_ptr()) };
        assert_eq!(inherited.argv, ["sublet".as_ref(), "".as_ref(), OsStr::from_bytes(b"\xff")]);
        assert_eq!(
            inherited.environ,
            [c"A=1", c"no equals sign", c"A=2", c"BASH_FUNC_x%%=() { :; }", c"\xfe=\xff"]
        );
    }

    #[test]
    fn empty_and_missing_arrays_are_empty() {
        // SAFETY: one array is empty, the other is not there.
        let inherited = unsafe { Inherited::take([ptr::null()].as_ptr(), ptr::null()) };
        assert!(inherited.argv.is_empty() && inherited.environ.is_empty());
    }
}
