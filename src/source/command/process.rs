//! One run of a provider: started with its request ready, ended within its time.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, ErrorKind as Io, Read, Seek, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use zeroize::Zeroizing;

use crate::{
    process::end_with_us,
    secret::Secret,
    source::{ErrorKind, SourceError, Surroundings, Waits},
};

/// The most that a provider may write.
pub(super) const LIMIT: usize = 16 << 20;

/// A provider that is running. Dropped, it is killed and reaped.
pub(super) struct Invocation {
    child: Running,
    stdout: Rc<OwnedFd>,
    ended: Rc<OwnedFd>,
    deadline: Instant,
}

/// How a run ended.
pub(super) enum Ended {
    Well(Secret),
    Badly(ExitStatus),
    TimedOut,
    Flooded,
    Lost(io::Error),
}

/// Kills what still runs: nothing of ours outlives its purpose.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

impl Invocation {
    /// Starts `program` in the manifest's folder. The request stands in a memory file, so that a provider
    /// which reads late, twice or not at all can neither block us nor be blocked.
    ///
    /// # Errors
    /// `Configuration` where it cannot be started.
    pub(super) fn start<'a>(
        program: &str,
        arguments: impl Iterator<Item = &'a str>,
        surroundings: &Surroundings,
        stdin: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Self, SourceError> {
        let deadline = Instant::now() + timeout;
        let spawn = || -> io::Result<(Running, Rc<OwnedFd>, Rc<OwnedFd>)> {
            let input = stdin.map_or(Ok(Stdio::null()), request_file)?;
            let folder = &surroundings.folder;
            let mut command = Command::new(locate(program, folder));
            command.args(arguments).stdin(input).stdout(Stdio::piped());
            // The environment of this process may have been wiped.
            let text = OsStr::from_bytes;
            let environment = surroundings.environment.iter();
            command.env_clear().envs(environment.map(|(name, value)| (text(name), text(value))));
            if !folder.as_os_str().is_empty() {
                command.current_dir(folder);
            }
            // A worker that is ended by force drops nothing.
            end_with_us(&mut command);
            let mut child = Running(command.spawn()?);
            let stdout = child.0.stdout.take().ok_or(Io::BrokenPipe)?;
            let stdout = OwnedFd::from(stdout);
            fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            let pid = i32::try_from(child.0.id()).ok().and_then(Pid::from_raw);
            let ended = pidfd_open(pid.ok_or(Io::InvalidData)?, PidfdFlags::empty())?;
            Ok((child, Rc::new(stdout), Rc::new(ended)))
        };
        let (child, stdout, ended) = spawn().map_err(|error| cannot_start(&error))?;
        Ok(Self { child, stdout, ended, deadline })
    }

    /// Reads its output to the end and waits for its exit, until the deadline.
    pub(super) async fn finish(mut self, waits: &Waits) -> Ended {
        let output = match self.read(waits).await {
            Ok(Some(output)) => output,
            Ok(None) => return Ended::TimedOut,
            Err(error) => return Ended::Lost(error),
        };
        if output.len() > LIMIT {
            return Ended::Flooded;
        }
        if !waits.readable(&self.ended, self.deadline).await {
            return Ended::TimedOut;
        }
        match self.child.0.wait() {
            Ok(status) if status.success() => Ended::Well(output.into_secret()),
            Ok(status) => Ended::Badly(status),
            Err(error) => Ended::Lost(error),
        }
    }

    /// All it writes, up to one byte past the limit; nothing at the deadline.
    async fn read(&self, waits: &Waits) -> io::Result<Option<Output>> {
        let mut output = Output(Zeroizing::new(Vec::new()));
        let mut pipe = File::from(self.stdout.try_clone()?);
        let mut chunk = Zeroizing::new(vec![0; 16 << 10]);
        while output.len() <= LIMIT {
            match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => output.0.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(error) if error.kind() == Io::WouldBlock => {
                    if !waits.readable(&self.stdout, self.deadline).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= self.deadline {
                return Ok(None);
            }
        }
        Ok(Some(output))
    }
}

struct Output(Zeroizing<Vec<u8>>);

impl Output {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn into_secret(mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.0))
    }
}

/// A program with a `/` is relative to the manifest's folder, any other is looked up on `PATH`.
fn locate(program: &str, folder: &Path) -> std::ffi::OsString {
    if program.contains('/') { folder.join(program).into() } else { OsStr::new(program).into() }
}

fn request_file(request: &[u8]) -> io::Result<Stdio> {
    let mut file = File::from(memfd_create(c"sublet-request", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(request)?;
    file.rewind()?;
    Ok(file.into())
}

fn cannot_start(error: &io::Error) -> SourceError {
    let kind = ErrorKind::Configuration;
    match error.kind() {
        Io::NotFound => SourceError::new(kind, "there is no such program")
            .help("install it, or give its path relative to the manifest"),
        Io::PermissionDenied => SourceError::new(kind, "it may not be executed by this user"),
        _ => SourceError::new(kind, format!("it cannot be started: {error}")),
    }
}
