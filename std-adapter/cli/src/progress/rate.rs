//! The rate of the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// The time that the rate is measured over.
const WINDOW: Duration = Duration::from_secs(4);

/// The number of bytes at some times: the rate is that of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// Adds the number of bytes so far at a time; returns the rate in bytes a second.
    pub(super) fn add(&mut self, now: Duration, bytes: u64) -> u64 {
        self.samples.push_back((now, bytes));
        // One sample may be as old as the window or older: the rate is that of the time since then.
        while self.samples.get(1).is_some_and(|(time, _)| *time + WINDOW <= now) {
            self.samples.pop_front();
        }
        let Some((time, before)) = self.samples.front() else { return 0 };
        let took = now.saturating_sub(*time).as_secs_f64();
        if took > 0.0 { (bytes.saturating_sub(*before) as f64 / took) as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        let at = Duration::from_millis;
        assert_eq!(rate.add(at(0), 0), 0);
        assert_eq!(rate.add(at(500), 500), 1000);
        for step in 1..=100 {
            rate.add(at(500 + step * 100), 500 + step * 1000);
        }
        assert_eq!(rate.add(at(10_600), 101_500), 10_000, "the slow begin still counts");
        for step in 1..=50 {
            rate.add(at(10_600 + step * 100), 101_500);
        }
        assert_eq!(rate.add(at(15_700), 101_500), 0, "nothing has moved");
    }
}
