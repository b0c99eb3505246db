//! The program is looked up as `execvp` does, on the `PATH` that the child will have.

use crate::project::{PATH, Project};

fn script(says: &str) -> String {
    format!("#!/bin/sh\necho {says} \"$0\" \"$@\"\n")
}

#[test]
fn the_path_is_the_one_of_the_env_file() {
    let project = Project::new().program("bin/tool", script("mine"));
    project.write(".env", format!("PATH={}:/usr/bin\n", project.path("bin").display()));
    let tool = project.path("bin/tool").display().to_string();
    project.run(["--", "tool", "a b"]).success().stdout_is(format!("mine {tool} a b\n"));
}

#[test]
fn the_parents_path_is_not_searched_where_the_child_has_another() {
    let project = Project::with_dotenv("PATH=/nowhere\n");
    project.run(["--", "env"]).code(127).stderr_has("/nowhere");
}

#[test]
fn the_first_that_can_be_executed_wins() {
    let project = Project::with_manifest("")
        .file("one/tool", script("not executable"))
        .folder("two/tool")
        .file("three", "not a folder")
        .program("four/tool", script("four"))
        .program("five/tool", script("five"))
        .env("PATH", "one:two:three:absent:four:five");
    project.run(["--", "tool"]).success().stdout_is("four four/tool\n");
}

#[test]
fn a_name_with_a_slash_is_not_looked_up() {
    let project = Project::with_manifest("")
        .program("bin/sub/tool", script("looked up"))
        .program("sub/tool", script("direct"))
        .env("PATH", "bin");
    project.run(["--", "sub/tool"]).success().stdout_is("direct sub/tool\n");
}

#[test]
fn an_empty_element_is_the_current_folder() {
    for path in [":/usr/bin", "/nowhere:", "/nowhere::/usr/bin", ""] {
        let project = Project::with_manifest("").program("tool", script("here"));
        let project = project.env("PATH", path);
        project.run(["--", "tool"]).success().stdout_has("here");
    }
}

#[test]
fn without_a_path_there_is_the_systems_own() {
    let project = Project::with_manifest("[run]\ninherit = false\n");
    project.run(["--", "env"]).success().stdout_is("");
    let project = project.program("tool", script("here"));
    project.run(["--", "tool"]).code(127);
}

#[test]
fn a_script_without_shebang_is_run_by_the_shell() {
    let project = Project::with_manifest("")
        .program("bin/tool", "echo \"$0\" \"$#\" \"$2\"; echo $$\n")
        .program("empty", "");
    let project = project.env("PATH", format!("bin:{PATH}"));
    let child = project.sublet().args(["--", "tool", "a", "b c"]).output().unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(text.starts_with("bin/tool 2 b c\n"), "{text}");
    project.run(["--", "./empty"]).success().stdout_is("");
}

#[test]
fn a_script_with_a_shebang_gets_its_environment() {
    let project =
        Project::with_dotenv("A='x y'\n").program("tool", "#!/usr/bin/env sh\necho \"$A\"\n");
    project.run(["--", "./tool"]).success().stdout_is("x y\n");
}
