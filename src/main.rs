//! The C entry point. Rust's own would set SIGPIPE to ignored, install an alternate signal stack and
//! touch descriptors, all of which the child would inherit.

#![no_main]
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
    // SAFETY: the C library calls `main` once, with the arrays the kernel left on the stack.
    unsafe { sublet::start(count, argv, envp) }
}
