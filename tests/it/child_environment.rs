//! What of the parent reaches the child, and whom the child runs as.

use crate::{needs, project::Project};

fn project(run: &str) -> Project {
    let project = Project::with_manifest(format!("[env]\nGIVEN = 1\n[run]\n{run}\n"));
    project.env("KEPT", "k").env("OTHER", "o").env("HOME", "/parent").env("USER", "parent")
}

fn names(project: &Project) -> String {
    let outcome = project.run(["--", "env"]).success();
    let text = outcome.stdout_text();
    let mut names = text.lines().map(|line| line.split('=').next().unwrap()).collect::<Vec<_>>();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn all_of_it_by_default() {
    assert_eq!(names(&project("")), "GIVEN HOME KEPT OTHER PATH USER");
    assert_eq!(names(&project("inherit = true")), "GIVEN HOME KEPT OTHER PATH USER");
}

#[test]
fn only_what_is_listed() {
    assert_eq!(names(&project("inherit = [\"PATH\", \"KEPT\", \"ABSENT\"]")), "GIVEN KEPT PATH");
    assert_eq!(names(&project("inherit = []")), "GIVEN");
    assert_eq!(names(&project("inherit = false")), "GIVEN");
}

#[test]
fn less_what_is_stripped() {
    assert_eq!(names(&project("strip = [\"OTHER\", \"USER\"]")), "GIVEN HOME KEPT PATH");
    assert_eq!(names(&project("inherit = [\"PATH\", \"KEPT\"]\nstrip = [\"KEPT\"]")), "GIVEN PATH");
}

#[test]
fn what_is_given_is_not_stripped() {
    assert_eq!(names(&project("inherit = false\nstrip = [\"GIVEN\"]")), "GIVEN");
}

#[test]
fn a_template_can_use_what_is_not_inherited() {
    let project =
        Project::with_manifest("[env]\nA = \"${env:SECRET}\"\n[run]\nstrip = [\"SECRET\"]\n");
    let child = project.env("SECRET", "s").child([""; 0]).success();
    child.variable_is("A", "s").has_no_variable("SECRET");
}

#[test]
fn our_own_variables_are_inherited_like_any_other() {
    let project = Project::with_manifest("").env("SUBLET_PROFILE", "ci-nothing");
    project.child(["-p", "development"]).success().variable_is("SUBLET_PROFILE", "ci-nothing");
}

const STATUS: [&str; 5] =
    ["--", "grep", "-E", "^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)", "/proc/self/status"];

#[test]
fn a_user_brings_its_groups_and_takes_the_capabilities_away() {
    if !needs::root() {
        return;
    }
    let status = project("user = \"nobody\"").run(STATUS).success();
    let status = status.stdout_has("Uid:\t65534\t65534\t65534\t65534");
    let status = status.stdout_has("Gid:\t65534\t65534\t65534\t65534");
    let status = status.stdout_has("Groups:\t65534 \n").stdout_has("CapEff:\t0000000000000000");
    let status =
        status.stdout_has("CapPrm:\t0000000000000000").stdout_has("CapInh:\t0000000000000000");
    status.stdout_has("CapAmb:\t0000000000000000").stdout_has("NoNewPrivs:\t0");
}

#[test]
fn a_user_and_a_group_by_number() {
    if !needs::root() {
        return;
    }
    let status = project("user = \"12345\"\ngroup = \"54321\"").run(STATUS).success();
    let status = status.stdout_has("Uid:\t12345\t12345\t12345\t12345");
    status.stdout_has("Gid:\t54321\t54321\t54321\t54321").stdout_has("CapEff:\t0000000000000000");
    project("user = \"12345\"").run(STATUS).refused().stderr_has("group");
}

#[test]
fn a_group_alone() {
    if !needs::root() {
        return;
    }
    let status = project("group = \"daemon\"").run(STATUS).success();
    status.stdout_has("Uid:\t0\t0\t0\t0").stdout_has("Gid:\t1\t1\t1\t1");
}

#[test]
fn home_and_user_are_those_of_the_user() {
    if !needs::root() {
        return;
    }
    let child = project("user = \"daemon\"").child([""; 0]).success();
    let child = child.variable_is("HOME", "/usr/sbin").variable_is("USER", "daemon");
    child.variable_is("LOGNAME", "daemon");
    // What the manifest says wins.
    let manifest = "[env]\nHOME = \"/mine\"\n[run]\nuser = \"daemon\"\n";
    Project::with_manifest(manifest).child([""; 0]).success().variable_is("HOME", "/mine");
}

#[test]
fn no_new_privileges() {
    project("no-new-privileges = true").run(STATUS).success().stdout_has("NoNewPrivs:\t1");
    project("").run(STATUS).success().stdout_has("NoNewPrivs:\t0");
    if needs::root() {
        let status = project("user = \"nobody\"\nno-new-privileges = true").run(STATUS).success();
        status.stdout_has("NoNewPrivs:\t1").stdout_has("Uid:\t65534");
    }
}

#[test]
fn a_user_that_does_not_exist() {
    project("user = \"no-such-user\"").run(STATUS).refused().stderr_has("no-such-user");
    project("group = \"no-such-group\"").run(STATUS).refused().stderr_has("no-such-group");
}

#[test]
fn one_without_rights_cannot_become_another() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    for run in ["user = \"daemon\"", "group = \"daemon\""] {
        let project = project(run);
        project.outcome(project.as_nobody().args(["--", "touch", "child-ran"])).refused();
        assert!(!project.path("child-ran").exists());
    }
    // Oneself one is already.
    let project = project("user = \"nobody\"");
    project.outcome(project.as_nobody().args(["--", "true"])).success();
}

#[test]
fn the_users_programs_are_those_that_it_may_execute() {
    if !needs::root() {
        return;
    }
    let project = project("user = \"nobody\"").program("tool", "#!/bin/sh\n").mode("tool", 0o700);
    project.run(["--", "./tool"]).code(126).stderr_has("./tool");
}

#[test]
fn values_are_read_before_privileges_are_dropped() {
    if !needs::root() {
        return;
    }
    let manifest = "[env]\nA = \"${file:secret}\"\n[run]\nuser = \"nobody\"\n";
    let project = Project::with_manifest(manifest).file("secret", "s").mode("secret", 0o600);
    project.child([""; 0]).success().variable_is("A", "s");
}
