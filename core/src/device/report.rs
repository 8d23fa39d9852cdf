//! Reports the events of a journal while a driver runs.

use core::marker::PhantomData;

use super::event::{Control, Event, Wish};
use super::journal::{Journal, Offered, Pending};
use crate::driver::Error;
use crate::driver::watch::{Requested, Watch};
use crate::profile::Profile;
use crate::session::Session;
use crate::store::{Reply, Request};
use crate::time::{Millis, reached};
use crate::transfer::{Cancelled, Outcome};

/// A journal with a callback.
pub(super) struct Reporter<'a, P, E, F, const PATH: usize> {
    journal: &'a mut Journal<PATH>,
    on_event: F,
    /// Whether the driver stops after the present request.
    is_one: bool,
    profile: PhantomData<P>,
    error: PhantomData<E>,
}

impl<'a, P, E, F, const PATH: usize> Reporter<'a, P, E, F, PATH>
where
    P: Profile,
    F: FnMut(&mut Control<'_, P>, Event<'_, E>),
{
    pub(super) fn new(journal: &'a mut Journal<PATH>, on_event: F, is_one: bool) -> Self {
        Self { journal, on_event, is_one, profile: PhantomData, error: PhantomData }
    }

    /// The session is over.
    pub(super) fn closed(&mut self, session: &Session<P>, result: &Result<Outcome, Error<E>>) {
        self.journal.update(session);
        self.report_pending(session);
        self.journal.clear();
        (self.on_event)(
            &mut Control { session, wish: &mut self.journal.wish },
            Event::Closed(result),
        );
        self.journal.wish = None;
    }

    /// Ends the request, if that is wished and possible at this step.
    fn fulfil(&mut self, session: &mut Session<P>) {
        let Some(Wish { reason, message }) = self.journal.wish else { return };
        match session.cancel(reason) {
            Cancelled::Done => {
                self.journal.wish = None;
                self.journal.message = Some(message);
                self.journal.update(session);
            }
            Cancelled::Nothing => self.journal.wish = None,
            Cancelled::Later => {}
        }
    }

    fn report_pending(&mut self, session: &Session<P>) {
        let Some(pending) = self.journal.pending.take() else { return };
        let path = self.journal.paths.path();
        let event = match pending {
            Pending::Stored { kind, size } => Event::Stored { path, kind, size },
            Pending::Sent { size } => Event::Sent { path, size },
            Pending::Removed => Event::Removed { path },
            Pending::Renamed => Event::Renamed { from: self.journal.paths.from(), path },
            Pending::Refused { reason } => Event::Refused { path, reason },
        };
        (self.on_event)(&mut Control { session, wish: &mut self.journal.wish }, event);
        self.journal.paths.leave_entry();
    }
}

impl<P, E, F, const PATH: usize> Watch<P> for Reporter<'_, P, E, F, PATH>
where
    P: Profile,
    F: FnMut(&mut Control<'_, P>, Event<'_, E>),
{
    fn step(&mut self, session: &mut Session<P>) {
        let number = session.number();
        if core::mem::replace(&mut self.journal.connected, number) != number && number.is_some() {
            (self.on_event)(
                &mut Control { session, wish: &mut self.journal.wish },
                Event::Connected,
            );
        }
        self.journal.update(session);
        if let Some((position, size)) = session.progress()
            && position > self.journal.position
            && self.journal.pending.is_none()
        {
            self.journal.position = position;
            let path = self.journal.paths.path();
            let event = Event::Progress { path, position, size };
            (self.on_event)(&mut Control { session, wish: &mut self.journal.wish }, event);
        }
        self.fulfil(session);
    }

    fn requested(&mut self, request: &mut Request<'_>) -> Requested {
        self.journal.requested(request)
    }

    fn answered(&mut self, session: &mut Session<P>, reply: &Reply) {
        if let Some(Offered { kind, size, prefix }) = self.journal.answered(session, reply) {
            self.journal.position = prefix;
            let path = self.journal.paths.path();
            let event = Event::Offered { path, kind, size, prefix };
            (self.on_event)(&mut Control { session, wish: &mut self.journal.wish }, event);
        }
    }

    fn flushed(&mut self, session: &mut Session<P>, now: Option<Millis>) -> bool {
        self.report_pending(session);
        let is_lossy = session.negotiated().is_some_and(|link| link.lossy);
        if !session.is_idle() || !self.journal.progress.ends(is_lossy, now) {
            return false;
        }
        self.journal.message = None;
        if !is_lossy {
            (self.on_event)(&mut Control { session, wish: &mut self.journal.wish }, Event::Idle);
        }
        self.is_one
    }

    #[cfg(feature = "async")]
    fn keepalive(&mut self) -> Option<&mut crate::driver::keepalive::Keepalive> {
        Some(&mut self.journal.keepalive)
    }

    fn deadline(&self, of_session: Option<Millis>) -> Option<Millis> {
        match (of_session, self.journal.progress.answer_arrives()) {
            (Some(deadline), Some(silence)) if reached(deadline, silence) => Some(silence),
            (None, silence) => silence,
            (deadline, _) => deadline,
        }
    }

    fn read_ended(&mut self, session: &mut Session<P>, has_bytes: bool, now: Option<Millis>) {
        if self.journal.progress.is_silent(has_bytes, now) {
            (self.on_event)(&mut Control { session, wish: &mut self.journal.wish }, Event::Idle);
        }
    }
}
