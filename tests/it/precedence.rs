//! `--set`, the profile's `env`, its `.env` files, `[env]`, the parent: in this order.

use crate::project::Project;

const LAYERS: [&str; 5] = ["set", "profile", "dotenv", "env", "parent"];

/// A project in which `layers` give `A` a value that is their own name.
fn project(layers: &[&str]) -> (Project, Vec<&'static str>) {
    let has = |layer| layers.contains(&layer);
    let mut manifest = String::new();
    if has("env") {
        manifest.push_str("[env]\nA = \"env\"\n");
    }
    if has("profile") {
        manifest.push_str("[profiles.development.env]\nA = \"profile\"\n");
    }
    let mut project = Project::with_manifest(manifest);
    if has("dotenv") {
        project = project.file(".env", "A=dotenv\n");
    }
    if has("parent") {
        project = project.env("A", "parent");
    }
    let args = if has("set") { vec!["--set", "A=set"] } else { vec![] };
    (project, args)
}

#[test]
fn the_strongest_layer_wins_whichever_are_there() {
    for bits in 1..32_u32 {
        let layers = LAYERS.into_iter().enumerate();
        let layers = layers.filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| name);
        let layers = layers.collect::<Vec<_>>();
        let (project, args) = project(&layers);
        project.child(&args).success().variable_is("A", layers[0]);
    }
}

#[test]
fn explain_shows_the_winner_and_what_it_beat_in_order() {
    let (project, args) = project(&LAYERS);
    let explained = project.run([&["explain", "A"][..], &args].concat()).success();
    explained.stdout_matches(snapbox::str![[r#"
A
  wins     --set
  beats    [profiles.development.env] "profile"
  beats    .env
  beats    [env] "env"
  beats    the parent's environment
  is       required: the command is not started without it
  profile  development of sublet.toml

"#]]);
}

#[test]
fn later_env_files_win() {
    let manifest = "[profiles.development]\ndotenv = [\".env\", \".env.two\", \"sub/three.env\"]\n";
    let project = Project::with_manifest(manifest)
        .file(".env", "A=1\nB=1\nC=1\n")
        .file(".env.two", "B=2\nC=2\n")
        .file("sub/three.env", "C=3\n");
    let child = project.child([""; 0]).success();
    child.variable_is("A", "1").variable_is("B", "2").variable_is("C", "3");
}

#[test]
fn the_last_of_two_lines_in_one_file_wins() {
    Project::with_dotenv("A=1\nA=2\n").child([""; 0]).success().variable_is("A", "2");
}

#[test]
fn the_last_of_two_settings_wins() {
    let project = Project::with_manifest("");
    project.child(["--set", "A=1", "--set", "A=2="]).success().variable_is("A", "2=");
}

#[test]
fn set_values_are_literal_bytes() {
    use std::os::unix::ffi::OsStrExt;

    let project = Project::with_manifest("[env]\nA = {}\nB = \"${A}\"\n");
    let value = b"A=${x} $HOME \xff\n'\"";
    let child = project.child([std::ffi::OsStr::new("--set"), std::ffi::OsStr::from_bytes(value)]);
    child.success().variable_is("A", &value[2..]).variable_is("B", &value[2..]);
}

#[test]
fn an_extending_profile_wins_over_the_extended() {
    let manifest = "[profiles.base.env]\nA = \"base\"\nB = \"base\"\n\
                    [profiles.other.env]\nA = \"other\"\nC = \"other\"\n\
                    [profiles.top]\nextends = [\"base\", \"other\"]\n\
                    [profiles.top.env]\nB = \"top\"\n";
    let child = Project::with_manifest(manifest).child(["-p", "top"]).success();
    child.variable_is("A", "other").variable_is("B", "top").variable_is("C", "other");
}

#[test]
fn the_profile_comes_from_the_option_then_the_environment_then_development() {
    let manifest = "[env]\nA = \"env\"\n\
                    [profiles.development.env]\nA = \"development\"\n\
                    [profiles.one.env]\nA = \"one\"\n[profiles.two.env]\nA = \"two\"\n";
    let project = Project::with_manifest(manifest);
    project.child([""; 0]).success().variable_is("A", "development");
    let project = project.env("SUBLET_PROFILE", "one");
    project.child([""; 0]).success().variable_is("A", "one");
    project.child(["-p", "two"]).success().variable_is("A", "two");
    project.child(["--profile=production"]).success().variable_is("A", "env");
}

#[test]
fn a_variable_of_an_env_file_satisfies_the_template_of_its_name() {
    let manifest = "[env]\nDATABASE_URL = \"postgres://${db.username}:${db.password}@pg\"\n\
                    [profiles.production.secrets]\ndb = \"file:/no/such/file\"\n";
    let project = Project::with_manifest(manifest).file(".env", "DATABASE_URL=postgres://dev\n");
    project.child([""; 0]).success().variable_is("DATABASE_URL", "postgres://dev");
    project.child(["-p", "production"]).refused().stderr_has("DATABASE_URL");
}

#[test]
fn a_beaten_reference_is_not_fetched() {
    let manifest = "[env]\nA = \"${broken:x}\"\n[sources.broken]\ntype = \"command\"\n\
                    command = [\"./touch\"]\nprotocol = \"summon\"\n";
    let project = Project::with_manifest(manifest)
        .program("touch", "#!/bin/sh\n: > was-run\n")
        .file(".env", "A=dotenv\n");
    project.child([""; 0]).success().variable_is("A", "dotenv");
    assert!(!project.path("was-run").exists());
    std::fs::remove_file(project.path(".env")).unwrap();
    project.child([""; 0]).success();
    assert!(project.path("was-run").exists());
}
