//! The command line.
//!
//! Each subcommand's arguments are built only when it is the one that was given: `run` pays for
//! nothing but itself.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{check, completions, explain, export, init, man, run, schema};
use crate::{cli::Failure, manifest::check_name, secret::Secret};

/// Where to find the project and which profile to use.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    /// The manifest [default: `$SUBLET_MANIFEST`, else the nearest sublet.toml upwards]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// The profile [default: `$SUBLET_PROFILE`, else development]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Set a variable to a literal value; wins over everything
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<OsString>,
}

impl ProjectArgs {
    /// The variables of `--set`.
    pub(crate) fn set(&self) -> Result<BTreeMap<String, Secret>, Failure> {
        use std::os::unix::ffi::OsStrExt;

        let mut set = BTreeMap::new();
        for (index, assignment) in self.set.iter().enumerate() {
            let bytes = assignment.as_bytes();
            let wrong = |cause: &str| {
                Failure::new(format!("--set number {}: {cause}; write NAME=VALUE", index + 1))
            };
            let equals = bytes.iter().position(|byte| *byte == b'=');
            let (name, value) = bytes.split_at(equals.ok_or_else(|| wrong("it has no `=`"))?);
            let name = std::str::from_utf8(name).map_err(|_| wrong("the name is not UTF-8"))?;
            check_name(name).map_err(|fault| wrong(&fault.cause))?;
            set.insert(name.to_owned(), Secret::new(value[1..].to_vec()));
        }
        Ok(set)
    }
}

type Run = fn(&ArgMatches, super::Inherited) -> Result<i32, Failure>;

struct Subcommand {
    name: &'static str,
    about: &'static str,
    arguments: fn(Command) -> Command,
    run: Run,
}

/// A subcommand whose arguments are the fields of `A`.
macro_rules! subcommand {
    ($name:literal, $about:literal, $arguments:ty, $run:path) => {
        Subcommand {
            name: $name,
            about: $about,
            // The arguments' own documentation is about them, not about the command.
            arguments: |command| <$arguments>::augment_args(command).about($about).long_about(None),
            run: |matches, inherited| {
                let arguments = <$arguments>::from_arg_matches(matches).map_err(Failure::new)?;
                $run(arguments, inherited)
            },
        }
    };
}

const SUBCOMMANDS: [Subcommand; 8] = [
    subcommand!("run", "Run a command with its secrets", run::RunArgs, run::run),
    subcommand!(
        "check",
        "Resolve everything and show what is missing",
        check::CheckArgs,
        check::run
    ),
    subcommand!("explain", "Show where a variable comes from", explain::ExplainArgs, explain::run),
    subcommand!("export", "Print variables and their values", export::ExportArgs, export::run),
    subcommand!("init", "Write a manifest from the .env files here", init::InitArgs, init::run),
    subcommand!("schema", "Print the JSON Schema of the manifest", schema::SchemaArgs, schema::run),
    subcommand!(
        "completions",
        "Print completions for a shell",
        completions::CompletionsArgs,
        completions::run
    ),
    subcommand!("man", "Print the manual page", man::ManArgs, man::run),
];

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("sublet")
        .about("Leases secrets and sublets them to your process")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("`sublet -- COMMAND` is `sublet run -- COMMAND`.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(SUBCOMMANDS.iter().map(|subcommand| {
            Command::new(subcommand.name).about(subcommand.about).defer(subcommand.arguments)
        }))
}

pub(crate) fn is_subcommand(word: &str) -> bool {
    SUBCOMMANDS.iter().any(|subcommand| subcommand.name == word)
}

/// Parses `argv` and runs the subcommand it names.
pub(crate) fn dispatch(inherited: super::Inherited) -> Result<i32, Failure> {
    let matches = match command().try_get_matches_from(with_run(&inherited.argv)) {
        Ok(matches) => matches,
        Err(error) => {
            // Help goes to standard output, faults to standard error; neither can fail usefully.
            let _ = error.print();
            return Ok(if error.use_stderr() { super::failure::OWN_FAILURE } else { 0 });
        }
    };
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::new("no subcommand was given"));
    };
    match SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) {
        Some(subcommand) => (subcommand.run)(matches, inherited),
        None => Err(Failure::new(format!("there is no subcommand `{name}`"))),
    }
}

/// `sublet [OPTIONS] -- COMMAND` is `sublet run [OPTIONS] -- COMMAND`.
fn with_run(argv: &[OsString]) -> Vec<OsString> {
    let mut argv = argv.to_vec();
    let first = argv.get(1).and_then(|argument| argument.to_str()).unwrap_or_default();
    if first.starts_with('-') && !["-h", "--help", "-V", "--version"].contains(&first) {
        argv.insert(1, OsString::from("run"));
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        let mut command = command();
        command.build();
        command.debug_assert();
    }

    #[test]
    fn options_without_a_subcommand_are_those_of_run() {
        let argv = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(with_run(&argv(&["sublet", "--", "x"])), argv(&["sublet", "run", "--", "x"]));
        assert_eq!(with_run(&argv(&["sublet", "-p", "x"])), argv(&["sublet", "run", "-p", "x"]));
        for kept in [&["sublet"][..], &["sublet", "check"], &["sublet", "--help"]] {
            assert_eq!(with_run(&argv(kept)), argv(kept));
        }
    }
}
