//! `sublet schema`: the JSON Schema of the manifest, for editors.

use clap::Args;

use super::{Failure, Inherited, print};
use crate::{manifest::schema::schema, source::specs};

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {}

pub(crate) fn run(_: SchemaArgs, _: Inherited) -> Result<i32, Failure> {
    print(format!("{:#}\n", schema(&specs())).as_bytes())?;
    Ok(0)
}
