//! The clock of an async driver.

use core::future::{Future, pending};

use crate::time::Millis;

/// A clock that a driver can wait for.
pub trait Clock {
    /// Milliseconds from any origin; they wrap around. `None` where there is no clock.
    fn now(&mut self) -> Option<Millis>;

    /// Ends when [`Clock::now`] has reached `deadline`, at once if it has already: that is so where
    /// the difference, wrapping, is less than 2^31.
    fn wait_until(&mut self, deadline: Millis) -> impl Future<Output = ()>;
}

/// No clock. For links that lose nothing, or whose reads end with
/// [`TimedOut`](embedded_io::ErrorKind::TimedOut) after 20 ms of silence.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&mut self) -> Option<Millis> {
        None
    }

    async fn wait_until(&mut self, _: Millis) {
        pending().await
    }
}
