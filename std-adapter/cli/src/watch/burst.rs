//! Changes that belong together: a program that saves a file, an archive that is extracted.

use std::time::Duration;

/// The time without a change after which a burst is over.
const QUIET: Duration = Duration::from_millis(200);
/// The longest burst.
const LONGEST: Duration = Duration::from_secs(1);

/// A burst of changes. Times begin at any origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burst {
    first: Duration,
    last: Duration,
}

impl Burst {
    /// A change; `burst`: the earlier ones.
    pub(super) fn with(burst: Option<Self>, now: Duration) -> Self {
        Self { first: burst.map_or(now, |burst| burst.first), last: now }
    }

    /// When it is over.
    pub(super) fn end(self) -> Duration {
        (self.last + QUIET).min(self.first + LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_ends_after_a_pause_and_at_the_latest_after_a_second() {
        let at = Duration::from_millis;
        let mut burst = Burst::with(None, at(5000));
        assert_eq!(burst.end(), at(5200));
        burst = Burst::with(Some(burst), at(5150));
        assert_eq!(burst.end(), at(5350));
        for now in (5300..8000).step_by(100) {
            burst = Burst::with(Some(burst), at(now));
        }
        assert_eq!(burst.end(), at(6000));
    }
}
