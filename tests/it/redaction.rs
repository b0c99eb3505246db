//! No command but `export`, and no child but the one it is for, shows a value.

use crate::project::Project;

/// Stands in every value below and nowhere else.
const CANARY: &str = "canary";

fn commands() -> Vec<Vec<&'static str>> {
    let name = ["A", "DOTENV", "PARENT", "FIELD", "tls.pem"];
    let explain = name.iter().map(|name| vec!["explain", name]);
    let mut commands = vec![
        vec!["run", "--", "true"],
        vec!["run", "--", "no-such-program"],
        vec!["run", "--set", "A=canary", "--", "/dev/null"],
        vec!["run", "--set", "canary", "--", "true"],
        vec!["run", "--set", "A B=canary", "--", "true"],
        vec!["--set", "A=canary", "chek"],
        vec!["check"],
        vec!["check", "--json"],
        vec!["check", "--offline"],
        vec!["check", "--set", "A=canary"],
        vec!["check", "-p", "production"],
        vec!["explain", "--set", "A=canary", "A"],
        vec!["explain", "NOTHING"],
        vec!["export", "--format", "no-such"],
        vec!["init"],
        vec!["schema"],
        vec!["man"],
        vec!["completions", "bash"],
        vec!["--help"],
        vec!["run", "--help"],
        vec!["export", "--help"],
        vec!["--version"],
        vec![],
    ];
    commands.extend(explain);
    commands
}

#[track_caller]
fn shows_nothing(project: &Project) {
    for args in commands() {
        project.run(&args).lacks(CANARY).lacks("Y2FuYXJ5");
    }
}

const MANIFEST: &str = r#"
[env]
A = "${file:a}"
B = "x${file:fields.json#key|url}y"
FIELD = "${file:fields.json#nested.key|json}"
ASKED = "${ask:x}"
SUMMONED = { value = "${old:x}", required = false }
PARENT = {}
DEFAULTED = { value = "${file:absent}", default = "public" }
INLINE = "${env:OTHER|base64}"

[files."tls.pem"]
content = "${file:a}"
env = "TLS"

[sources.ask]
type = "command"
command = ["./ask"]
credentials = ["ASK_TOKEN"]

[sources.old]
type = "command"
protocol = "summon"
command = ["./old"]
"#;

fn working() -> Project {
    Project::with_manifest(MANIFEST)
        .file("a", "canary-a")
        .file("fields.json", r#"{"key":"canary-key","nested":{"key":"canary-nested"}}"#)
        .file(".env", "DOTENV=canary-dotenv\nQUOTED='canary\ncanary'\n")
        .program("ask", "#!/bin/sh\necho '{\"protocol\":1,\"answers\":[{\"value\":\"canary-ask\",\"lease\":{\"id\":\"canary-lease\",\"ttl\":9}}]}'\n")
        .program("old", "#!/bin/sh\necho canary-old\n")
        .env("PARENT", "canary-parent")
        .env("OTHER", "canary-other")
        .env("ASK_TOKEN", "canary-token")
}

#[test]
fn where_all_is_well() {
    let project = working();
    shows_nothing(&project);
    // The canaries are there: the child has them.
    for value in
        ["canary-a", "canary-key", "canary-ask", "canary-old", "canary-parent", "canary-dotenv"]
    {
        project.run(["run", "--", "env"]).success().stdout_has(value);
    }
}

#[test]
fn where_a_source_is_broken() {
    for (file, content) in [
        ("fields.json", "{\"key\": \"canary\", \"nested\": \"canary\""),
        ("fields.json", "canary"),
        ("fields.json", "[\"canary\"]"),
        ("fields.json", "{\"canary-not-a-value\": {}}\0"),
        ("a", "canary\0canary"),
        (".env", "DOTENV=1\ncanary\n"),
        (".env", "DOTENV='canary\n"),
        (".env", "DOTENV=\"a\" canary\n"),
        (".env", "DOTENV=canary\0\n"),
        ("ask", "#!/bin/sh\necho canary; exit 1\n"),
        ("ask", "#!/bin/sh\necho '{\"protocol\":1,\"answers\":[{\"error\":\"canary\"}]}'\n"),
        ("ask", "#!/bin/sh\necho '{\"protocol\":\"canary\"}'\n"),
        ("ask", "#!/bin/sh\necho '{\"protocol\":1,\"answers\":[{\"base64\":\"canary\"}]}'\n"),
        ("old", "#!/bin/sh\necho canary; kill -9 $$\n"),
    ] {
        shows_nothing(&working().file(file, content));
    }
}

#[test]
fn where_names_in_an_answer_are_not_what_was_asked_for() {
    // Names of fields are shown, as the remedy: they are no values. What is asked for is missing.
    let project = working().file("fields.json", r#"{"kye":"canary","nested":"canary"}"#);
    shows_nothing(&project);
    project.run(["--", "true"]).refused().stderr_has("kye");
}

#[test]
fn where_a_value_stands_in_the_wrong_place_of_the_manifest() {
    for manifest in [
        // A `.env` file by another name.
        "API_KEY=canary\nOTHER='canary'\n",
        "export API_KEY=\"canary\"\n",
        "API_KEY = \"canary\"\n[env]\n",
        "-----BEGIN canary-----\ncanary\n",
        "canary\n",
        "{\"key\": \"canary\"}",
        "A = canary\nB = canary",
    ] {
        let project = working().file("sublet.toml", manifest);
        for args in commands() {
            project.run(&args).lacks(CANARY);
        }
    }
}

#[test]
fn where_an_option_is_misspelt() {
    let project = working();
    for args in [
        &["run", "--sett=A=canary", "--", "true"][..],
        &["run", "--sett", "A=canary", "--", "true"],
        &["--sett=A=canary", "--", "true"],
        &["check", "--sett=A=canary"],
    ] {
        project.run(args).refused().lacks(CANARY);
    }
}

#[test]
fn where_the_kernel_refuses_the_child() {
    let huge = format!("canary{}", "x".repeat(200_000));
    let project = Project::new().file(".env", format!("HUGE={huge}\n"));
    project.run(["--", "true"]).refused().lacks(CANARY).stderr_has("HUGE");
}

#[test]
fn where_an_expanded_value_is_broken() {
    for value in
        ["canary${HOST", "${X:?canary}", "${canary!}", "\"canary${\"", "$canary ${A:-${B:-canary}"]
    {
        let project = Project::with_manifest("[sources.dotenv]\nexpand = true\n");
        let project = project.file(".env", format!("A={value}\n"));
        for args in [&["check"][..], &["--", "true"], &["explain", "A"]] {
            let outcome = project.run(args).lacks(CANARY);
            drop(outcome);
        }
    }
}

#[test]
fn where_sublet_is_traced_by_its_own_variables() {
    // Variables that make Rust programs talk.
    let project = working().env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    shows_nothing(&project);
}
