//! A change is taken over: whole, once, and only where something has changed.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
};

use super::{Running, children, descriptors, kill, lives, only_child, until, until_gone};
use crate::project::Project;

/// Quick to take over, and restarted as often as a test likes.
const QUICK: &str =
    "[profiles.development]\nwatch = \"1s\"\n[run]\ndebounce = \"50ms\"\nbudget = \"1000/1s\"\n";

/// Says which generation it is, and goes on until it is told to stop.
const SAYS_A: &str = "echo \"$$ $A\" >> said; exec sleep 1000";

fn says(variable: &str) -> Project {
    Project::with_manifest(format!("[env]\nA = {{}}\n{QUICK}")).file(".env", variable)
}

fn running(project: &Project) -> Running {
    let running = project.start(&["--", "sh", "-c", SAYS_A]);
    project.until_lines("said", 1);
    running
}

/// What the children have said, without their process ids.
fn said(project: &Project, count: usize) -> Vec<String> {
    let lines = project.until_lines("said", count);
    lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
fn an_edited_file_restarts_the_child_when_the_old_one_is_gone() {
    let project = says("A=one\n");
    let mut running = running(&project);
    let first = only_child(running.pid());
    project.write(".env", "A=two\n");
    assert_eq!(said(&project, 2), ["one", "two"]);
    assert!(!lives(first), "the old child runs beside the new one");
    project.until_said("changed: A; restarting");
    running.signal(15);
    assert_eq!(running.wait().signal(), Some(15));
}

#[test]
fn a_renamed_and_a_recreated_file_are_seen() {
    let project = says("A=one\n");
    let _running = running(&project);
    project.write("new", "A=two\n");
    fs::rename(project.path("new"), project.path(".env")).unwrap();
    assert_eq!(said(&project, 2)[1], "two");
    fs::remove_file(project.path(".env")).unwrap();
    project.until_said("not taken over");
    project.write(".env", "A=three\n");
    assert_eq!(said(&project, 3)[2], "three");
}

#[test]
fn unchanged_bytes_do_nothing() {
    let project = says("A=one\n");
    let _running = running(&project);
    // Seen, and found to be the same; the change after it is the second thing that happens.
    project.write(".env", "# a comment\nA=one\n");
    project.write(".env", "A=two\n");
    assert_eq!(said(&project, 2), ["one", "two"]);
}

#[test]
fn what_cannot_be_resolved_changes_nothing() {
    let project = says("A=one\n");
    let running = running(&project);
    let child = only_child(running.pid());
    project.write(".env", "A=two\ncanary-without-equals\n");
    project.until_said("line 2, column");
    assert!(lives(child));
    assert!(!project.said("canary"));
    project.write(".env", "A=three\n");
    assert_eq!(said(&project, 2), ["one", "three"]);
}

#[test]
fn a_kubernetes_volume_is_swapped_whole() {
    let manifest = format!(
        "[env]\nA = \"${{a}}-${{b}}\"\n[secrets]\na = \"file:volume/a\"\nb = \"file:volume/b\"\n{QUICK}"
    );
    let project = Project::with_manifest(manifest);
    for (version, value) in [("..1", "one"), ("..2", "two")] {
        project.write(&format!("volume/{version}/a"), value);
        project.write(&format!("volume/{version}/b"), value);
    }
    symlink("..1", project.path("volume/..data")).unwrap();
    for name in ["a", "b"] {
        symlink(format!("..data/{name}"), project.path("volume").join(name)).unwrap();
    }
    let _running = running(&project);
    symlink("..2", project.path("volume/..tmp")).unwrap();
    fs::rename(project.path("volume/..tmp"), project.path("volume/..data")).unwrap();
    assert_eq!(said(&project, 2), ["one-one", "two-two"]);
}

#[test]
fn a_provider_is_asked_again() {
    let manifest = format!(
        "[env]\nA = \"${{ask:x}}\"\n[sources.ask]\ntype = \"command\"\nprotocol = \"summon\"\n\
         command = [\"./ask\"]\n{QUICK}"
    );
    let project = Project::with_manifest(manifest).program("ask", "#!/bin/sh\ncat value\n");
    project.write("value", "one");
    let _running = running(&project);
    project.write("value", "two");
    assert_eq!(said(&project, 2), ["one", "two"]);
}

/// A child that logs its file whenever it gets SIGHUP.
const READS_A_FILE: &str = "show() { echo \"$$ $(cat \"$KEY\")\" >> said; }; trap show HUP; show; \
     while :; do sleep 0.02; done";

fn with_file(more: &str) -> Project {
    let manifest = format!(
        "[files.\"tls/key\"]\ncontent = \"${{key}}\"\nenv = \"KEY\"\n{more}[secrets]\nkey = \"file:key\"\n{QUICK}"
    );
    Project::with_manifest(manifest).file("key", "one")
}

fn file_of(pid: i32) -> PathBuf {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    environment.split('\0').find_map(|entry| entry.strip_prefix("KEY=")).unwrap().into()
}

#[test]
fn a_file_is_replaced_and_then_the_child_is_told() {
    let project = with_file("");
    let running = project.start(&["--", "sh", "-c", READS_A_FILE]);
    project.until_lines("said", 1);
    project.write("key", "two");
    let lines = project.until_lines("said", 2);
    let (first, second) = (lines[0].split_once(' ').unwrap(), lines[1].split_once(' ').unwrap());
    assert_eq!((first.1, second.1), ("one", "two"));
    assert_eq!(first.0, second.0, "it was restarted");
    drop(running);
}

#[test]
fn a_command_may_follow_a_change_and_nothing_may() {
    let project = with_file(
        "on-change = { command = [\"sh\", \"-c\", \"cat $KEY > told; echo >> told\"] }\n",
    );
    let _running = project.start(&["--", "sh", "-c", READS_A_FILE]);
    project.until_lines("said", 1);
    project.write("key", "two");
    assert_eq!(project.until_lines("told", 1), ["two"]);
    assert_eq!(project.log("said").len(), 1);
}

#[test]
fn files_are_in_memory_for_the_user_alone_and_gone_at_the_end() {
    let project = with_file("mode = \"0440\"\n");
    let mut running = project.start(&["--", "sh", "-c", READS_A_FILE]);
    project.until_lines("said", 1);
    let path = file_of(only_child(running.pid()));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o440);
    assert_eq!(metadata.uid(), nix::unistd::geteuid().as_raw());
    let folder = path.ancestors().find(|path| path.ends_with("files")).unwrap().parent().unwrap();
    assert!(folder.starts_with("/run/") || folder.starts_with("/dev/shm/"), "{folder:?}");
    running.signal(15);
    running.wait();
    assert!(!folder.exists());
}

