//! `sublet init`: a manifest out of `.env` files, without a value of theirs.

use snapbox::str;

use crate::{needs, project::Project};

#[test]
fn init_then_check_then_run() {
    let project = Project::with_dotenv(
        "# The port that it listens on\nPORT=8080\nTOKEN='canary $x'\n\nexport URL=\"canary\"\n",
    )
    .file(".env.development", "DEBUG=canary\n")
    .file(".env.example", "# For payments\nSTRIPE_KEY=canary-example\nTOKEN=\n");
    project.run(["init"]).success().lacks("canary").stdout_is("").stderr_has("sublet.toml");
    let manifest = project.read("sublet.toml");
    snapbox::assert_data_eq!(
        &manifest,
        str![[r##"
# sublet.toml: names and references only, no values. Commit it.

[env]
DEBUG = {}
PORT = { description = "The port that it listens on" }
STRIPE_KEY = { description = "For payments" }
TOKEN = {}
URL = {}

# Where the values come from elsewhere: give a variable a template, and its secret a
# reference, for example
#
#   [env]
#   DATABASE_PASSWORD = "${db}"
#
#   [profiles.production.secrets]
#   db = "file:/run/secrets/db"

"##]]
    );
    assert!(!manifest.contains("canary"), "{manifest}");
    // What the example alone names is missing yet, and said so.
    project.run(["check"]).code(1).lacks("canary").stdout_has("STRIPE_KEY");
    project.run(["check", "--set", "STRIPE_KEY=x"]).success();
    let child = project.child(["--set", "STRIPE_KEY=x"]).success();
    let child = child.variable_is("PORT", "8080").variable_is("TOKEN", "canary $x");
    child.variable_is("URL", "canary").variable_is("DEBUG", "canary");
}

#[test]
fn the_files_win_over_each_other_as_they_did_without_a_manifest() {
    let project = Project::with_dotenv("A=1\nB=1\nC=1\nD=1\n")
        .file(".env.local", "B=2\nC=2\nD=2\n")
        .file(".env.development", "C=3\nD=3\n")
        .file(".env.development.local", "D=4\n");
    let before = project.child([""; 0]).success();
    project.run(["init"]).success();
    let after = project.child([""; 0]).success();
    assert_eq!(after.entries(), before.entries(), "{}", project.read("sublet.toml"));
}

#[test]
fn files_of_other_profiles_stay_theirs() {
    let project = Project::with_dotenv("A=dev\n")
        .file(".env.production", "A=prod\n")
        .file(".env.test", "A=test\n");
    project.run(["init"]).success();
    project.child([""; 0]).success().variable_is("A", "dev");
    project.run(["check", "-p", "production"]).code(1).stdout_has("A");
}

#[test]
fn a_manifest_that_is_there_stays() {
    let project = Project::with_manifest("[env]\nMINE = 1\n").file(".env", "A=1\n");
    project.run(["init"]).refused().stderr_has("--force");
    assert_eq!(project.read("sublet.toml"), "[env]\nMINE = 1\n");
    project.run(["init", "--force"]).success();
    assert!(project.read("sublet.toml").contains("A = {}"));
}

#[test]
fn without_an_env_file_it_starts_one_that_checks() {
    let project = Project::new();
    project.run(["init"]).success();
    project.run(["check"]).success();
    project.child([""; 0]).success();
}

#[test]
fn odd_names_and_comments_come_out_as_toml() {
    let project = Project::with_dotenv(
        "# say \"x\" \\ 'y' \u{7f}\u{1} ünï\nwith.dots=1\n# has = in it: canary=1\nBASH_FUNC_x%%=2\n#\n\u{fc}=3\n# a\n\nB=4\nC='x\n# canary\n'\nD=5\n",
    );
    project.run(["init"]).success();
    assert!(!project.read("sublet.toml").contains("canary"), "{}", project.read("sublet.toml"));
    let child = project.child([""; 0]).success();
    let child = child.variable_is("with.dots", "1").variable_is("BASH_FUNC_x%%", "2");
    child.variable_is("ü", "3").variable_is("B", "4").variable_is("D", "5");
}

#[test]
fn a_faulty_env_file_is_told_and_nothing_written() {
    let project = Project::with_dotenv("A=1\ncanary\n");
    project.run(["init"]).refused().lacks("canary").stderr_has("line 2");
    assert!(!project.path("sublet.toml").exists());
}

#[test]
fn a_symbolic_link_in_the_place_of_the_manifest_is_not_written_through() {
    let project = Project::with_dotenv("A=1\n").file("elsewhere", "kept");
    std::os::unix::fs::symlink(project.path("elsewhere"), project.path("sublet.toml")).unwrap();
    project.run(["init"]).refused();
    assert_eq!(project.read("elsewhere"), "kept");
}

#[test]
fn a_folder_that_cannot_be_written_to() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let project = Project::with_dotenv("A=canary\n");
    project
        .outcome(project.as_nobody().arg("init"))
        .refused()
        .lacks("canary")
        .stderr_has("sublet.toml");
}

#[test]
#[ignore = "bug: under umask 0 init writes a manifest that is refused"]
fn what_it_writes_is_trusted() {
    use std::os::unix::fs::PermissionsExt;

    use crate::starting::{State, starts_with};

    let project = Project::with_dotenv("A=1\n");
    let mut command = project.sublet();
    project.outcome(starts_with(command.arg("init"), vec![State::Umask(0)])).success();
    let mode = std::fs::metadata(project.path("sublet.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o002, 0, "{mode:o}");
    project.run(["check"]).success();
}
