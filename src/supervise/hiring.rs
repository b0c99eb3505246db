//! Forks workers and launchers, each with what it needs and nothing else.

use std::{
    collections::BTreeMap,
    ffi::{CStr, OsString},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::{
    fcntl::OFlag,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socketpair},
    unistd::{Pid, getpid, pipe2},
};

use super::driver::{Forking, Launched, Supervision};
use crate::{
    deliver::FileSet,
    environment::Environment,
    launcher::{Files, Launch, NotLaunched, Supervised, confess},
    process::{Forked, Inheritance, fork, obey_parent, signal},
    secret::Secret,
    signal::Signal,
    source::Surroundings,
    stash::{Stash, Stashed},
    wire::{Garbled, Reader, Writer},
    worker::{LIMIT, Report, Task, work},
};

/// What workers and launchers start from.
pub(super) struct Hiring<'a> {
    supervision: &'a Supervision<'a>,
    /// The environment and `--set`, out of our own memory.
    start: Stash,
    /// Where the first child works; later ones are led there.
    folder: PathBuf,
}

/// A worker.
pub(super) struct Hired {
    pub(super) pid: Pid,
    pub(super) stash: Stash,
    pub(super) files: Option<FileSet>,
    /// When it began to look.
    pub(super) since: SystemTime,
    reports: OwnedFd,
}

impl<'a> Hiring<'a> {
    pub(super) fn new(
        supervision: &'a Supervision<'a>,
        environ: &[&'static CStr],
        set: &BTreeMap<String, Secret>,
    ) -> io::Result<Self> {
        let mut writer = Writer::default();
        writer.list(environ.iter(), |writer, entry| writer.bytes(entry.to_bytes()));
        writer.list(set.iter(), |writer, (name, value)| {
            writer.text(name);
            writer.bytes(value.expose());
        });
        let start = Stash::create()?;
        start.fill(writer.as_bytes())?;
        // A folder that was removed is none that a later child could be led to.
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Ok(Self { supervision, start, folder })
    }

    /// Forks a worker that resolves the next generation after `previous`.
    pub(super) fn worker(
        &self,
        inheritance: &Inheritance,
        previous: Option<&Stash>,
        files: Option<FileSet>,
    ) -> Forking<Hired> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (reports, to_us) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let stash = Stash::create()?;
        let supervisor = getpid();
        let since = SystemTime::now();
        match fork()? {
            Forked::Parent(pid) => Ok(Hired { pid, stash, files, since, reports }),
            Forked::Child => {
                inheritance.restore();
                if obey_parent(supervisor).is_ok()
                    && let Ok(start) = self.start()
                {
                    work(
                        &Task {
                            manifest: self.supervision.manifest,
                            plan: self.supervision.plan,
                            surroundings: &Surroundings {
                                folder: self.supervision.folder.clone(),
                                environment: Environment::new(&start.environ),
                            },
                            set: &start.set,
                            previous,
                            stash: &stash,
                            files,
                        },
                        &to_us,
                    );
                }
                std::process::exit(0)
            }
        }
    }

    /// Forks a launcher of `command` with the generation in `stash`. `places` says whether it
    /// leads a group of its own, and whether it is the first, which is where it should be.
    pub(super) fn launcher(
        &self,
        inheritance: &Inheritance,
        stash: &Stash,
        command: &[OsString],
        files: Option<&Path>,
        (own_group, first): (bool, bool),
    ) -> Forking<Launched> {
        let (pipe, to_us) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let supervisor = getpid();
        match fork()? {
            Forked::Parent(pid) => Ok(Launched { pid, pipe }),
            Forked::Child => {
                let folder = (!first).then_some(self.folder.as_path());
                let supervised = Supervised { inheritance, supervisor, own_group, folder };
                let failure = self.launch(stash, command, files, Some(supervised));
                confess(&failure, &to_us);
                std::process::exit(failure.code)
            }
        }
    }

    /// Becomes the command in this process. Returns only where that fails.
    pub(super) fn become_command(&self, inheritance: &Inheritance, stash: &Stash) -> NotLaunched {
        inheritance.restore();
        self.launch(stash, self.supervision.command, None, None)
    }

    fn launch(
        &self,
        stash: &Stash,
        command: &[OsString],
        files: Option<&Path>,
        supervised: Option<Supervised<'_>>,
    ) -> NotLaunched {
        let lost = |what: &str| NotLaunched { message: format!("the stash {what}"), code: 125 };
        let Ok(bytes) = stash.read() else { return lost("cannot be read") };
        let Ok(stashed) = Stashed::read(&bytes) else { return lost("is garbled") };
        let Ok(start) = self.start() else { return lost("of the environment is garbled") };
        Launch {
            command,
            run: &self.supervision.manifest.run,
            stashed: &stashed,
            environ: &start.environ,
            privileges: self.supervision.privileges,
            files: files.map_or(Files::Memory, Files::Folder),
            supervised,
        }
        .become_command()
    }

    fn start(&self) -> Result<Start, Garbled> {
        // Lives as long as this process, which is short, as what the kernel gives lives.
        let bytes = self.start.read().map_err(|_| Garbled)?;
        let mut reader = Reader::new(&bytes);
        let environ = reader.list(|reader| {
            let entry = std::ffi::CString::new(reader.bytes()?).map_err(|_| Garbled)?;
            Ok(&*Box::leak(entry.into_boxed_c_str()))
        })?;
        let set = reader.list(|reader| Ok((reader.text()?, reader.secret()?)))?;
        reader.end()?;
        Ok(Start { environ, set: set.into_iter().collect() })
    }
}

/// The environment and `--set`, back in memory.
struct Start {
    environ: Vec<&'static CStr>,
    set: BTreeMap<String, Secret>,
}

impl Hired {
    /// The report, if there is one. A worker that `ended` without one has failed.
    pub(super) fn hear(&self, ended: bool) -> Option<Result<Report, &'static str>> {
        let mut bytes = vec![0; LIMIT + 1];
        match recv(self.reports.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            Ok(length) if (1..=LIMIT).contains(&length) => {
                Some(Report::read(&bytes[..length]).map_err(|_| "a worker's report is garbled"))
            }
            Err(_) if !ended => None,
            Ok(0) | Err(_) => Some(Err("a worker ended without a report")),
            Ok(_) => Some(Err("a worker's report is too long")),
        }
    }

    /// Ends it, whatever it does. It is not reaped yet.
    pub(super) fn end(&self) {
        signal(self.pid, Signal::KILL);
    }
}

impl AsFd for Hired {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reports.as_fd()
    }
}
