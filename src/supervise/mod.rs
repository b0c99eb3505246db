//! Stays while a delivered value can change: a correct init that replaces the child's generation.
//!
//! A pure core decides ([`core`]); a driver asks the kernel and does what was decided
//! ([`driver`]). Neither sees a value: workers resolve, launchers deliver.

mod brood;
mod budget;
mod core;
mod driver;
mod event;
mod hiring;
mod settings;
#[cfg(test)]
mod simulation;
mod watch;

pub(crate) use self::driver::{Supervision, supervise};
