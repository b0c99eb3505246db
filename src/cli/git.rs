//! Which `.env` files with values are tracked by git.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::project::Project;
use crate::source::{dotenv, read_regular};

/// The most that is read of one file.
const LIMIT: usize = 16 << 20;

/// Endings of files that are made to be shared: they show names, not values.
const EXAMPLES: [&str; 4] = [".example", ".sample", ".template", ".dist"];

/// Tracked `.env` files beside the manifest, and those that the profile names, which hold at
/// least one value. Without git, or outside of a repository, there are none.
pub(crate) fn tracked_with_values(project: &Project) -> Vec<String> {
    let folder = match project.surroundings.folder.as_os_str() {
        empty if empty.is_empty() => Path::new("."),
        folder => Path::new(folder),
    };
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["ls-files", "-z", "--", ":(glob).env", ":(glob).env.*"]);
    command.args(project.plan.dotenv.iter().map(|file| format!(":(literal){file}")));
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let Ok(output) = output.map(|output| output.stdout) else { return Vec::new() };
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names = names.map(|name| PathBuf::from(OsStr::from_bytes(name)));
    let tracked = names.filter(|name| !is_example(name) && holds_values(&folder.join(name)));
    tracked.map(|name| name.display().to_string()).collect()
}

fn is_example(name: &Path) -> bool {
    let name = name.as_os_str().as_bytes();
    EXAMPLES.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// A file that cannot be understood may hold anything, so it counts.
fn holds_values(path: &Path) -> bool {
    let Ok((bytes, _)) = read_regular(path, LIMIT) else { return false };
    match dotenv::parse(&bytes, false) {
        Ok(entries) => entries.iter().any(|entry| !entry.value.expose().is_empty()),
        Err(_) => true,
    }
}
