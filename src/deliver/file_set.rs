//! Files for a child that is supervised: whole sets in a folder of ours, in memory.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::statfs::statfs,
    unistd::geteuid,
};

use crate::generation::Generation;

/// `tmpfs` and `ramfs` by their magic numbers; see statfs(2).
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// The link by which the child finds the set in use.
const CURRENT: &str = "files";

/// The folder of one supervisor. Removed when it is dropped; swept by the next supervisor where
/// its owner was killed, for the lock on it dies with the owner.
pub(crate) struct RuntimeFolder {
    path: PathBuf,
    sets: u64,
    /// Held, not read.
    _lock: Flock<File>,
}

/// One set of files, written by a worker before it is the one in use.
#[derive(Debug, Clone)]
pub(crate) struct FileSet {
    folder: PathBuf,
    /// User and group that the child runs as.
    owner: Option<(u32, u32)>,
}

/// Files that could not be delivered.
#[derive(Debug)]
pub(crate) struct CannotDeliver {
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for CannotDeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot deliver files at `{}`: {}", self.path.display(), self.cause)
    }
}

impl RuntimeFolder {
    /// Makes the folder of this process, and sweeps those of supervisors that were killed.
    ///
    /// # Errors
    /// No place in memory that belongs to us.
    pub(crate) fn create(user_folder: Option<&Path>) -> Result<Self, CannotDeliver> {
        let mut refusals = Vec::new();
        for base in candidates(user_folder) {
            match Self::create_in(&base) {
                Ok(folder) => return Ok(folder),
                Err(cause) => refusals.push((base, cause)),
            }
        }
        let (path, cause) = refusals
            .pop()
            .unwrap_or_else(|| (PathBuf::from("/run"), io::Error::other("there is no such place")));
        let cause = io::Error::other(format!(
            "{cause}; files are kept in memory alone: mount a tmpfs at /run or /dev/shm"
        ));
        Err(CannotDeliver { path, cause })
    }

    fn create_in(base: &Path) -> io::Result<Self> {
        let above = base.parent().unwrap_or(base);
        if !IN_MEMORY.contains(&i128::from(statfs(above)?.filesystem_type().0)) {
            return Err(io::Error::other("it is not in memory"));
        }
        make_folder(base)?;
        sweep(base);
        let name = std::process::id().to_string();
        // Its number alone does not make a folder ours: two containers may share the place. And a
        // sweep of somebody else may take a new folder before it is locked.
        for attempt in 0..100 {
            let path = base.join(format!("{name}.{attempt}"));
            match DirBuilder::new().mode(0o711).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            }
            if let Ok(Some(lock)) = lock(&path)
                && path.exists()
            {
                return Ok(Self { path, sets: 0, _lock: lock });
            }
        }
        Err(io::Error::other("no folder can be made there"))
    }

    /// A place for the next set.
    pub(crate) fn next_set(&mut self, owner: Option<(u32, u32)>) -> FileSet {
        self.sets += 1;
        FileSet { folder: self.path.join(format!("set.{}", self.sets)), owner }
    }

    /// Makes `set` the one in use, all of it at once, and removes the one before.
    pub(crate) fn commit(&self, set: &FileSet) -> Result<(), CannotDeliver> {
        let failed = |cause| CannotDeliver { path: set.folder.clone(), cause };
        let current = self.path.join(CURRENT);
        let before = fs::read_link(&current).ok();
        let next = self.path.join("next");
        let name = set.folder.file_name().unwrap_or_default();
        let _ = fs::remove_file(&next);
        symlink(name, &next).and_then(|()| fs::rename(&next, &current)).map_err(failed)?;
        if let Some(before) = before {
            let _ = fs::remove_dir_all(self.path.join(before));
        }
        Ok(())
    }

    /// Where the child finds the set in use.
    pub(crate) fn current(&self) -> PathBuf {
        self.path.join(CURRENT)
    }
}

impl Drop for RuntimeFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl FileSet {
    /// Writes every file of `generation`.
    pub(crate) fn write(&self, generation: &Generation) -> Result<(), CannotDeliver> {
        // A worker that was replaced may have left a part of it.
        self.discard();
        let folder = |path: &Path| DirBuilder::new().mode(0o711).recursive(true).create(path);
        folder(&self.folder).map_err(|cause| failed(&self.folder, cause))?;
        for file in &generation.files {
            let path = self.folder.join(&file.path);
            let written = path
                .parent()
                .map_or(Ok(()), folder)
                .and_then(|()| self.write_file(&path, file.content.expose(), file.mode));
            written.map_err(|cause| failed(&path, cause))?;
        }
        Ok(())
    }

    fn write_file(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        if let Some((user, group)) = self.owner {
            fchown(&file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(mode))
    }

    pub(crate) fn discard(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn failed(path: &Path, cause: io::Error) -> CannotDeliver {
    CannotDeliver { path: path.to_path_buf(), cause }
}

/// Where the folders of supervisors can be, best first.
fn candidates(user_folder: Option<&Path>) -> Vec<PathBuf> {
    let user = geteuid();
    if user.is_root() {
        return vec!["/run/sublet".into(), "/dev/shm/sublet".into()];
    }
    let own = user_folder.map(|folder| folder.join("sublet"));
    own.into_iter().chain([PathBuf::from(format!("/dev/shm/sublet-{user}"))]).collect()
}

/// Makes `path`, or takes it as it is if it is a folder of ours that nobody else can write to.
fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o711).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let found = fs::symlink_metadata(path)?;
    let ours = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    if ours { Ok(()) } else { Err(io::Error::other("it belongs to somebody else")) }
}

/// Removes the folders of supervisors that are no more.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let path = entry.path();
        // Locked, its owner lives. Ours while we look, so that two sweeps do not meet.
        if let Ok(Some(_lock)) = lock(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn lock(path: &Path) -> io::Result<Option<Flock<File>>> {
    use nix::{errno::Errno, libc};

    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)?;
    match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}
