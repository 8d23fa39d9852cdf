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

/// A duration in the milliseconds of a session: at most half the range of its clock, 24 days. Only a zero
/// duration gives 0, which means no limit.
pub(crate) fn milliseconds(length: Duration) -> Millis {
    let least = u32::from(!length.is_zero());
    let length = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
    length.clamp(least, u32::MAX >> 1)
}
