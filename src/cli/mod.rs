//! The commands. Each maps what was typed to the stations, and their errors to an exit code.

mod args;
mod check;
mod completions;
mod explain;
mod export;
mod failure;
mod git;
mod init;
mod man;
mod origin;
mod project;
mod run;
mod schema;
mod table;

use std::io::{self, IsTerminal, Write};

pub(crate) use self::failure::Failure;
pub(crate) use crate::process::Inherited;

/// Runs the command that `inherited` asks for and returns its exit code.
pub(crate) fn main(inherited: Inherited) -> i32 {
    match args::dispatch(inherited) {
        Ok(code) => code,
        Err(failure) => {
            report(&failure.message);
            failure.code
        }
    }
}

/// One message on standard error.
fn report(message: &str) {
    // Where standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "sublet: {message}");
}

/// Writes a command's result to standard output.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::new(format!("cannot write to standard output: {error}")))
}

/// Whether messages on `stream` are coloured: on a terminal that has colours, unless `NO_COLOR`
/// says otherwise (see <https://no-color.org>).
fn colours(stream: &impl IsTerminal, inherited: &Inherited) -> bool {
    stream.is_terminal()
        && inherited.variable("NO_COLOR").is_none_or(<[u8]>::is_empty)
        && inherited.variable("TERM") != Some(b"dumb")
}
