//! 125 for our own failures, 126 and 127 as the shells have them, else what the child ends with.

use std::{fs, process::Command};

use nix::sys::signal::Signal;

use crate::{needs, project::Project};

#[test]
fn the_childs_code_is_ours() {
    let project = Project::with_manifest("");
    for code in [0, 1, 2, 42, 125, 126, 127, 128, 255] {
        project.run(["--", "sh", "-c", &format!("exit {code}")]).code(code).stderr_is_empty();
    }
}

#[test]
fn the_signal_that_ends_the_child_ends_us() {
    let project = Project::with_manifest("");
    for signal in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGINT, Signal::SIGHUP] {
        let script = format!("kill -{} $$", signal as i32);
        project.run(["--", "sh", "-c", &script]).signal(signal).stderr_is_empty();
    }
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let project = Project::with_manifest("").file("file", "");
    project.run(["--", "no-such-program"]).code(127).stdout_is("").stderr_has("no-such-program");
    for path in ["./no-such-program", "/no/such/program", "./file/program"] {
        project.run(["--", path]).code(127).stdout_is("").stderr_has(path);
    }
    project.run(["--", ""]).code(127).stdout_is("");
}

#[test]
fn a_file_that_cannot_be_executed_is_126_and_named() {
    let project = Project::with_manifest("")
        .file("data", "#!/bin/sh\n")
        .folder("folder")
        .program("foreign", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0\x01\0\0\0")
        .program("uninterpreted", "#!/no/such/interpreter\n")
        .program("windows", "#!/bin/sh\r\necho no\r\n")
        .env("PATH", "bin");
    for (path, why) in [
        ("./data", "permission"),
        ("./folder", "directory"),
        ("./foreign", "machine"),
        ("./uninterpreted", "/no/such/interpreter"),
        ("./windows", "CR LF"),
    ] {
        project.run(["--", path]).code(126).stdout_is("").stderr_has(path).stderr_has(why);
    }
    let project = project.file("bin/data", "");
    project.run(["--", "data"]).code(126).stderr_has("bin/data").stderr_has("chmod +x");
}

#[test]
fn a_program_in_a_folder_that_denies_entry_is_not_simply_missing() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let project = Project::with_manifest("").program("closed/tool", "#!/bin/sh\n");
    let project = project.mode("closed", 0o700).env("PATH", "closed:/usr/bin");
    let outcome = project.outcome(project.as_nobody().args(["--", "tool"]));
    outcome.code(127).stderr_has("closed/tool").stderr_has("may not be entered");
}

#[test]
fn our_own_failures_are_125() {
    let project = Project::with_manifest("[env]\nREQUIRED = {}\n");
    for args in [
        &["run", "--", "echo", "no"][..],
        &["run"],
        &["--"],
        &["run", "--no-such-option", "--", "echo", "no"],
        &["run", "-m", "absent.toml", "--", "echo", "no"],
        &["run", "-p", "prodution", "--", "echo", "no"],
        &["run", "--set", "no-equals", "--", "echo", "no"],
        &["run", "--set", "=no-name", "--", "echo", "no"],
        &["no-such-subcommand"],
        &["check", "--no-such-option"],
        &["explain"],
        &["explain", "NOTHING_LIKE_IT"],
        &["completions", "no-such-shell"],
        &["export", "--format", "yaml"],
    ] {
        project.run(args).refused();
    }
}

#[test]
fn help_and_version_are_successes_on_standard_output() {
    let project = Project::new();
    project.run(["--version"]).success().stderr_is_empty().stdout_has("sublet 0.");
    for args in [&["--help"][..], &["-h"], &["run", "--help"], &["check", "--help"]] {
        project.run(args).success().stderr_is_empty().stdout_has("Usage: sublet");
    }
    // Nothing was asked for: the help is then a failure's remedy.
    let bare = project.run([""; 0]).code(125).stdout_is("");
    bare.stderr_has("Usage: sublet");
}

#[test]
fn check_fails_with_1_where_something_is_missing() {
    let project = Project::with_manifest("[env]\nREQUIRED = {}\n");
    project.run(["check"]).code(1).stdout_has("REQUIRED");
    project.run(["check", "--set", "REQUIRED=x"]).success();
}

#[test]
fn a_full_disk_is_a_failure_of_what_prints() {
    let project = Project::with_manifest("[env]\nA = 1\n");
    for args in [
        &["check"][..],
        &["export"],
        &["explain", "A"],
        &["schema"],
        &["man"],
        &["completions", "bash"],
    ] {
        let mut command = project.sublet();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.args(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{args:?} {output:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_reader_that_left_is_no_panic() {
    let project = Project::with_manifest("[env]\nA = 1\n");
    let mut command: Command = project.command("sh");
    let sublet = crate::project::binary();
    command.args(["-c", "\"$0\" man | true", sublet.to_str().unwrap()]);
    project.outcome(&mut command).success().stderr_is_empty();
}
