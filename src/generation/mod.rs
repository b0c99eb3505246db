//! One complete, consistent set of everything the child receives; or all that it lacks.
//!
//! Pure: a plan and answers go in, a generation comes out.

mod assemble;
mod lacking;

use std::collections::BTreeSet;

pub(crate) use self::{
    assemble::{Given, assemble},
    lacking::{Lacking, Missing},
};
use crate::{manifest::OnChange, secret::Secret};

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
    pub(crate) on_change: Option<OnChange>,
}
