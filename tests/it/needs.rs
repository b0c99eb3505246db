//! What a test needs of the machine. What is lacking is said aloud, and is a failure in CI.

use std::{
    env,
    io::{self, Write as _},
    process::{Command, Stdio},
};

use nix::unistd::geteuid;

/// Whether `program` can be started.
pub(crate) fn tool(program: &str) -> bool {
    let found = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    have(found, &format!("`{program}` is not installed"))
}

/// Whether `command` succeeds: for tools that are there and may still not work.
pub(crate) fn works(what: &str, command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    have(status.is_ok_and(|status| status.success()), &format!("{what} does not work here"))
}

/// Whether the tests run as root.
pub(crate) fn root() -> bool {
    have(geteuid().is_root(), "it needs root")
}

fn have(is_there: bool, lack: &str) -> bool {
    if !is_there {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{test} cannot be run: {lack}");
        // Not `eprintln!`, which the harness shows of failed tests only.
        let _ = writeln!(io::stderr(), "SKIPPED {test}: {lack}");
    }
    is_there
}
