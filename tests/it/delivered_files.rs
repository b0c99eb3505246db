//! `[files]` of a child that is exec'ed: in memory, and gone with it.

use std::process::Stdio;

use crate::{needs, project::Project};

const MANIFEST: &str = "[files.\"tls/key.pem\"]\ncontent = \"${file:key}\"\nenv = \"KEY\"\n";

#[test]
fn the_child_and_its_children_read_all_of_it() {
    let project = Project::with_manifest(MANIFEST).file("key", "-----BEGIN\n\0\u{fffd}\n");
    let bytes = std::fs::read(project.path("key")).unwrap();
    for script in [
        "cat $KEY",
        "cat $KEY > /dev/null; cat $KEY",
        "sh -c 'sh -c \"cat $KEY; :\"; :'",
        "(cd /; cat $KEY)",
    ] {
        project.run(["--", "sh", "-c", script]).success().stdout_is(&bytes);
    }
}

#[test]
fn its_mode_is_what_was_asked_for_and_nobody_may_write() {
    let project = Project::with_manifest(MANIFEST).file("key", "x");
    let stat = ["--", "sh", "-c", "stat -L -c '%a %s %F' $KEY"];
    project.run(stat).success().stdout_is("400 1 regular file\n");
    let project = Project::with_manifest(format!("{MANIFEST}mode = \"0444\"\n")).file("key", "x");
    project.run(stat).success().stdout_is("444 1 regular file\n");
    let write = "sh -c 'echo y >> $KEY' || sh -c ': > $KEY' || echo denied; cat $KEY";
    project.run(["--", "sh", "-c", write]).success().stdout_is("denied\nx");
}

#[test]
fn it_vanishes_with_the_child() {
    let project = Project::with_manifest(MANIFEST).file("key", "canary");
    let mut child = project.sublet();
    child.args(["--", "sh", "-c", "readlink $KEY; echo $KEY; read -r _"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let root = format!("/proc/{pid}");
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let path = text.lines().last().unwrap().to_owned();
    assert!(path.starts_with("/proc/"), "{text}");
    assert!(text.contains("memfd:"), "{text}");
    assert!(!std::path::Path::new(&root).exists());
}

#[test]
fn several_files_and_a_composed_one() {
    let manifest = "[files.a]\ncontent = \"A\"\nenv = \"FILE_A\"\n\
                    [files.\"b.json\"]\ncontent = '{\"key\": ${file:key|json}}'\nenv = \"FILE_B\"\n\
                    [files.empty]\ncontent = \"\"\nenv = \"FILE_C\"\n";
    let project = Project::with_manifest(manifest).file("key", "q\"\n");
    let script = "cat $FILE_A $FILE_B $FILE_C";
    project.run(["--", "sh", "-c", script]).success().stdout_is("A{\"key\": \"q\\\"\\n\"}");
}

#[test]
fn the_user_that_the_child_runs_as_can_read_it() {
    if !needs::root() {
        return;
    }
    let manifest = format!("{MANIFEST}[run]\nuser = \"nobody\"\n");
    let project = Project::with_manifest(manifest).file("key", "secret");
    let script = "stat -L -c '%a %u %g' $KEY; id -u; cat $KEY; sh -c 'cat $KEY; :'";
    let expected = "400 65534 65534\n65534\nsecretsecret";
    project.run(["--", "sh", "-c", script]).success().stdout_is(expected);
}

#[test]
fn a_large_file_arrives_whole() {
    let project = Project::with_manifest(MANIFEST).file("key", "x".repeat(900_000));
    project.run(["--", "sh", "-c", "wc -c < $KEY"]).success().stdout_is("900000\n");
}

#[test]
fn bytes_with_nul_come_as_a_file_but_not_as_a_variable() {
    let project = Project::with_manifest("[env]\nA = \"${file:key}\"\n").file("key", "can\0ary");
    project.child([""; 0]).refused().lacks("ary").stderr_has("A: ").stderr_has("NUL");
    let project = Project::with_manifest("[env]\nA = \"${file:key|base64}\"\n").file("key", "a\0b");
    project.child([""; 0]).success().variable_is("A", "YQBi");
}
