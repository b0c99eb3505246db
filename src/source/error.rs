//! Why a source could not answer.

use std::{fmt, time::Duration};

/// The kind alone decides whether to try again and how to end. It comes from status codes and
/// protocol fields, never from the text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// There is no such path, field or version.
    NotFound,
    /// There may be one, but not for us.
    Denied,
    /// Another login might help.
    #[expect(dead_code, reason = "for sources that log in")]
    LoginExpired,
    /// Too many requests; when to come again, if it was said.
    Throttled(Option<Duration>),
    /// The source cannot be reached, or is out of order.
    Unavailable,
    /// The source answered what it should not.
    Malformed,
    /// The source cannot work as it is set up.
    Configuration,
}

impl ErrorKind {
    /// Whether the same question may be answered later.
    pub(crate) fn is_transient(self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable)
    }

    /// How `check --json` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::LoginExpired => "login-expired",
            Self::Throttled(_) => "throttled",
            Self::Unavailable => "unavailable",
            Self::Malformed => "malformed",
            Self::Configuration => "configuration",
        }
    }
}

/// What went wrong and what to do about it. Never holds a value, a token, or a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl SourceError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SourceError {}

/// A source that keeps no versions was asked for another one than the current.
pub(super) fn no_versions(source: &str) -> SourceError {
    SourceError::new(
        ErrorKind::NotFound,
        format!("the source type `{source}` keeps no versions other than the current one"),
    )
    .help("leave `@…` and `|versions` out")
}
