//! Black-box tests of the command: one topic a module, every one through [`project::Project`].
//!
//! `SUBLET_BIN=/path/to/sublet cargo test --test it` tests another build, such as the release
//! binary. Where a test needs root or a tool that the machine lacks, it says so on standard error
//! and passes; with `CI=true` it fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy's own exception for tests ends at helper functions"
)]
#![allow(clippy::format_collect, clippy::format_push_string, clippy::similar_names)]

mod bad_input;
mod check;
mod child_environment;
mod command_source;
mod completions;
mod conformance;
mod delivered_files;
mod dotenv;
mod examples;
mod exec;
mod exit_codes;
mod explain;
mod export;
mod init;
mod man;
mod manifest_errors;
mod manifest_search;
mod missing;
mod needs;
mod outcome;
mod path_lookup;
mod precedence;
mod project;
mod readme;
mod redaction;
mod schema;
mod starting;
mod supervise;
mod templates;
