//! Watches entries of folders by inotify(7).
//!
//! Folders, not files: an editor writes a new file and renames it over the old one, and a
//! Kubernetes volume swaps a link.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt,
    },
    path::PathBuf,
    time::SystemTime,
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::worker::Watched;

/// What is watched now.
pub(super) struct Watch {
    inotify: Inotify,
    folders: BTreeMap<PathBuf, WatchDescriptor>,
    names: Vec<(WatchDescriptor, OsString)>,
    watched: Vec<Watched>,
}

impl Watch {
    pub(super) fn new() -> nix::Result<Self> {
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        Ok(Self {
            inotify: Inotify::init(flags)?,
            folders: BTreeMap::new(),
            names: Vec::new(),
            watched: Vec::new(),
        })
    }

    /// Watches `watched` instead of what was watched before. Returns the folders that cannot be,
    /// with the reason.
    pub(super) fn set(&mut self, watched: Vec<Watched>) -> Vec<String> {
        if watched == self.watched {
            return Vec::new();
        }
        let mask = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_ONLYDIR;
        let mut folders = BTreeMap::new();
        let mut names = Vec::new();
        let mut refused = Vec::new();
        for Watched { folder, name } in &watched {
            let descriptor = match folders.get(folder) {
                Some(descriptor) => *descriptor,
                // Watching a folder again yields the descriptor it has.
                None => match self.inotify.add_watch(folder, mask) {
                    Ok(descriptor) => descriptor,
                    Err(error) => {
                        refused.push(format!("cannot watch `{}`: {error}", folder.display()));
                        continue;
                    }
                },
            };
            folders.insert(folder.clone(), descriptor);
            names.push((descriptor, name.clone()));
        }
        for (folder, descriptor) in &self.folders {
            let still = folders.values().any(|kept| kept == descriptor);
            if !folders.contains_key(folder) && !still {
                let _ = self.inotify.rm_watch(*descriptor);
            }
        }
        (self.folders, self.names, self.watched) = (folders, names, watched);
        refused
    }

    /// Takes what has happened, and says whether it concerns anything that is watched.
    pub(super) fn fired(&mut self) -> bool {
        let mut fired = false;
        while let Ok(events) = self.inotify.read_events() {
            for event in events {
                let concerned =
                    |name: &OsString| name.is_empty() || Some(name) == event.name.as_ref();
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    fired = true;
                } else if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    // The folder is gone, and its watch with it, unless it was we who ended it.
                    let gone = self.folders.values().any(|descriptor| *descriptor == event.wd);
                    if gone {
                        self.folders.retain(|_, descriptor| *descriptor != event.wd);
                        self.watched.clear();
                        fired = true;
                    }
                } else {
                    let mut names = self.names.iter().filter(|(folder, _)| *folder == event.wd);
                    fired |= names.any(|(_, name)| concerned(name));
                }
            }
        }
        fired
    }

    /// Whether anything that is watched has changed since `moment`: between a worker's reading it
    /// and its being watched.
    pub(super) fn changed_since(&self, moment: SystemTime) -> bool {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Clocks of file systems tick slower than ours.
        let since = since.saturating_sub(std::time::Duration::from_millis(20));
        self.watched.iter().any(|Watched { folder, name }| {
            fs::symlink_metadata(folder.join(name)).is_ok_and(|found| {
                let seconds = u64::try_from(found.ctime()).unwrap_or(0);
                let nanos = u32::try_from(found.ctime_nsec()).unwrap_or(0);
                std::time::Duration::new(seconds, nanos) >= since
            })
        })
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
