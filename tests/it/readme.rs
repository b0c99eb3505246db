//! What the README shows works: every block marked with `<!-- test -->` is run.

use std::{fs, path::Path};

use crate::project::{PATH, Project, binary};

const MARK: &str = "<!-- test -->";

/// The marked ```` ```sh ```` blocks of a Markdown text, each with the line that it starts at.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line.trim() != MARK {
            continue;
        }
        let (number, fence) = lines.next().unwrap_or_else(|| panic!("{MARK} ends the file"));
        assert_eq!(fence.trim(), "```sh", "line {}: {MARK} is for a block of sh", number + 1);
        let block = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        blocks.push((number + 2, block.fold(String::new(), |text, line| text + line + "\n")));
    }
    blocks
}

#[test]
fn blocks_are_found_by_their_mark() {
    let text = "a\n```sh\nno\n```\n<!-- test -->\n```sh\nyes\n  more\n```\n```sh\nno\n```\n";
    assert_eq!(blocks(text), [(7, "yes\n  more\n".to_owned())]);
}

#[test]
fn every_marked_block_runs() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let Ok(text) = fs::read_to_string(readme) else { return };
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "the README has no block marked {MARK}");
    for (line, block) in blocks {
        let project = Project::new();
        let bin = project.path("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(binary(), bin.join("sublet")).unwrap();
        let work = project.path("work");
        fs::create_dir(&work).unwrap();
        let mut shell = project.command("sh");
        shell.args(["-e", "-c", &block]).current_dir(work).env("HOME", project.root());
        shell.env("PATH", format!("{}:{PATH}", bin.display()));
        let outcome = project.outcome(&mut shell);
        let shown = outcome.show();
        assert!(shown.contains("exit status: 0"), "README.md, line {line}:\n{block}\n{shown}");
    }
}
