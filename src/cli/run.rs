//! `sublet run`: becomes the command, or stays and supervises it.

use std::{
    ffi::{CStr, OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{
    Failure, Inherited,
    args::{ProjectArgs, is_subcommand},
    project::Project,
    report,
};
use crate::{
    launcher::{Files, Launch},
    manifest::Run,
    process::{Privileges, forbid_dumps},
    secret::Secret,
    source::Outlook,
    stash::Stashed,
    supervise::{Supervision, supervise},
    worker::absolute,
};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Become the command, even where a value can change
    #[arg(long, conflicts_with = "supervise")]
    exec: bool,
    /// Stay and supervise, even where nothing can change
    #[arg(long)]
    supervise: bool,
    /// How to end when a signal killed the command: by the same signal, or with 128 + its number
    #[arg(long, value_enum, value_name = "HOW", default_value = "same")]
    signal_exit: SignalExit,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// There is no such program.
const NOT_FOUND: i32 = 127;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignalExit {
    Same,
    Code,
}

pub(crate) fn run(arguments: RunArgs, inherited: Inherited) -> Result<i32, Failure> {
    forbid_dumps().map_err(|error| Failure::new(format!("cannot forbid core dumps: {error}")))?;
    let set = arguments.project.set()?;
    let project = Project::open(&arguments.project, &inherited)?;
    let privileges = privileges(&project.manifest.run)?;
    let stay = arguments.supervise || std::process::id() == 1;
    if arguments.exec || !(stay || project.may_change()) {
        return become_command(&arguments.command, &project, &set, &inherited, privileges);
    }
    let user_folder = inherited.variable("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let user_folder = user_folder.map(|folder| PathBuf::from(OsStr::from_bytes(folder)));
    let folder = absolute(&project.surroundings.folder)
        .map_err(|error| Failure::new(format!("cannot tell the current folder: {error}")))?;
    let Project { manifest, plan, registry, surroundings, .. } = project;
    // What was read of the environment goes, for it is wiped: workers have it from a stash.
    drop((registry, surroundings));
    let supervision = Supervision {
        manifest: &manifest,
        plan: &plan,
        folder,
        user_folder,
        command: &arguments.command,
        privileges: privileges.as_ref(),
        stay,
        exit_with_code: arguments.signal_exit == SignalExit::Code,
        report,
    };
    stay_behind(&supervision, inherited.environ, &set)
}

#[expect(unsafe_code, reason = "the environment is wiped where it stands")]
fn stay_behind(
    supervision: &Supervision<'_>,
    environ: Vec<&'static CStr>,
    set: &std::collections::BTreeMap<String, Secret>,
) -> Result<i32, Failure> {
    // SAFETY: `Inherited` was moved here, and what borrowed from it has been dropped.
    unsafe { supervise(supervision, environ, set) }.map_err(Failure::new)
}

fn privileges(run: &Run) -> Result<Option<Privileges>, Failure> {
    if run.user.is_none() && run.group.is_none() && !run.no_new_privileges {
        return Ok(None);
    }
    Privileges::resolve(run.user.as_deref(), run.group.as_deref(), run.no_new_privileges)
        .map(Some)
        .map_err(Failure::new)
}

/// Resolves in this process and becomes the command. Returns only in failure.
fn become_command(
    command: &[OsString],
    project: &Project,
    set: &std::collections::BTreeMap<String, Secret>,
    inherited: &Inherited,
    privileges: Option<Privileges>,
) -> Result<i32, Failure> {
    let resolved = project.resolve_completely(set)?;
    let leased = |outlook: &Outlook| matches!(outlook, Outlook::Leased { .. });
    for (request, _) in resolved.outlooks.iter().filter(|(_, outlook)| leased(outlook)) {
        report(&format!("warning: nobody renews the lease of `{request}` once the command runs"));
    }
    let stashed = Stashed { generation: resolved.generation, credentials: resolved.credentials };
    let failure = Launch {
        command,
        run: &project.manifest.run,
        stashed: &stashed,
        environ: &inherited.environ,
        privileges: privileges.as_ref(),
        files: Files::Memory,
        supervised: None,
    }
    .become_command();
    let hint = if failure.code == NOT_FOUND { hint(command) } else { String::new() };
    Err(Failure { message: failure.message + &hint, code: failure.code })
}

/// `sublet -m FILE check` runs a program named `check`, which was perhaps not meant.
fn hint(command: &[OsString]) -> String {
    let first = command.first().and_then(|word| word.to_str()).unwrap_or_default();
    if is_subcommand(first) {
        format!("\ndid you mean `sublet {first} …`, with its options after it?")
    } else {
        String::new()
    }
}
