//! Reads a file that a person named: bounded, and never stuck on a pipe or a device.

use std::{
    fmt,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use nix::libc;

/// Why a file could not be read. Says nothing of its content.
#[derive(Debug)]
pub(crate) enum FileTrouble {
    Missing,
    Denied,
    Directory,
    NotRegular(&'static str),
    TooBig { limit: usize },
    Failed(io::Error),
}

impl fmt::Display for FileTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it does not exist"),
            Self::Denied => f.write_str("it may not be read by this user"),
            Self::Directory => f.write_str("it is a directory"),
            Self::NotRegular(what) => write!(f, "it is {what}, not a file"),
            Self::TooBig { limit } => {
                write!(f, "it is larger than {} KiB, the most that is read", limit / 1024)
            }
            Self::Failed(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl From<io::Error> for FileTrouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Failed(error),
        }
    }
}

/// Reads the whole file at `path`, of at most `limit` bytes, and what the kernel says of it.
///
/// # Errors
/// [`FileTrouble`]; a pipe, socket or device is refused without waiting for it.
pub(crate) fn read_regular(path: &Path, limit: usize) -> Result<(Vec<u8>, Metadata), FileTrouble> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            // A socket, or a device without a driver.
            Some(libc::ENXIO | libc::ENODEV) => FileTrouble::NotRegular("a socket or a device"),
            _ => error.into(),
        })?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(FileTrouble::Directory);
    }
    if !kind.is_file() {
        let what = if kind.is_fifo() { "a named pipe" } else { "a device" };
        return Err(FileTrouble::NotRegular(what));
    }
    let bytes = read_at_most(file, metadata.len(), limit)?;
    Ok((bytes, metadata))
}

/// Reads to the end, whatever the size was said to be: it may grow, and in `/proc` it is 0.
fn read_at_most(file: File, expected: u64, limit: usize) -> Result<Vec<u8>, FileTrouble> {
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(expected.min(limit) + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(FileTrouble::TooBig { limit }) } else { Ok(bytes) }
}
