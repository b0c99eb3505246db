//! Why a generation is not complete: all of it, in one message.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use crate::{reference::Request, source::SourceError};

/// Everything that keeps a generation from being complete. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lacking {
    pub(crate) missing: Vec<Missing>,
    pub(crate) unanswered: Vec<Unanswered>,
    /// Optional ones without a value: they keep nothing from being complete.
    pub(crate) absent: Vec<Missing>,
}

/// A variable or file that has no value.
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
        let mut rest = self.unanswered.as_slice();
        while let Some(first) = rest.first() {
            // One failure of a source is told once, for all that was asked of it.
            let same = |lack: &&Unanswered| {
                lack.error == first.error && lack.request.source == first.request.source
            };
            let (alike, others) = rest.split_at(rest.iter().take_while(same).count());
            let requests = alike.iter().map(|lack| format!("`{}`", lack.request));
            let needed = alike.iter().flat_map(|lack| &lack.needed_by).collect::<BTreeSet<_>>();
            let needed = needed.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let requests = requests.collect::<Vec<_>>().join(", ");
            writeln!(text, "{requests} cannot be had, needed by {needed}: {}", first.error)?;
            rest = others;
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
