//! Why a generation is not complete: all of it, in one message.

use std::fmt::{self, Write as _};

use crate::{reference::Request, source::SourceError};

/// Everything that keeps a generation from being complete. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lacking {
    pub(crate) missing: Vec<Missing>,
    pub(crate) unanswered: Vec<Unanswered>,
}

/// A required variable or file that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) description: Option<String>,
}

/// A request that was not answered, and what needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) request: Request,
    pub(crate) error: SourceError,
    pub(crate) needed_by: Vec<String>,
}

impl Lacking {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unanswered.is_empty()
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for lack in &self.unanswered {
            let needed = lack.needed_by.join(", ");
            writeln!(text, "`{}` cannot be had, needed by {needed}: {}", lack.request, lack.error)?;
        }
        match self.missing.as_slice() {
            [] => {}
            [_] => writeln!(text, "a required value is missing:")?,
            several => writeln!(text, "{} required values are missing:", several.len())?,
        }
        for missing in &self.missing {
            write!(text, "  {}: {}", missing.name, missing.reason)?;
            if let Some(description) = &missing.description {
                write!(text, " ({description})")?;
            }
            text.push('\n');
        }
        f.write_str(text.trim_end())
    }
}

impl std::error::Error for Lacking {}
