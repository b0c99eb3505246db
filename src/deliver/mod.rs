//! Hands a generation over: the child's environment block, and its files.

mod environment;
mod file_set;
mod memory_files;

pub(crate) use self::{
    environment::{Parent, environment},
    file_set::{FileSet, RuntimeFolder},
    memory_files::memory_files,
};
