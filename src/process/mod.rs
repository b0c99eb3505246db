//! What the kernel is asked for: the only module with `unsafe` code.
//!
//! It knows no secrets, only bytes to hand over. What a process is given it gets from `Inherited`; what the child
//! is given is an `EnvBlock`, `MemoryFile`s and `Privileges`; and `exec` becomes the child.

#![allow(unsafe_code)]

mod capabilities;
mod children;
mod entry;
mod environment;
mod exec_failure;
mod memory_file;
mod pointers;
mod post_mortem;
mod privileges;
mod program;
mod program_file;
mod signals;
mod supervision;

pub(crate) use children::{
    Forked, Seen, children, end_children, fork, in_group, next_change, reap, signal, signal_group,
};
pub(crate) use entry::{Inherited, forbid_dumps, settle};
pub(crate) use environment::{EnvBlock, EnvError};
pub(crate) use memory_file::{MemoryFile, MemoryFileError};
pub(crate) use privileges::{Account, Privileges};
pub(crate) use program::exec;
pub(crate) use signals::{Inheritance, Received, Signals, die_of, is_ignored};
pub(crate) use supervision::{
    adopt_orphans, close_inherited, end_with_us, has_terminal, inherited_descriptors, obey_parent,
    own_group, wipe_environment,
};
