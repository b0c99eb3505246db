//! A file that exists only in memory, for a child that reads a value from a path.

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, SealFlag, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, fchown, write};

/// From here on: below, programs expect what they were promised (`LISTEN_FDS` from 3, a shell's own at 10).
const FIRST_DESCRIPTOR: i32 = 100;

/// What the kernel takes of a label, which is seen in `/proc/PID/fd` alone.
const LABEL_LENGTH: usize = 249;

/// Sealed: nobody can change what it holds. Open across `execve`, and closed when dropped.
#[derive(Debug)]
pub(crate) struct MemoryFile(OwnedFd);

impl MemoryFile {
    /// The label is a name for people. With no owner, it belongs to whom this process runs as.
    pub(crate) fn create(
        label: &str,
        bytes: &[u8],
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<Self, MemoryFileError> {
        let failed = |step| move |errno| MemoryFileError { label: label.to_owned(), step, errno };
        let mode = Mode::from_bits_truncate(mode);

        let file = open(label, mode).map_err(failed(Step::Create))?;
        write_all(&file, bytes).map_err(failed(Step::Write))?;
        fchmod(&file, mode).map_err(failed(Step::Mode { mode: mode.bits() }))?;
        if let Some((uid, gid)) = owner {
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(failed(Step::Owner { uid, gid }))?;
        }
        let seals = SealFlag::F_SEAL_SEAL
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_WRITE;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).map_err(failed(Step::Seal))?;
        keep_across_exec(file).map(Self).map_err(failed(Step::Keep))
    }

    /// Opens the file anew each time, read from its start. By process number and not `self`: a grandchild that did not
    /// inherit the descriptor finds it as long as the child lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

fn open(label: &str, mode: Mode) -> Result<OwnedFd, Errno> {
    let label: Vec<u8> = label.bytes().filter(|&byte| byte != 0).take(LABEL_LENGTH).collect();
    let label = CString::new(label).map_err(|_| Errno::EINVAL)?;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    if !mode.intersects(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH) {
        // Some systems insist on it (`vm.memfd_noexec`); kernels before 6.3 do not know it.
        let never_executable = MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
        match memfd_create(label.as_c_str(), flags | never_executable) {
            Err(Errno::EINVAL) => {}
            result => return result,
        }
    }
    memfd_create(label.as_c_str(), flags)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(file, bytes) {
            Ok(0) => return Err(Errno::ENOSPC),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The last step, so that no other program ever gets a file that is not complete.
fn keep_across_exec(file: OwnedFd) -> Result<OwnedFd, Errno> {
    match fcntl(&file, FcntlArg::F_DUPFD(FIRST_DESCRIPTOR)) {
        // SAFETY: the call has just made the descriptor, and nobody else knows it.
        Ok(descriptor) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        // The limit on descriptors is lower: it stays the lowest that was free.
        Err(Errno::EINVAL | Errno::EMFILE) => {
            fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
            Ok(file)
        }
        Err(errno) => Err(errno),
    }
}

/// What went wrong in which step of making a memory file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryFileError {
    label: String,
    step: Step,
    errno: Errno,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Write,
    Mode { mode: u32 },
    Owner { uid: u32, gid: u32 },
    Seal,
    Keep,
}

impl fmt::Display for MemoryFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot make the memory file for {:?}: ", self.label)?;
        match self.step {
            Step::Create => f.write_str("creating it"),
            Step::Write => f.write_str("writing it"),
            Step::Mode { mode } => write!(f, "setting its mode {mode:04o}"),
            Step::Owner { uid, gid } => write!(f, "giving it to user {uid} and group {gid}"),
            Step::Seal => f.write_str("sealing it"),
            Step::Keep => f.write_str("keeping it open for the child"),
        }?;
        write!(f, ": {}", self.errno.desc())?;
        match (self.step, self.errno) {
            (Step::Owner { .. }, Errno::EPERM) => f.write_str("; that needs root or CAP_CHOWN"),
            (Step::Create, Errno::EMFILE) => {
                f.write_str("; raise the limit on open files (`ulimit -n`)")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for MemoryFileError {}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn its_path_yields_the_bytes_any_number_of_times() {
        let bytes = vec![0xff; 100_000];
        let file = MemoryFile::create("tls/key.pem", &bytes, 0o400, None).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), bytes);
        assert_eq!(fs::read(file.path()).unwrap(), bytes);
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o400);
        let target = fs::read_link(file.path()).unwrap();
        assert_eq!(target.to_str().unwrap(), "/memfd:tls/key.pem (deleted)");
    }

    #[test]
    fn nobody_can_change_it() {
        let file = MemoryFile::create("label", b"value", 0o600, None).unwrap();
        let again = OpenOptions::new().write(true).open(file.path()).unwrap();
        assert_eq!(write(&again, b"x"), Err(Errno::EPERM));
        assert!(again.set_len(0).is_err() && again.set_len(100).is_err());
        let more = FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SEAL);
        assert_eq!(fcntl(&again, more), Err(Errno::EPERM));
    }

    #[test]
    fn it_stays_open_across_exec_out_of_the_way() {
        let file = MemoryFile::create("label", b"", 0o400, None).unwrap();
        assert!(file.0.as_raw_fd() >= FIRST_DESCRIPTOR);
        assert_eq!(fcntl(&file.0, FcntlArg::F_GETFD), Ok(0));
    }

    #[test]
    fn an_executable_mode_and_any_label_do() {
        let label = format!("a\0b{}", "ü".repeat(300));
        let file = MemoryFile::create(&label, b"", 0o500, None).unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o500);
    }

    #[test]
    fn a_failure_names_the_file_the_step_and_the_remedy() {
        let step = Step::Owner { uid: 1000, gid: 50 };
        let error = MemoryFileError { label: "tls/key.pem".into(), step, errno: Errno::EPERM };
        assert_eq!(
            error.to_string(),
            "cannot make the memory file for \"tls/key.pem\": giving it to user 1000 and group 50: \
             Operation not permitted; that needs root or CAP_CHOWN"
        );
    }
}
