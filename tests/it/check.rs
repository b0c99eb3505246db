//! `sublet check`: resolves all, shows no value.

use std::process::Command;

use snapbox::str;

use crate::{
    needs,
    project::{Project, binary},
};

const MANIFEST: &str = r#"[env]
LITERAL = "shown"
COMPOSED = "postgres://${db.user|url}:${db.password|url}@pg"
OPTIONAL = { value = "${absent}", required = false }
MISSING = { value = "${absent}", description = "what it is for" }
INHERITED = {}

[files."tls/key.pem"]
content = "${file:key.pem}"
env = "KEY_FILE"

[secrets]
db = "file:db.json"
absent = "file:absent"
"#;

fn project() -> Project {
    Project::with_manifest(MANIFEST)
        .file("db.json", r#"{"user":"canary-user","password":"canary-password"}"#)
        .file("key.pem", "canary-key")
        .file(".env", "FROM_DOTENV=canary-dotenv\n")
        .env("INHERITED", "canary-parent")
}

#[test]
fn the_table_names_all_and_shows_no_value() {
    project().run(["check"]).code(1).lacks("canary").stdout_matches(str![[r#"
profile development of sublet.toml

  NAME         FROM                                      STATUS
  COMPOSED     file:db.json#user, file:db.json#password  ok
  FROM_DOTENV  .env                                      ok
  INHERITED    the parent's environment                  ok
  LITERAL      [env]                                     ok
  MISSING      file:absent                               MISSING
  OPTIONAL     file:absent                               absent (optional)
  tls/key.pem  file:key.pem                              ok

missing MISSING: `file:absent`: cannot read `absent`: it does not exist
absent OPTIONAL: `file:absent`: cannot read `absent`: it does not exist

"#]]);
    let project = project().file("absent", "canary");
    project.run(["check"]).success().lacks("canary").stdout_matches(str![[r#"
profile development of sublet.toml

  NAME         FROM                                      STATUS
  COMPOSED     file:db.json#user, file:db.json#password  ok
  FROM_DOTENV  .env                                      ok
  INHERITED    the parent's environment                  ok
  LITERAL      [env]                                     ok
  MISSING      file:absent                               ok
  OPTIONAL     file:absent                               ok
  tls/key.pem  file:key.pem                              ok

"#]]);
}

#[test]
fn the_same_as_json() {
    let outcome = project().run(["check", "--json"]).code(1).lacks("canary").stderr_is_empty();
    let report = outcome.json();
    assert_eq!(report["ok"], false, "{report}");
    assert_eq!(report["profile"], "development");
    let status = |name: &str| {
        let all = ["variables", "files"].map(|kind| report[kind].as_array().unwrap().clone());
        let found = all.into_iter().flatten().find(|item| item["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {report}"))["status"].clone()
    };
    for (name, expected) in [
        ("LITERAL", "ok"),
        ("COMPOSED", "ok"),
        ("OPTIONAL", "absent"),
        ("MISSING", "missing"),
        ("INHERITED", "ok"),
        ("FROM_DOTENV", "ok"),
        ("tls/key.pem", "ok"),
    ] {
        assert_eq!(status(name), expected, "{name}: {report}");
    }
}

#[test]
fn offline_runs_no_program() {
    let manifest = "[env]\nA = \"${ask:a}\"\nB = \"${file:b}\"\n\
                    [sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\nprotocol = \"summon\"\n";
    let project = Project::with_manifest(manifest)
        .program("ask", "#!/bin/sh\n: > ran\necho x\n")
        .file("b", "x");
    let report = project.run(["check", "--offline", "--json"]).success().json();
    assert_eq!(report["variables"][0]["status"], "not-asked", "{report}");
    assert_eq!(report["variables"][1]["status"], "ok", "{report}");
    assert!(!project.path("ran").exists());
    project.run(["check", "--offline"]).success().stdout_has("not asked");
    project.run(["check"]).success();
    assert!(project.path("ran").exists());
}

#[test]
fn a_refusal_of_a_source_is_told_with_its_kind() {
    let manifest = "[env]\nA = \"${bad:a}\"\nB = \"x${bad:a}\"\nC = \"${file:b#x}\"\n\
                    [sources.bad]\ntype = \"command\"\ncommand = [\"false\"]\nprotocol = \"summon\"\n";
    let project = Project::with_manifest(manifest).file("b", "canary");
    let report = project.run(["check", "--json"]).code(1).lacks("canary").json();
    assert_eq!(report["unanswered"][0]["kind"], "unavailable", "{report}");
    assert_eq!(report["unanswered"][0]["request"], "bad:a");
    assert_eq!(report["unanswered"][0]["needed_by"], serde_json::json!(["A", "B"]));
    project.run(["check"]).code(1).stdout_has("UNANSWERED").stdout_has("needed by A, B");
}

fn git(project: &Project, args: &[&str]) {
    let mut git = project.command("git");
    git.args(["-c", "user.name=x", "-c", "user.email=x", "-c", "init.defaultBranch=main"]);
    project.outcome(git.args(args).env("HOME", project.root())).success();
}

#[test]
fn an_env_file_with_values_in_git_fails() {
    if !needs::tool("git") {
        return;
    }
    let project = Project::with_manifest("[env]\nA = {}\n").file(".env", "A=canary\n");
    let project = project.file(".env.example", "A=example\n").file(".env.empty", "A=\n");
    project.run(["check"]).success();
    git(&project, &["init", "-q"]);
    project.run(["check"]).success();
    git(&project, &["add", "-f", ".env.example", ".env.empty"]);
    project.run(["check"]).success();
    git(&project, &["add", "-f", ".env"]);
    project.run(["check"]).code(1).lacks("canary").stdout_has("git rm --cached .env");
    let report = project.run(["check", "--json"]).code(1).json();
    assert_eq!(report["tracked"], serde_json::json!([".env"]));
    project.child([""; 0]).success();
}

#[test]
fn a_listed_env_file_in_git_fails_whatever_its_name_and_folder() {
    if !needs::tool("git") {
        return;
    }
    let manifest = "[profiles.development]\ndotenv = [\"conf/dev.vars\"]\n";
    let project = Project::with_manifest(manifest).file("conf/dev.vars", "A=canary\n");
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    project.run(["check"]).code(1).lacks("canary").stdout_has("conf/dev.vars");
    let mut below = project.sublet();
    below.current_dir(project.path("conf")).arg("check");
    project.outcome(&mut below).code(1).lacks("canary");
}

#[test]
fn every_profile_can_be_checked() {
    let manifest = "[env]\nA = \"${a}\"\n[secrets]\na = \"file:absent\"\n\
                    [profiles.ci.secrets]\na = { default = \"\" }\n";
    let project = Project::with_manifest(manifest);
    project.run(["check"]).code(1);
    project.run(["check", "-p", "ci"]).success().stdout_has("profile ci");
    project
        .run(["check", "--profile", "production", "--set", "A=canary"])
        .success()
        .lacks("canary");
}

#[test]
fn without_a_manifest_the_env_file_is_checked() {
    let project = Project::with_dotenv("A=canary\n");
    project.run(["check"]).success().lacks("canary").stdout_matches(str![[r#"
profile development of .env alone

  NAME  FROM  STATUS
  A     .env  ok

"#]]);
}

/// What `sublet ARGS` prints on a terminal.
fn on_a_terminal(project: &Project, line: &str) -> String {
    let mut script = project.command("script");
    script.args(["-qec", &format!("{} {line}", binary().display()), "/dev/null"]);
    project.outcome(&mut script).stdout_text()
}

#[test]
fn colours_are_shown_on_a_terminal_unless_no_color_says_otherwise() {
    if !needs::tool("script")
        || !needs::works("script", Command::new("script").args(["-qec", "true", "/dev/null"]))
    {
        return;
    }
    let faulty = || Project::with_manifest("[enviroment]\n").env("TERM", "xterm");
    let coloured = on_a_terminal(&faulty(), "check");
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    for quiet in [faulty().env("NO_COLOR", "1"), faulty().env("TERM", "dumb")] {
        for line in ["check", "run -- true", "--help", "no-such", "run --no-such"] {
            let plain = on_a_terminal(&quiet, line);
            assert!(!plain.contains("\u{1b}["), "{line}: {plain:?}");
        }
    }
}
