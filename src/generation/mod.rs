//! One complete, consistent set of everything the child receives; or all that it lacks.
//!
//! Pure: a plan and answers go in, a generation comes out.

mod assemble;
mod change;
mod lacking;

use std::collections::BTreeSet;

pub(crate) use self::{
    assemble::{Given, assemble},
    change::Change,
    lacking::{Lacking, Missing},
};
use crate::{secret::Secret, signal::Signal};

/// Everything the child receives. Generations are swapped whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generation {
    pub(crate) variables: Vec<DeliveredVariable>,
    /// Optional variables without a value: a stale inherited one must not pass for it.
    pub(crate) removed: BTreeSet<String>,
    pub(crate) files: Vec<DeliveredContent>,
}

/// A variable and its value.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredVariable {
    pub(crate) name: String,
    pub(crate) value: Secret,
    pub(crate) on_change: Reaction,
}

/// What the child sees of a change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reaction {
    Restart,
    Signal(Signal),
    /// A program and its arguments.
    Command(Vec<String>),
    Nothing,
}

/// A file and its content.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredContent {
    /// Relative, without `.` and `..`.
    pub(crate) path: String,
    pub(crate) content: Secret,
    /// The variable that tells the child where the file is.
    pub(crate) env: String,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) on_change: Reaction,
}
