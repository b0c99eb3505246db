//! Hands a generation over: the child's environment block, and its files.

mod environment;
mod files;

pub(crate) use self::{
    environment::{Parent, environment},
    files::memory_files,
};
