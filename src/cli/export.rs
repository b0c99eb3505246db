//! `sublet export`: the only command that prints values.

use clap::{Args, builder::PossibleValuesParser};

use super::{Failure, Inherited, args::ProjectArgs, print, project::Project, report};
use crate::{
    export::{Format, render},
    process::forbid_dumps,
};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// How to write the variables
    #[arg(short, long, default_value = "shell", value_parser = PossibleValuesParser::new(Format::ALL))]
    format: String,
}

pub(crate) fn run(arguments: ExportArgs, inherited: Inherited) -> Result<i32, Failure> {
    forbid_dumps().map_err(|error| Failure::new(format!("cannot forbid core dumps: {error}")))?;
    let format = arguments.format.parse::<Format>().map_err(Failure::new)?;
    let set = arguments.project.set()?;
    let project = Project::open(&arguments.project, &inherited)?;
    let resolved = project.resolve_completely(&set)?;
    for file in &resolved.generation.files {
        report(&format!("the file `{}` is not exported: only `run` delivers files", file.path));
    }
    let variables = resolved.generation.variables.into_iter();
    let variables = variables.map(|variable| (variable.name, variable.value)).collect::<Vec<_>>();
    let text = render(format, &variables).map_err(Failure::new)?;
    print(text.expose())?;
    Ok(0)
}