#[test]
fn what_a_killed_supervisor_left_is_swept_by_the_next() {
    let project = with_file("");
    let mut killed = project.start(&["--", "sh", "-c", READS_A_FILE]);
    project.until_lines("said", 1);
    let path = file_of(only_child(killed.pid()));
    killed.signal(9);
    killed.wait();
    assert!(path.exists());
    let _next = project.start(&["--", "sh", "-c", READS_A_FILE]);
    project.until_lines("said", 2);
    assert!(!path.exists());
}

#[test]
fn a_child_does_not_outlive_a_killed_supervisor() {
    let project = says("A=one\n");
    let mut running = running(&project);
    let child = only_child(running.pid());
    running.signal(9);
    running.wait();
    until_gone(child);
}

#[test]
fn the_end_of_the_child_is_the_end() {
    for (script, code, signal) in
        [("exit 0", Some(0), None), ("exit 7", Some(7), None), ("kill -USR1 $$", None, Some(10))]
    {
        let project = says("A=one\n");
        let status = project.start(&["--", "sh", "-c", script]).wait();
        assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
    }
    let project = says("A=one\n");
    let args = ["--signal-exit", "code", "--", "sh", "-c", "kill -9 $$"];
    assert_eq!(project.start(&args).wait().code(), Some(137));
    assert_eq!(project.start(&["--", "./nothing"]).wait().code(), Some(127));
}

#[test]
fn what_is_left_of_the_group_ends_with_the_child() {
    let project = says("A=one\n");
    let script = "sleep 1000 & echo $! > left; (trap '' TERM; echo $$ >> up; while :; do sleep 0.05; done) & \
                  until [ -s up ]; do :; done; exit 3";
    let status = project.start(&["--", "sh", "-c", script]).wait();
    assert_eq!(status.code(), Some(3));
    let left = project.read("left").trim().parse().unwrap();
    assert!(!lives(left));
}

#[test]
fn a_stop_that_is_not_heard_is_enforced_at_a_restart() {
    let project = says("A=one\n");
    let manifest = project.read("sublet.toml") + "stop = { timeout = \"100ms\" }\n";
    project.write("sublet.toml", manifest);
    let script = format!("trap '' TERM; {SAYS_A}");
    let _running = project.start(&["--", "sh", "-c", &script]);
    project.until_lines("said", 1);
    project.write(".env", "A=two\n");
    assert_eq!(said(&project, 2), ["one", "two"]);
}

#[test]
fn more_changes_than_the_budget_wait() {
    let project = says("A=0\n");
    let manifest = project.read("sublet.toml").replace("1000/1s", "1/1h");
    project.write("sublet.toml", manifest);
    let running = running(&project);
    project.write(".env", "A=1\n");
    assert_eq!(said(&project, 2), ["0", "1"]);
    project.write(".env", "A=2\n");
    project.until_said("too many restarts");
    assert!(lives(only_child(running.pid())));
    assert_eq!(project.log("said").len(), 2);
}

