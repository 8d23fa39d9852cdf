//! A store that is busy, and work that takes long: input is polled between its parts, and keepalives are sent
//! (`PROTOCOL.md`, R49, R76 and R78).

use super::*;

impl<P: Profile> Session<P> {
    /// Whether the store has a call to complete.
    pub(super) fn is_busy(&self) -> bool {
        (P::may_defer() || P::has_pipes()) && self.deferred.is_some()
    }

    /// Whether a sender whose store has no content for now still waits for an answer: on a half-duplex link that of its
    /// question, or the message of a refusal.
    pub(super) fn awaits_answer_while_busy(&self) -> bool {
        P::has_pipes()
            && matches!(
                (&self.state, &self.negotiated),
                (State::Sending(sender), Some(link))
                    if self.outbox.is_awaiting_metadata() || sender.awaits_answer_while_waiting(link)
            )
    }

    /// Chooses the step `io`, unless it is part of long work and input was not polled since the part
    /// before: then input is polled first, and a keepalive is sent where one is due.
    pub(super) fn unless_paused(&mut self, io: PendingIo, wanted: Option<usize>) {
        let is_busy = self.is_busy();
        // The proof of a pipe's prefix is short. Content that was stored before it would be loaded back for the digest.
        let loads = matches!(io, PendingIo::Load { .. }) && !self.may_prove_prefix();
        let is_long = is_busy || (P::polls_input() && loads);
        if self.has_polled_input || !is_long {
            self.io = io;
            return;
        }
        self.pause(wanted);
    }

    /// The store of a sender has no content for now. Whether the next step is chosen.
    pub(super) fn await_content(&mut self, wanted: usize) -> bool {
        let (State::Sending(sender), Some(link)) = (&mut self.state, &self.negotiated) else {
            return false;
        };
        if sender.asks_while_waiting(link) {
            self.outbox.reply(sender.keepalive().waiting());
            return false;
        }
        if sender.awaits_answer_while_waiting(link) {
            self.await_answer();
            self.io = PendingIo::Receive { wanted };
            return true;
        }
        if self.timer.keepalive_due() && self.timer.is_silent_for(self.timeout()) {
            self.give_up();
            return false;
        }
        self.pause(Some(wanted));
        true
    }

    /// Polls the input between two parts of long work, and sends a keepalive where one is due.
    pub(super) fn pause(&mut self, wanted: Option<usize>) {
        let is_busy = self.is_busy();
        if P::has_clock()
            && self.timer.keepalive_due()
            && let Some(keepalive) = self.keepalive()
        {
            return self.transmit(&keepalive);
        }
        self.has_polled_input = true;
        let may_read = match (&self.state, &self.negotiated) {
            (State::Receiving(receiver), Some(link)) => receiver.may_read(link),
            _ => true,
        };
        self.io = match wanted.filter(|_| may_read) {
            Some(wanted) if is_busy && (self.is_lossy() || self.timer.has_clock()) => {
                self.timer.await_store();
                PendingIo::Receive { wanted }
            }
            wanted => PendingIo::Pause { wanted },
        };
    }

    /// The keepalive of a busy end: the receiver's `PON` without credit, the sender's
    /// `PIN`.
    fn keepalive(&mut self) -> Option<Signal> {
        match &mut self.state {
            State::Sending(sender) if P::can_send() => {
                let keepalive = sender.keepalive();
                let waits = P::has_pipes() && self.deferred.is_some();
                Some(if waits { keepalive.waiting() } else { keepalive })
            }
            State::Receiving(receiver) if P::can_receive() => {
                let offered = self.outbox.offer().map(|signal| signal.transfer);
                Some(receiver.keepalive(offered.unwrap_or(receiver.last_id())))
            }
            _ => None,
        }
    }
}
