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

/// Tells without the time whether some milliseconds may have passed: where the time is asked for with each chunk, that
/// takes a twentieth of a transfer.
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    /// The last tick of the system's coarse clock.
    #[cfg(target_os = "linux")]
    last: Option<rustix::time::Timespec>,
}

impl Ticks {
    /// Whether a tick has passed since the last call. Elsewhere than on Linux always.
    pub(crate) fn has_passed(&mut self) -> bool {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{ClockId, clock_gettime};
            let tick = Some(clock_gettime(ClockId::MonotonicCoarse));
            std::mem::replace(&mut self.last, tick) != tick
        }
        #[cfg(not(target_os = "linux"))]
        true
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
