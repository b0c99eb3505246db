//! A worker: resolves a generation, leaves it in the stash, reports metadata, and ends.

mod future;
mod report;

use std::{collections::BTreeMap, os::fd::OwnedFd, path::Path, time::SystemTime};

use nix::sys::socket::{MsgFlags, send};

pub(crate) use self::report::{LIMIT, Report, Watched};
use crate::{
    deliver::FileSet,
    generation::{Change, Generation},
    manifest::Manifest,
    plan::Plan,
    resolve::{Question, Reach, resolve},
    secret::Secret,
    source::{Registry, Surroundings},
    stash::{Stash, Stashed},
};

/// Everything a worker needs.
pub(crate) struct Task<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) plan: &'a Plan,
    pub(crate) surroundings: &'a Surroundings,
    /// Values of `--set`.
    pub(crate) set: &'a BTreeMap<String, Secret>,
    /// The generation in use.
    pub(crate) previous: Option<&'a Stash>,
    /// Where the new one goes.
    pub(crate) stash: &'a Stash,
    /// Where its files go.
    pub(crate) files: Option<FileSet>,
}

/// Does `task` and sends the report.
pub(crate) fn work(task: &Task<'_>, reports: &OwnedFd) {
    let report = attempt(task).unwrap_or_else(|refused| *refused);
    // A supervisor that is gone has no use for it.
    let flags = MsgFlags::MSG_NOSIGNAL;
    let _ = send(std::os::fd::AsRawFd::as_raw_fd(reports), report.write().as_bytes(), flags);
}

fn attempt(task: &Task<'_>) -> Result<Report, Box<Report>> {
    let refused = |message: String| Box::new(Report::Refused { message, transient: false });
    let registry = Registry::open(&task.manifest.sources, task.surroundings)
        .map_err(|_| refused("a source cannot be opened".to_owned()))?;
    let resolved = resolve(&Question {
        plan: task.plan,
        registry: &registry,
        surroundings: task.surroundings,
        set: task.set,
        reach: Reach::Everything,
    })
    .map_err(|error| {
        let transient = error.kind.is_transient();
        Box::new(Report::Refused { message: error.to_string(), transient })
    })?;
    if !resolved.lacking.is_empty() {
        let transient =
            resolved.lacking.unanswered.iter().any(|lack| lack.error.kind.is_transient());
        let message = resolved.lacking.to_string();
        return Err(Box::new(Report::Refused { message, transient }));
    }
    let previous = task.previous.map(previous).transpose().map_err(refused)?;
    let change = Change::between(&previous.unwrap_or_default(), &resolved.generation);
    let folder = &task.surroundings.folder;
    let future = future::future(task.plan, folder, &resolved.outlooks, SystemTime::now());
    leave(task, resolved.generation, resolved.credentials).map_err(refused)?;
    Ok(Report::Prepared { change, future })
}

fn previous(stash: &Stash) -> Result<Generation, String> {
    let bytes = stash.read().map_err(|error| format!("the stash cannot be read: {error}"))?;
    let stashed = Stashed::read(&bytes).map_err(|_| "the stash is garbled".to_owned())?;
    Ok(stashed.generation)
}

fn leave(
    task: &Task<'_>,
    generation: Generation,
    credentials: std::collections::BTreeSet<String>,
) -> Result<(), String> {
    if let Some(files) = &task.files {
        files.write(&generation).map_err(|error| error.to_string())?;
    }
    let stashed = Stashed { generation, credentials };
    let filled = task.stash.fill(stashed.write().as_bytes());
    filled.map_err(|error| format!("the stash cannot be written: {error}"))
}

/// Paths in the manifest are relative to its folder; a supervisor has no folder of its own.
pub(crate) fn absolute(folder: &Path) -> std::io::Result<std::path::PathBuf> {
    if folder.is_absolute() {
        return Ok(folder.to_path_buf());
    }
    Ok(std::env::current_dir()?.join(folder))
}
