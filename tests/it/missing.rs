//! Required by default, all named at once, no child; an absent optional is removed.

use snapbox::str;

use crate::project::Project;

#[test]
fn every_missing_value_is_named_in_one_message_and_no_child_runs() {
    let manifest = r#"
[env]
NOWHERE = {}
DESCRIBED = { description = "the key for payments" }
FROM_FILE = "${file:absent.txt}"
FROM_ENV = "${env:ABSENT}"
FROM_SECRET = "x${token}y"
OTHER_PROFILE = "${db.password}"
THERE = "1"

[files.key]
content = "${file:absent.pem}"
env = "KEY_FILE"

[secrets]
token = "file:fields.json#tokn"

[profiles.production.secrets]
db = "file:db.json"
"#;
    let project = Project::with_manifest(manifest).file("fields.json", r#"{"token":"canary"}"#);
    let outcome = project.run(["--", "touch", "child-ran"]).refused().lacks("canary");
    outcome.stderr_is(str![[r#"
sublet: not started: 7 required values are missing:
  DESCRIBED: nothing gives it a value (the key for payments)
  FROM_ENV: `env:ABSENT`: the environment has no variable `ABSENT`
  FROM_FILE: `file:absent.txt`: cannot read `absent.txt`: it does not exist
  FROM_SECRET: `file:fields.json#tokn`: it has no field `tokn` (did you mean `#token`?)
  NOWHERE: nothing gives it a value
  OTHER_PROFILE: it needs the secret `db`, which profile `development` does not have
  file key: `file:absent.pem`: cannot read `absent.pem`: it does not exist

"#]]);
    assert!(!project.path("child-ran").exists());
}

#[test]
fn an_absent_optional_removes_a_stale_inherited_value() {
    let manifest = "[env]\nGONE = { value = \"${token}\", required = false }\n\
                    BARE = { required = false }\n\
                    [secrets]\ntoken = { ref = \"file:absent\" }\n";
    let project = Project::with_manifest(manifest).env("GONE", "stale").env("OTHER", "kept");
    let child = project.child([""; 0]).success().stderr_is_empty();
    child.has_no_variable("GONE").has_no_variable("BARE").variable_is("OTHER", "kept");
}

#[test]
fn a_variable_without_a_template_may_come_from_the_parent() {
    let manifest = "[env]\nA = {}\nB = { required = false }\n";
    let project = Project::with_manifest(manifest).env("A", "1").env("B", "2");
    project.child([""; 0]).success().variable_is("A", "1").variable_is("B", "2");
}

#[test]
fn a_required_template_is_not_satisfied_by_a_stale_inherited_value() {
    let project = Project::with_manifest("[env]\nA = \"${file:absent}\"\n").env("A", "stale");
    project.child([""; 0]).refused().stderr_has("A").lacks("stale");
}

#[test]
fn a_default_takes_the_place_of_what_is_missing() {
    let manifest = "[env]\nA = { value = \"${file:absent}\", default = \"of-the-variable\" }\n\
                    B = \"${token}\"\nC = { default = \"${B}!\" }\n\
                    D = { value = \"\", default = \"not this\" }\n\
                    [secrets]\ntoken = { ref = \"file:absent\", default = \"of-the-secret\" }\n";
    let project = Project::with_manifest(manifest).file("empty", "");
    let child = project.child([""; 0]).success();
    let child = child.variable_is("A", "of-the-variable").variable_is("B", "of-the-secret");
    child.variable_is("C", "of-the-secret!").variable_is("D", "");
}

#[test]
fn a_value_that_a_source_refuses_is_not_missing_and_takes_no_default() {
    let manifest = "[env]\nA = { value = \"${file:folder#x}\", default = \"d\", required = false }\n\
                    B = { value = \"${bad:x}\", default = \"d\", required = false }\n\
                    [sources.bad]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"false\"]\n";
    let project = Project::with_manifest(manifest).folder("folder");
    project.child([""; 0]).refused().stderr_has("`bad:x`").stderr_has("needed by B");
}

#[test]
fn an_optional_file_that_is_missing_takes_its_variable_along() {
    let manifest = "[files.key]\ncontent = \"${file:absent}\"\nenv = \"KEY\"\nrequired = false\n";
    let project = Project::with_manifest(manifest).env("KEY", "/stale");
    project.child([""; 0]).success().has_no_variable("KEY");
}

#[test]
fn an_empty_value_is_a_value() {
    let project = Project::with_manifest("[env]\nA = {}\nB = \"\"\n").file(".env", "A=\n");
    project.child([""; 0]).success().variable_is("A", "").variable_is("B", "");
}

#[test]
fn without_a_manifest_nothing_is_required() {
    Project::with_dotenv("").child([""; 0]).success();
}

#[test]
fn without_a_manifest_and_without_an_env_file_there_is_a_remedy() {
    Project::new().run(["--", "true"]).refused().stderr_is(str![[r#"
sublet: there is no sublet.toml here or in a folder above, and no .env here; run `sublet init`, or name a manifest with --manifest

"#]]);
}
