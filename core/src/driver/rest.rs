//! Stops the driver of a server where nothing is left to do until the client sends.

use super::watch::Watch;
use crate::profile::Profile;
use crate::session::Session;
use crate::time::{Millis, reached};

/// Stops the driver where the session rests.
pub(crate) struct Rest<F, G> {
    on_step: F,
    /// The time without input after which it rests, in ms.
    linger: G,
    /// When the session rests; `None` while it does not wait for its client.
    rests_at: Option<Millis>,
    /// Whether the last read has ended without a byte: the link has no input.
    is_quiet: bool,
}

impl<F, G> Rest<F, G> {
    pub(crate) fn new(on_step: F, linger: G) -> Self {
        Self { on_step, linger, rests_at: None, is_quiet: false }
    }
}

impl<P: Profile, F: FnMut(&mut Session<P>), G: FnMut() -> Millis> Watch<P> for Rest<F, G> {
    fn step(&mut self, session: &mut Session<P>) {
        (self.on_step)(session);
    }

    fn flushed(&mut self, session: &mut Session<P>, now: Option<Millis>) -> bool {
        let Some(now) = now.filter(|_| session.awaits_client()) else {
            self.rests_at = None;
            return false;
        };
        let rests_at = match self.rests_at {
            Some(at) => at,
            None => *self.rests_at.insert(now.wrapping_add((self.linger)())),
        };
        self.is_quiet && reached(now, rests_at)
    }

    fn deadline(&self, of_session: Option<Millis>) -> Option<Millis> {
        let sooner = |at: &Millis| of_session.is_none_or(|deadline| reached(deadline, *at));
        self.rests_at.filter(sooner).or(of_session)
    }

    fn read_ended(&mut self, _: &mut Session<P>, has_bytes: bool, _: Option<Millis>) {
        self.is_quiet = !has_bytes;
    }
}
