//! What the kernel is asked for: the only module with `unsafe` code.
//!
//! It knows no secrets, only bytes to hand over. What a process is given it gets from `Inherited`; what the child
//! is given is an `EnvBlock`, `MemoryFile`s and `Privileges`; and `exec` becomes the child.

#![allow(unsafe_code)]

mod capabilities;
mod entry;
mod environment;
mod exec_failure;
mod memory_file;
mod pointers;
mod post_mortem;
mod privileges;
mod program;
mod program_file;

pub(crate) use entry::{Inherited, forbid_dumps, settle};
pub(crate) use environment::{EnvBlock, EnvError};
pub(crate) use memory_file::{MemoryFile, MemoryFileError};
pub(crate) use privileges::{Account, Privileges};
pub(crate) use program::exec;
