//! `sublet` leases secrets and sublets them to a process.
//!
//! Data flows one way, and the modules are its stations:
//! manifest → plan → source → generation → deliver → process.

mod export;
mod process;
mod secret;

/// The allocator zeroes what it frees, so that a value lives no longer than its owner.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