#[test]
fn a_worker_that_is_killed_is_replaced_and_the_child_runs_on() {
    let manifest = format!(
        "[env]\nA = \"${{ask:x}}\"\n[sources.ask]\ntype = \"command\"\nprotocol = \"summon\"\n\
         command = [\"./ask\"]\n{QUICK}"
    );
    let script = "#!/bin/sh\necho $PPID >> asked\n[ -e wait ] && exec sleep 1000\ncat value\n";
    let project = Project::with_manifest(manifest).program("ask", script).file("value", "one");
    let running = running(&project);
    let child = only_child(running.pid());
    project.write("wait", "");
    let asked = project.log("asked").len();
    let lines = project.until_lines("asked", asked + 1);
    let worker: i32 = lines.last().unwrap().parse().unwrap();
    kill(worker, 9);
    project.until_said("a worker ended without a report");
    assert!(lives(child));
    fs::remove_file(project.path("wait")).unwrap();
    project.write("value", "two");
    assert_eq!(said(&project, 2), ["one", "two"]);
}

#[test]
fn the_one_that_stays_holds_no_value_and_nothing_of_the_childs() {
    let manifest = format!(
        "[env]\nA = \"${{env:PLANTED}}\"\nB = \"${{file:secret}}\"\nC = {{}}\nD = \"${{ask:x}}\"\n\
         [sources.ask]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"./ask\"]\n{QUICK}"
    );
    let project = Project::with_manifest(manifest)
        .env("PLANTED", "canary-env")
        .file("secret", "canary-file")
        .file(".env", "C=canary-dotenv\n")
        .program("ask", "#!/bin/sh\necho canary-command\n");
    let running = running(&project);
    for value in ["canary-env", "canary-file", "canary-dotenv", "canary-command"] {
        assert_eq!(occurrences(running.pid(), value.as_bytes()), 0, "{value}");
        assert!(occurrences(only_child(running.pid()), value.as_bytes()) > 0, "{value}");
    }
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", running.pid())).unwrap(), Path::new("/"));
    for (number, path) in descriptors(running.pid()) {
        let path = path.to_string_lossy().into_owned();
        let ours = path.contains("memfd:sublet-stash") || path.starts_with("anon_inode:");
        assert!(number < 3 || ours, "{number} -> {path}");
    }
}

/// How often `word` stands in the memory of a process. (Root can look.)
fn occurrences(pid: i32, word: &[u8]) -> usize {
    use std::os::unix::fs::FileExt;

    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.split_whitespace().nth(1).unwrap().starts_with('r'))
    {
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (number(start), number(end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // Some mappings of the kernel cannot be read.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            count += bytes.windows(word.len()).filter(|window| *window == word).count();
        }
    }
    count
}

#[test]
fn where_nothing_can_change_a_provider_does_not_keep_us() {
    let manifest = "[env]\nA = \"${ask:x}\"\n[sources.ask]\ntype = \"command\"\nprotocol = \"summon\"\n\
                    command = [\"echo\"]\n";
    let project = Project::with_manifest(manifest);
    let running = project.start(&["--", "sh", "-c", SAYS_A]);
    let lines = project.until_lines("said", 1);
    assert_eq!(lines[0], format!("{} x", running.pid()));
    assert!(children(running.pid()).is_empty());
}

#[test]
fn a_hundred_restarts_leave_nothing_behind() {
    let project = says("A=0\n");
    let manifest = project.read("sublet.toml").replace("50ms", "1ms");
    project.write("sublet.toml", manifest);
    let running = running(&project);
    let before = descriptors(running.pid()).len();
    for number in 1..=100 {
        project.write(".env", format!("A={number}\n"));
        assert_eq!(said(&project, number + 1)[number], number.to_string());
    }
    assert!(descriptors(running.pid()).len() <= before);
    until("one child alone", || (children(running.pid()).len() == 1).then_some(()));
}

#[test]
fn as_pid_1_it_reaps_and_ends_with_128_and_the_signal() {
    let project = says("A=one\n");
    let inside = |script: &str| {
        let mut command = project.command("unshare");
        command.args(["--fork", "--pid", "--mount-proc", "--kill-child"]);
        command.arg(crate::project::binary()).args(["run", "--", "sh", "-c", script]);
        project.outcome(&mut command)
    };
    inside("echo $PPID; exit 5").stdout_is("1\n").code(5);
    inside("kill -9 $$").code(137);
    let orphans = "i=0; while [ $i -lt 500 ]; do (sh -c ':' &); i=$((i+1)); done; \
                   until ! grep -l '^State:.Z' /proc/[0-9]*/status >/dev/null 2>&1; do :; done; echo none";
    inside(orphans).stdout_is("none\n");
}
