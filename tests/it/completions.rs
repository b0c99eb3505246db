//! `sublet completions SHELL`: scripts that their shells can read.

use crate::{needs, project::Project};

#[test]
fn every_shell_gets_a_script_with_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = Project::new().run(["completions", shell]).success().stderr_is_empty();
        let script = outcome.stdout_text();
        for word in [
            "run",
            "check",
            "explain",
            "export",
            "init",
            "schema",
            "man",
            "--manifest",
            "--profile",
        ] {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn bash_completes_subcommands_and_options() {
    if !needs::tool("bash") {
        return;
    }
    let project = Project::new();
    let script = project.run(["completions", "bash"]).success();
    project.write("sublet.bash", &script.stdout);
    for (line, current, expected) in [
        ("sublet ch", "1", "check"),
        ("sublet check --of", "2", "--offline"),
        ("sublet export --form", "2", "--format"),
    ] {
        let words = line.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let last = line.split(' ').next_back().unwrap();
        let test = format!(
            ". ./sublet.bash; COMP_WORDS=({words}); COMP_CWORD={current}; \
             _sublet sublet '{last}' x; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = project.command("bash");
        project.outcome(bash.args(["-euc", &test])).success().stdout_is(format!("{expected}\n"));
    }
}
