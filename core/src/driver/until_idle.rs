//! Stops the driver of a server where nothing is left to do until the client sends.

use super::watch::Watch;
use crate::profile::Profile;
use crate::session::Session;
use crate::time::{Millis, reached};

/// Stops the driver where the session is idle.
pub(crate) struct UntilIdle<F, G> {
    on_step: F,
    /// The time without input after which it is idle, in ms.
    linger: G,
    /// When the session is idle; `None` while it does not wait for its client.
    idle_at: Option<Millis>,
    /// Whether the last read has ended without a byte: the link has no input.
    is_quiet: bool,
}

impl<F, G> UntilIdle<F, G> {
    pub(crate) fn new(on_step: F, linger: G) -> Self {
        Self { on_step, linger, idle_at: None, is_quiet: false }
    }
}

impl<P: Profile, F: FnMut(&mut Session<P>), G: FnMut() -> Millis> Watch<P> for UntilIdle<F, G> {
    fn step(&mut self, session: &mut Session<P>) {
        (self.on_step)(session);
    }

    fn flushed(&mut self, session: &mut Session<P>, now: Option<Millis>) -> bool {
        let Some(now) = now.filter(|_| session.awaits_client()) else {
            self.idle_at = None;
            return false;
        };
        let idle_at = match self.idle_at {
            Some(at) => at,
            None => *self.idle_at.insert(now.wrapping_add((self.linger)())),
        };
        self.is_quiet && reached(now, idle_at)
    }

    fn deadline(&self, of_session: Option<Millis>) -> Option<Millis> {
        let sooner = |at: &Millis| of_session.is_none_or(|deadline| reached(deadline, *at));
        self.idle_at.filter(sooner).or(of_session)
    }

    fn read_ended(&mut self, _: &mut Session<P>, has_bytes: bool, _: Option<Millis>) {
        self.is_quiet = !has_bytes;
    }
}
