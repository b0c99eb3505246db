//! Linux capabilities: all are given up, none is kept.

use nix::errno::Errno;
use nix::libc;

/// The version of the interface that has 64 bits, in two halves.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Empties the effective, permitted and inheritable sets, and with them the ambient set, which is never more than what
/// is both permitted and inheritable. What a program brings itself (set-user-id root, file capabilities) it still gets.
pub(super) fn give_up_all() -> Result<(), Errno> {
    let header = Header { version: VERSION, pid: 0 };
    let none = [Half { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: the kernel reads one header and, at this version, two halves; both outlive the call. (It writes to the
    // header only where it does not know the version, which is older than any kernel that we run on.)
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    Errno::result(result).map(drop)
}
