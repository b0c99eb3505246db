//! `sublet explain NAME`: what won, what it beat, what it is made of.

use snapbox::str;

use crate::project::Project;

fn project() -> Project {
    let manifest = r#"[env]
URL = { value = "postgres://${db.user|url}@${HOST}/${file:name.txt}", description = "the database" }
HOST = { default = "localhost" }
OPTIONAL = { value = "${key}", required = false }
[files."tls/key.pem"]
content = "${key}"
env = "KEY_FILE"
mode = "0440"
[secrets]
db = "file:db.json"
key = { private = "file:key.pem" }
[profiles.ci.env]
HOST = "ci"
"#;
    Project::with_manifest(manifest).env("HOST", "canary-parent")
}

#[test]
fn a_composed_variable() {
    project().run(["explain", "URL"]).success().stderr_is_empty().stdout_matches(str![[r#"
URL
  what     the database
  wins     [env] "postgres://${db.user|url}@${HOST}/${file:name.txt}"
  from     db = file:db.json#user
  from     file:name.txt
  is       required: the command is not started without it
  profile  development of sublet.toml

"#]]);
}

#[test]
fn a_variable_of_the_parent() {
    project().run(["explain", "HOST"]).success().lacks("canary").stdout_matches(str![[r#"
HOST
  wins     the parent's environment
  else     its default "localhost"
  is       required: the command is not started without it
  profile  development of sublet.toml

"#]]);
    project().run(["explain", "HOST", "-p", "ci"]).success().stdout_matches(str![[r#"
HOST
  wins     [profiles.ci.env] "ci"
  beats    the parent's environment
  else     its default "localhost"
  is       required: the command is not started without it
  profile  ci of sublet.toml

"#]]);
}

#[test]
fn an_optional_variable() {
    project().run(["explain", "OPTIONAL"]).success().stdout_matches(str![[r#"
OPTIONAL
  wins     [env] "${key}"
  from     key = file:key.pem
  is       optional: without a value it is removed from the environment
  profile  development of sublet.toml

"#]]);
}

#[test]
fn a_file() {
    project().run(["explain", "tls/key.pem"]).success().stdout_matches(str![[r#"
tls/key.pem
  wins     [files] "${key}"
  from     key = file:key.pem
  path     in the variable KEY_FILE
  mode     0440
  profile  development of sublet.toml

"#]]);
}

#[test]
fn a_name_that_nothing_gives() {
    project().run(["explain", "UURL"]).refused().stderr_is(str![[r#"
sublet: nothing gives a variable `UURL` a value; did you mean `URL`?

"#]]);
    project().run(["explain", "Q"]).refused().stderr_is(str![[r#"
sublet: nothing gives a variable `Q` a value

"#]]);
}

#[test]
fn the_variable_of_a_file() {
    project().run(["explain", "KEY_FILE"]).success().stdout_has("tls/key.pem");
}

#[test]
fn no_source_is_asked() {
    let manifest =
        "[env]\nA = \"${ask:a}\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n";
    let project = Project::with_manifest(manifest).program("ask", "#!/bin/sh\n: > ran\n");
    project.run(["explain", "A"]).success().stdout_has("ask:a");
    assert!(!project.path("ran").exists());
}
