//! The tries of a task, and the pauses before them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pause before the first try at most; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The tries since the last progress of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    pub(super) done: u32,
    pub(super) most: u32,
    /// Whether the first connection is tried again too: the user has set the number of tries.
    from_start: bool,
    /// [`Progress::steps`](crate::progress::Progress::steps) at the last failure.
    steps: u64,
}

impl Tries {
    /// `set`: the number that the user has set; `usual`: the number without that.
    pub(super) fn new(set: Option<u32>, usual: u32) -> Self {
        Self { done: 0, most: set.unwrap_or(usual), from_start: set.is_some(), steps: 0 }
    }

    /// The tries of another task.
    pub(super) fn all(self) -> Self {
        Self { done: 0, steps: 0, ..self }
    }

    /// Whether a try is left; counts it. After progress the count begins again.
    pub(super) fn may_retry(&mut self, is_transient: bool, has_answered: bool, steps: u64) -> bool {
        if steps > self.steps {
            self.done = 0;
            self.steps = steps;
        }
        let may = is_transient && (has_answered || self.from_start) && self.done < self.most;
        self.done += u32::from(may);
        may
    }

    /// The pause before the next try, of which a random part is left out: the clients of a server that restarts
    /// come back one after another.
    pub(super) fn pause(&self, random: u64) -> Duration {
        let doublings = self.done.saturating_sub(1).min(16);
        let longest = FIRST_PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        longest - longest / 4 * (random % 256) as u32 / 256
    }
}

/// A random number.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(most: u32, from_start: bool) -> Tries {
        Tries { done: 0, most, from_start, steps: 0 }
    }

    #[test]
    fn tries_without_progress_are_used_up() {
        let mut tries = tries(3, false);
        let all: Vec<_> = (0..5).map(|_| tries.may_retry(true, true, 10)).collect();
        assert_eq!(all, [true, true, true, false, false]);
        assert!(tries.may_retry(true, true, 11), "the count did not begin again after progress");
    }

    #[test]
    fn each_task_has_all_tries() {
        let mut first = tries(1, false);
        assert!(first.may_retry(true, true, 10) && !first.may_retry(true, true, 10));
        let mut second = first.all();
        assert!(second.may_retry(true, true, 0) && !second.may_retry(true, true, 0));
        assert!(second.may_retry(true, true, 5), "the progress of the first task counted");
    }

    #[test]
    fn a_server_that_never_answered_is_tried_again_only_on_request() {
        assert!(!tries(8, false).may_retry(true, false, 0));
        assert!(tries(8, true).may_retry(true, false, 0));
        assert!(!tries(8, true).may_retry(false, true, 0), "not a transient error");
        assert!(!tries(0, true).may_retry(true, true, 0));
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut tries = tries(12, true);
        let mut pauses = Vec::new();
        while tries.may_retry(true, true, 0) {
            pauses.push(tries.pause(0).as_millis());
            let shortest = tries.pause(255);
            assert!(shortest >= tries.pause(0) * 3 / 4 && shortest < tries.pause(0) * 4 / 5);
        }
        let expected = [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000, 30000];
        assert_eq!(pauses, expected);
    }
}
