//! How many restarts are allowed in which time.

use std::{collections::VecDeque, time::Duration};

use super::event::Moment;
use crate::manifest::Budget;

/// The restarts of the last window.
#[derive(Debug, Clone)]
pub(super) struct Restarts {
    budget: Budget,
    at: VecDeque<Moment>,
}

impl Restarts {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, at: VecDeque::new() }
    }

    /// The first moment, not before `now`, at which another restart is within the budget. With a
    /// budget of none there is no such moment.
    pub(super) fn allowed_at(&mut self, now: Moment) -> Option<Moment> {
        let window = self.budget.window;
        while self.at.front().is_some_and(|first| *first + window <= now) {
            self.at.pop_front();
        }
        let limit = self.budget.restarts as usize;
        let over = (self.at.len() + 1).saturating_sub(limit);
        match over {
            0 => Some(now),
            _ => self.at.get(over - 1).map(|blocking| *blocking + window),
        }
    }

    pub(super) fn count(&mut self, now: Moment) {
        self.at.push_back(now);
    }
}

/// A part of `length`: `random` of all `u32`.
pub(super) fn portion(length: Duration, random: u32) -> Duration {
    let nanos = length.as_nanos().saturating_mul(u128::from(random)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `length`, ± 10 %.
pub(super) fn jittered(length: Duration, random: u32) -> Duration {
    length.saturating_sub(length / 10).saturating_add(portion(length / 5, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn no_window_holds_more_than_the_budget() {
        let budget = Budget { restarts: 2, window: Duration::from_secs(10) };
        let mut restarts = Restarts::new(budget);
        assert_eq!(restarts.allowed_at(moment(0)), Some(moment(0)));
        restarts.count(moment(0));
        restarts.count(moment(3));
        assert_eq!(restarts.allowed_at(moment(4)), Some(moment(10)));
        assert_eq!(restarts.allowed_at(moment(10)), Some(moment(10)));
        restarts.count(moment(10));
        assert_eq!(restarts.allowed_at(moment(11)), Some(moment(13)));
    }

    #[test]
    fn a_budget_of_none_allows_none() {
        let budget = Budget { restarts: 0, window: Duration::from_secs(10) };
        assert_eq!(Restarts::new(budget).allowed_at(moment(0)), None);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let length = Duration::from_secs(100);
        assert_eq!(jittered(length, 0), Duration::from_secs(90));
        assert!(jittered(length, u32::MAX) <= Duration::from_secs(110));
        assert_eq!(portion(Duration::ZERO, 7), Duration::ZERO);
    }
}
