//! `sublet man`: pages that `man` can format.

use crate::{needs, project::Project};

#[test]
fn every_page_formats_without_a_warning() {
    if !needs::tool("man") {
        return;
    }
    for (args, word) in [
        (&["man"][..], "SUBCOMMANDS"),
        (&["man", "run"], "--manifest"),
        (&["man", "check"], "--offline"),
        (&["man", "export"], "systemd"),
    ] {
        let project = Project::new();
        let page = project.run(args).success().stderr_is_empty();
        project.write("sublet.1", &page.stdout);
        let mut man = project.command("man");
        man.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").env("MANROFFOPT", "-ww");
        let page = project.outcome(man.args(["--warnings", "-P", "cat", "-l", "./sublet.1"]));
        page.success().stderr_is_empty().stdout_has(word);
    }
}

#[test]
fn there_is_no_page_of_what_is_not_there() {
    Project::new().run(["man", "no-such"]).refused().stderr_has("no-such");
}
