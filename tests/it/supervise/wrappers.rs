//! The same claims, put to other wrappers.
use std::time::Duration;
pub(super) fn patience() -> Option<Duration> {
    None
}
