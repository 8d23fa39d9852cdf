//! The clock of a session, which wraps around.

use std::time::{Duration, Instant};

use tinyferry_core::Millis;

/// Counts milliseconds from its start.
#[derive(Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.elapsed().as_millis() as Millis
    }
}

/// The time from `now` until `deadline`; zero if it is past.
pub(crate) fn time_until(deadline: Millis, now: Millis) -> Duration {
    let left = deadline.wrapping_sub(now);
    Duration::from_millis(if left < 1 << 31 { left.into() } else { 0 })
}
