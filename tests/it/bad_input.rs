//! Bad input gets a message with place, cause and remedy, status 125, and no child.

use std::fmt::Write as _;

use nix::sys::resource::Resource;
use snapbox::str;

use crate::{
    outcome::Outcome,
    project::Project,
    starting::{State, starts_with},
};

/// Runs `touch child-ran` in at most a gigabyte of memory and the usual stack.
fn run(project: &Project) -> Outcome {
    let mut command = project.sublet();
    command.args(["--", "touch", "child-ran"]);
    // What the kernel accepts depends on the stack.
    let limits = vec![
        State::Limit(Resource::RLIMIT_AS, 1 << 30, 1 << 30),
        State::Limit(Resource::RLIMIT_STACK, 8 << 20, 8 << 20),
    ];
    let outcome = project.outcome(starts_with(&mut command, limits));
    assert_eq!(project.path("child-ran").exists(), outcome.show().contains("exit status: 0"));
    outcome
}

#[test]
fn an_empty_manifest_asks_for_nothing() {
    for text in ["", "\n", "# only a comment", "\u{feff}", "\u{feff}[env]\n", "[env]\r\nA = 1\r\n"]
    {
        run(&Project::with_manifest(text)).success();
    }
}

#[test]
fn a_manifest_of_ten_megabytes() {
    let text = format!("[env]\n{}", "A = 1 # canary\n".repeat(700_000));
    assert!(text.len() > 10 << 20);
    run(&Project::with_manifest(text)).refused().lacks("canary").stderr_is(str![[r#"
sublet: cannot use `sublet.toml`: it is larger than 1024 KiB, the most that is read

"#]]);
}

#[test]
fn a_manifest_that_is_a_binary() {
    let binary = std::fs::read("/bin/true").unwrap();
    run(&Project::with_manifest(&binary)).refused().stderr_is(str![[r#"
sublet: cannot use `sublet.toml`: line 1 is not UTF-8; save the file as UTF-8 text

"#]]);
    run(&Project::with_manifest(b"[env]\nA = \"x\0y\"\n")).refused().stderr_is(str![[r#"
sublet: a fault in the manifest
error: not TOML: invalid basic string, expected non-double-quote visible characters, `\`
 --> sublet.toml:2:7
  |
2 | A = "x␀y"
  |       ^

"#]]);
    run(&Project::with_manifest([0_u8; 4096])).refused();
}

#[test]
fn a_manifest_that_is_no_file() {
    run(&Project::new().folder("sublet.toml")).refused().stderr_is(str![[r#"
sublet: cannot use `sublet.toml`: it is a directory

"#]]);
    run(&Project::new().fifo("sublet.toml")).refused().stderr_is(str![[r#"
sublet: cannot use `sublet.toml`: it is a named pipe, not a file

"#]]);
    let project = Project::new();
    project.run(["run", "-m", "/dev/zero", "--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot use `/dev/zero`: it is a device, not a file

"#]]);
    project.run(["run", "-m", ".", "--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot use `.`: it is a directory

"#]]);
    let socket = std::os::unix::net::UnixListener::bind(project.path("sublet.toml")).unwrap();
    run(&project).refused().stderr_has("sublet.toml");
    drop(socket);
}

#[test]
fn a_manifest_in_broken_utf_8() {
    run(&Project::with_manifest(b"[env]\nA = 1\nB = \"\xff\xfe\"\n")).refused().stderr_is(str![[
        r#"
sublet: cannot use `sublet.toml`: line 3 is not UTF-8; save the file as UTF-8 text

"#
    ]]);
    let utf_16 = "[env]\nA = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    run(&Project::with_manifest([b"\xff\xfe", utf_16.as_slice()].concat())).refused();
    run(&Project::with_manifest(&utf_16)).refused();
}

#[test]
fn a_manifest_that_nests_without_end() {
    for (open, close) in [("[", "]"), ("{a=", "}"), ("[{a=", "}]")] {
        let depth = 100_000;
        run(&Project::with_manifest(format!(
            "[env]\nA = {}{}\n",
            open.repeat(depth),
            close.repeat(depth)
        )))
        .refused();
        run(&Project::with_manifest(format!("[env]\nA = {}", open.repeat(depth)))).refused();
    }
    let keys = "a.".repeat(100_000);
    run(&Project::with_manifest(format!("{keys}b = 1\n"))).refused();
    run(&Project::with_manifest(format!("[{keys}b]\n"))).refused();
}

#[test]
fn a_chain_of_variables_of_any_length() {
    let mut manifest = "[env]\n".to_owned();
    for number in 0..30_000 {
        let _ = writeln!(manifest, "A{number}=\"${{A{}}}\"", number + 1);
    }
    manifest.push_str("A30000 = \"end\"\n");
    let project = Project::with_manifest(manifest);
    // Too many for a process, or too deep for us: either is a message.
    for args in [&["explain", "A0"][..], &["run", "--", "true"], &["check"]] {
        let outcome = project.run(args);
        assert!(outcome.show().contains("ends with exit status"), "{}", outcome.show());
    }
}

#[test]
fn a_chain_of_profiles_of_any_length() {
    let mut manifest = String::new();
    for number in 0..5_000 {
        let _ = writeln!(manifest, "[profiles.p{number}]\nextends = \"p{}\"", number + 1);
    }
    manifest.push_str("[profiles.p5000.env]\nA = \"end\"\n");
    let outcome = Project::with_manifest(manifest).child(["-p", "p4990"]);
    outcome.refused().stderr_has("more than 64 profiles");
}

#[test]
fn templates_that_multiply() {
    let mut manifest = "[env]\n".to_owned();
    for number in 0..40 {
        let _ = writeln!(manifest, "A{number} = \"${{A{0}}}${{A{0}}}\"", number + 1);
    }
    manifest.push_str("A40 = \"0123456789\"\n");
    run(&Project::with_manifest(manifest)).refused().stderr_has("A");
}

#[test]
fn json_that_nests_without_end() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let project = Project::with_manifest("[env]\nA = \"${file:deep#a}\"\n").file("deep", deep);
    run(&project).refused();
}

#[test]
fn a_hundred_thousand_variables_are_explained() {
    let text = (0..100_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "VARIABLE_{number}=0123456789012345678901234567890123456789");
        text
    });
    run(&Project::with_dotenv(text)).refused().stderr_is(str![[r#"
sublet: cannot run "touch": its arguments and environment take 6388996 bytes, and the kernel accepts at most 2097152 (a quarter of the stack limit).
  Deliver large values as files, or let the child inherit less.

"#]]);
}

#[test]
fn one_value_that_is_too_long_is_named() {
    let project = Project::with_dotenv(format!("A=1\nHUGE={}\n", "x".repeat(200_000)));
    run(&project).refused().stderr_is(str![[r#"
sublet: cannot run "touch": the kernel accepts at most 131072 bytes in one string, and one is longer: the variable HUGE (200006 bytes).
  Deliver large values as files, or let the child inherit less.

"#]]);
}

#[test]
fn an_argument_that_is_too_long_with_what_we_add() {
    // The kernel would take it without us, and not with what the manifest adds.
    let text = (0..60).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "V{number}={}", "x".repeat(100_000));
        text
    });
    run(&Project::with_dotenv(text)).refused().stderr_has("bytes");
}

#[test]
fn a_nul_byte_in_a_value() {
    let project = Project::with_manifest("[env]\nA = \"${file:a}\"\n").file("a", "can\0ary");
    run(&project).refused().lacks("ary").stderr_is(str![[r#"
sublet: not started: a required value is missing:
  A: its value holds a NUL byte, which no variable can; deliver it under `[files]`, or with `|base64`

"#]]);
    run(&Project::with_manifest("[env]\nA = \"x\\u0000y\"\n")).refused().stderr_is(str![[r#"
sublet: a fault in the manifest
error: a value cannot hold a NUL character
 --> sublet.toml:2:5
  |
2 | A = "x\u0000y"
  |     ^^^^^^^^^^
  |
  = help: deliver binary data as a file, or use `|base64`

"#]]);
}

#[test]
fn names_that_cannot_be() {
    run(&Project::with_manifest(
        "[env]\n\"\" = 1\n\"A=B\" = 2\n\"A B\" = 3\n\"A\\u0000\" = 4\n\"A\\n\" = 5\n",
    ))
    .refused()
    .stderr_is(str![[r#"
sublet: faults in the manifest
error: an environment variable needs a name
 --> sublet.toml:2:1
  |
2 | "" = 1
  | ^^
  |
  = help: a variable's name has no `=`, white space or control characters

error: '=' cannot stand in the name of an environment variable
 --> sublet.toml:3:1
  |
3 | "A=B" = 2
  | ^^^^^
  |
  = help: a variable's name has no `=`, white space or control characters

error: ' ' cannot stand in the name of an environment variable
 --> sublet.toml:4:1
  |
4 | "A B" = 3
  | ^^^^^
  |
  = help: a variable's name has no `=`, white space or control characters

error: '\0' cannot stand in the name of an environment variable
 --> sublet.toml:5:1
  |
5 | "A\u0000" = 4
  | ^^^^^^^^^
  |
  = help: a variable's name has no `=`, white space or control characters

error: '\n' cannot stand in the name of an environment variable
 --> sublet.toml:6:1
  |
6 | "A\n" = 5
  | ^^^^^
  |
  = help: a variable's name has no `=`, white space or control characters

"#]]);
    let project = Project::with_manifest("");
    for set in ["=x", "A B=x", "A\n=x", "\t=x"] {
        project.run(["run", "--set", set, "--", "true"]).refused().stderr_has("--set");
    }
    run(&Project::with_manifest("[files.a]\ncontent = \"x\"\nenv = \"A=B\"\n"))
        .refused()
        .stderr_is(str![[r#"
sublet: a fault in the manifest
error: '=' cannot stand in the name of an environment variable
 --> sublet.toml:3:8
  |
3 | env = "A=B"
  |        ^^^
  |
  = help: a variable's name has no `=`, white space or control characters

"#]]);
    for path in ["/etc/x", "../x", "a/../b", "", "a//b", "."] {
        let manifest = format!("[files.\"{path}\"]\ncontent = \"x\"\nenv = \"A\"\n");
        run(&Project::with_manifest(manifest)).refused().stderr_has("path");
    }
}

#[test]
fn an_env_file_that_is_not_text_has_its_bytes_passed_on_or_is_refused() {
    let binary = std::fs::read("/bin/true").unwrap();
    run(&Project::with_dotenv(&binary)).refused().stderr_has("line 1");
    run(&Project::with_dotenv(b"\xff\xfeA\0=\x001\0")).refused();
    run(&Project::with_dotenv(b"\xff=1\n")).refused().stderr_has("line 1");
}

#[test]
fn a_folder_that_is_gone() {
    let project = Project::with_dotenv("A=1\n");
    let gone = project.path("gone");
    std::fs::create_dir(&gone).unwrap();
    let mut command = project.command("sh");
    let sublet = crate::project::binary();
    let script = "cd gone; rmdir ../gone; exec \"$0\" -- echo no";
    command.args(["-c", script, sublet.to_str().unwrap()]);
    project.outcome(&mut command).refused();
}

#[test]
fn a_limit_on_open_files_is_explained() {
    let project = Project::with_manifest("[files.a]\ncontent = \"x\"\nenv = \"A\"\n");
    let mut command = project.sublet();
    command.args(["--", "true"]);
    let limit = State::Limit(Resource::RLIMIT_NOFILE, 4, 4);
    let outcome = project.outcome(starts_with(&mut command, vec![limit]));
    assert!(outcome.show().contains("exit status"), "{}", outcome.show());
}
