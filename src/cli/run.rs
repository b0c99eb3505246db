//! `sublet run`: resolve → generation → deliver → `execve`.

use std::ffi::OsString;

use clap::Args;

use super::{Failure, Inherited, args::ProjectArgs, project::Project, report};
use crate::{
    deliver::{Parent, environment, memory_files},
    manifest::Run,
    process::{Privileges, exec, forbid_dumps},
    resolve::Resolved,
    source::Outlook,
};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

pub(crate) fn run(arguments: RunArgs, inherited: &Inherited) -> Result<i32, Failure> {
    forbid_dumps().map_err(|error| Failure::new(format!("cannot forbid core dumps: {error}")))?;
    let set = arguments.project.set()?;
    let project = Project::open(&arguments.project, inherited)?;
    let privileges = privileges(&project.manifest.run)?;
    let resolved = project.resolve_completely(&set)?;
    warn_of_leases(&resolved);
    become_child(&arguments.command, &project.manifest.run, &resolved, inherited, privileges)
}

fn warn_of_leases(resolved: &Resolved) {
    let leased = |outlook: &Outlook| matches!(outlook, Outlook::Leased { .. });
    for (request, _) in resolved.outlooks.iter().filter(|(_, outlook)| leased(outlook)) {
        report(&format!("warning: nobody renews the lease of `{request}` once the command runs"));
    }
}

fn privileges(run: &Run) -> Result<Option<Privileges>, Failure> {
    if run.user.is_none() && run.group.is_none() && !run.no_new_privileges {
        return Ok(None);
    }
    Privileges::resolve(run.user.as_deref(), run.group.as_deref(), run.no_new_privileges)
        .map(Some)
        .map_err(Failure::new)
}

/// The launcher: delivers, drops privileges, and becomes the command. Returns only in failure.
fn become_child(
    command: &[OsString],
    run: &Run,
    resolved: &Resolved,
    inherited: &Inherited,
    privileges: Option<Privileges>,
) -> Result<i32, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::new("no command was given"));
    };
    let owner = privileges.as_ref().and_then(Privileges::owner);
    let (_open_until_exec, paths) =
        memory_files(&resolved.generation, owner).map_err(Failure::new)?;
    let parent = Parent { environ: &inherited.environ, credentials: &resolved.credentials };
    let account = privileges.as_ref().and_then(Privileges::account);
    let block =
        environment(&parent, &resolved.generation, &paths, run, account).map_err(Failure::new)?;
    if let Some(privileges) = &privileges {
        privileges.drop().map_err(Failure::new)?;
    }
    let failure = exec(program, arguments, &block);
    Err(Failure { message: failure.to_string(), code: failure.exit_code() })
}
