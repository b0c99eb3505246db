//! Every example works: its `test.sh` is run in a copy of its folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::project::{PATH, Project, binary};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            // With its permissions.
            fs::copy(source, target).unwrap();
        }
    }
}

fn examples() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples =
        fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    examples.retain(|path| path.is_dir());
    examples.sort();
    Some(examples)
}

#[test]
fn every_example_runs() {
    let Some(examples) = examples() else { return };
    assert!(!examples.is_empty(), "there are no examples");
    for example in examples {
        assert!(example.join("test.sh").is_file(), "{} has no test.sh", example.display());
        let project = Project::new();
        let bin = project.path("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(binary(), bin.join("sublet")).unwrap();
        let work = project.path("work");
        copy(&example, &work);
        let mut shell = project.command("sh");
        shell.args(["-e", "test.sh"]).current_dir(work).env("HOME", project.root());
        shell.env("PATH", format!("{}:{PATH}", bin.display()));
        let shown = project.outcome(&mut shell).show();
        assert!(shown.contains("exit status: 0"), "{}:\n{shown}", example.display());
    }
}
