//! Which manifest is used, and which one is not trusted.

use std::os::unix::fs::chown;

use snapbox::str;

use crate::{needs, project::Project};

fn says(who: &str) -> String {
    format!("[env]\nWHO = \"{who}\"\n")
}

#[test]
fn the_nearest_one_upwards() {
    let project = Project::with_manifest(says("top"))
        .file("a/sublet.toml", says("a"))
        .folder("a/b/c")
        .folder("d");
    for (folder, who) in [("", "top"), ("a", "a"), ("a/b/c", "a"), ("d", "top")] {
        let mut command = project.sublet();
        command.current_dir(project.path(folder)).args(["--", "env", "-0"]);
        project.outcome(&mut command).success().variable_is("WHO", who);
    }
}

#[test]
fn the_option_wins_over_the_variable_and_that_over_the_search() {
    let project = Project::with_manifest(says("found"))
        .file("one.toml", says("variable"))
        .file("two.toml", says("option"));
    project.child([""; 0]).success().variable_is("WHO", "found");
    let project = project.env("SUBLET_MANIFEST", "one.toml");
    project.child([""; 0]).success().variable_is("WHO", "variable");
    project.child(["-m", "two.toml"]).success().variable_is("WHO", "option");
    project.child(["--manifest=two.toml"]).success().variable_is("WHO", "option");
}

#[test]
fn one_that_was_named_must_be_there() {
    let project = Project::with_manifest(says("found")).env("SUBLET_MANIFEST", "absent.toml");
    project.child([""; 0]).refused().stderr_has("absent.toml");
    project.child(["-m", "gone.toml"]).refused().stderr_has("gone.toml");
}

#[test]
fn paths_in_it_are_relative_to_it() {
    let manifest = "[env]\nA = \"${file:a.txt}\"\nB = \"${own:x}\"\n\
                    [sources.own]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"./own\"]\n";
    let project = Project::new()
        .file("conf/sublet.toml", manifest)
        .file("conf/a.txt", "beside it")
        .file("conf/.env", "C=beside it\n")
        .program("conf/own", "#!/bin/sh\npwd\n")
        .folder("elsewhere");
    let mut command = project.sublet();
    command.current_dir(project.path("elsewhere"));
    command.args(["-m", "../conf/sublet.toml", "--", "env", "-0"]);
    let child = project.outcome(&mut command).success();
    let conf = project.path("conf").display().to_string();
    child.variable_is("A", "beside it").variable_is("B", conf).variable_is("C", "beside it");
}

#[test]
fn the_childs_folder_is_where_we_were_started() {
    let project = Project::new().file("conf/sublet.toml", "").folder("elsewhere");
    let mut command = project.sublet();
    command.current_dir(project.path("elsewhere")).args(["-m", "../conf/sublet.toml", "--", "pwd"]);
    let expected = format!("{}\n", project.path("elsewhere").display());
    project.outcome(&mut command).success().stdout_is(expected);
}

#[test]
fn one_that_everybody_may_write_to_is_refused() {
    let project = Project::with_manifest(says("x")).mode("sublet.toml", 0o666);
    project.child([""; 0]).refused().stderr_is(str![[r#"
sublet: refusing `sublet.toml`: everybody may write to it; run `chmod o-w sublet.toml`

"#]]);
    let project = project.mode("sublet.toml", 0o644);
    project.child([""; 0]).success();
}

#[test]
fn one_of_a_foreign_owner_is_refused() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let project = Project::with_manifest(says("x"));
    chown(project.path("sublet.toml"), Some(1), None).unwrap();
    project.child([""; 0]).refused().stderr_is(str![[r#"
sublet: refusing `sublet.toml`: it belongs to user 1, who is neither root nor this user (0); run `chown 0 sublet.toml`

"#]]);
    // Root's is trusted by everybody, and one's own by oneself.
    for owner in [0, 65534] {
        chown(project.path("sublet.toml"), Some(owner), None).unwrap();
        project.outcome(project.as_nobody().args(["--", "env", "-0"])).success();
    }
    chown(project.path("sublet.toml"), Some(1), None).unwrap();
    project.outcome(project.as_nobody().args(["--", "env", "-0"])).refused();
}

#[test]
fn one_that_the_group_may_write_to_is_refused_where_the_group_is_foreign() {
    // The rule names others; a group of one's own is how teams share a checkout.
    let project = Project::with_manifest(says("x")).mode("sublet.toml", 0o664);
    project.child([""; 0]).success();
}

#[test]
fn an_env_file_is_no_manifest() {
    let project = Project::with_dotenv("A=canary\n");
    project.child(["-m", ".env"]).refused().lacks("canary").stderr_is(str![[r#"
sublet: `.env` is a .env file, not a manifest; run `sublet init` to make one

"#]]);
}

#[test]
fn one_that_may_not_be_read_is_not_passed_over() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let project = Project::with_manifest(says("x")).mode("sublet.toml", 0o600);
    let project = project.file(".env", "A=1\n");
    let outcome = project.outcome(project.as_nobody().args(["--", "env", "-0"]));
    outcome.refused().stderr_has("sublet.toml").stderr_has("may not be read");
}
