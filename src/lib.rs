//! `sublet` leases secrets and sublets them to a process.
//!
//! Data flows one way, and the modules are its stations:
//! manifest → plan → source → generation → deliver → process.

mod cli;
mod deliver;
mod environment;
mod export;
mod fault;
mod filter;
#[cfg(fuzzing)]
pub mod fuzz;
mod generation;
mod launcher;
#[cfg(test)]
mod layers;
mod manifest;
mod plan;
mod process;
mod reference;
mod resolve;
mod secret;
mod signal;
mod source;
mod stash;
mod supervise;
mod template;
mod wire;
mod worker;

use std::ffi::{c_char, c_int};

/// The allocator zeroes what it frees, so that a value lives no longer than its owner.
// AddressSanitizer needs the system's own.
#[cfg(not(fuzzing))]
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<dlmalloc::GlobalDlmalloc> =
    zeroizing_alloc::ZeroAlloc(dlmalloc::GlobalDlmalloc);

/// Runs the program: what `main` of the binary calls, and the only thing it does.
///
/// # Safety
///
/// To be called once, from C's `main`, with its arguments.
#[expect(unsafe_code, reason = "the arrays that C's `main` is given are raw pointers")]
pub unsafe fn start(
    _count: c_int,
    argv: *const *const c_char,
    envp: *const *const c_char,
) -> c_int {
    // SAFETY: the caller vouches for the arrays.
    let inherited = unsafe { process::Inherited::take(argv, envp) };
    process::settle();
    cli::main(inherited)
}
