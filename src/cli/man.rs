//! `sublet man [SUBCOMMAND]`: the manual, in roff.

use clap::Args;
use clap_mangen::Man;

use super::{Failure, Inherited, args::command, print};

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The subcommand; without one, the page of sublet itself
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

pub(crate) fn run(arguments: ManArgs, _: Inherited) -> Result<i32, Failure> {
    let mut whole = command();
    whole.build();
    let page = match &arguments.subcommand {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::new(format!("there is no subcommand `{name}`")))?,
    };
    let mut roff = Vec::new();
    Man::new(page)
        .render(&mut roff)
        .map_err(|error| Failure::new(format!("cannot write the page: {error}")))?;
    print(&roff)?;
    Ok(0)
}
