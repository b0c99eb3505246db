//! The program that the tests run as the child, built from `probe.c`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, id},
    sync::OnceLock,
};

use crate::project::Project;

/// The built program. There is a C compiler wherever Rust links.
pub(super) fn probe() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (ours, path) = (folder.join(format!("probe.{}", id())), folder.join("probe"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/supervise/probe.c");
        fs::create_dir_all(folder).unwrap();
        let status = Command::new("cc").args(["-O1", "-o"]).arg(&ours).arg(source).status();
        assert!(status.unwrap().success(), "probe.c cannot be built");
        // Another run of the tests may use the one that is there.
        fs::rename(ours, &path).unwrap();
        path
    });
    built.to_str().unwrap()
}

/// What the probe has counted in the file `log` so far.
pub(super) fn counted(project: &Project, log: &str) -> Vec<i32> {
    project.log(log).iter().filter_map(|line| line.parse().ok()).collect()
}

/// Waits until the probe has counted `count` signals, and returns them.
#[track_caller]
pub(super) fn until_counted(project: &Project, log: &str, count: usize) -> Vec<i32> {
    project.until_lines(log, count + 1);
    counted(project, log)
}

/// What is counted after everything that was sent before: it is sent last, and waited for.
pub(super) const FENCE: i32 = 64;
