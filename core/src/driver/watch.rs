//! The reports of a driver while it carries out the steps of a session.

use crate::profile::Profile;
use crate::session::Session;
use crate::store::{Reply, Request};
use crate::time::Millis;

/// Is told of the steps of a driver. By default nothing follows from them.
pub(crate) trait Watch<P: Profile> {
    /// The next step begins.
    fn step(&mut self, session: &mut Session<P>) {
        let _ = session;
    }

    /// The session has a request to the store.
    fn requested(&mut self, request: &mut Request<'_>) -> Requested {
        let _ = request;
        Requested::Perform
    }

    /// The store has answered.
    fn answered(&mut self, session: &mut Session<P>, reply: &Reply) {
        let _ = (session, reply);
    }

    /// All output is on the wire, or the stream has failed. Whether the driver stops here.
    fn flushed(&mut self, session: &mut Session<P>, now: Option<Millis>) -> bool {
        let _ = (session, now);
        false
    }

    /// The keepalive of an async store, if the watch keeps it for the next call of the driver.
    #[cfg(feature = "async")]
    fn keepalive(&mut self) -> Option<&mut super::keepalive::Keepalive> {
        None
    }

    /// When the read ends that follows.
    fn deadline(&self, of_session: Option<Millis>) -> Option<Millis> {
        of_session
    }

    /// The read has ended: with bytes, or without any at the deadline.
    fn read_ended(&mut self, session: &mut Session<P>, has_bytes: bool, now: Option<Millis>) {
        let _ = (session, has_bytes, now);
    }
}

/// How the driver performs a request to the store.
#[derive(Debug)]
pub(crate) enum Requested {
    /// By a call of the store.
    Perform,
    /// It does not: this is the reply.
    Answer(Reply),
    /// It flushes the output first, and asks again.
    Flush,
}

/// Nobody is told.
pub(crate) struct Unwatched;

impl<P: Profile> Watch<P> for Unwatched {}

/// A function that is called before each step.
pub(crate) struct OnStep<F>(pub(crate) F);

impl<P: Profile, F: FnMut(&mut Session<P>)> Watch<P> for OnStep<F> {
    fn step(&mut self, session: &mut Session<P>) {
        (self.0)(session);
    }
}
