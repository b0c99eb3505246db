//! `sublet completions SHELL`.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{Failure, Inherited, args::command, print};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(arguments: CompletionsArgs, _: Inherited) -> Result<i32, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command(), "sublet", &mut script);
    print(&script)?;
    Ok(0)
}
