//! The end of a request that this end cancels.

use super::*;

impl<P: Profile> Session<P> {
    /// Ends the request under way with `reason`, between two steps. With [`Profile::MESSAGES`] the store is asked
    /// for the message: [`Store::refusal_message`].
    ///
    /// A request that is complete but for its answer ends as it is. On a lossy link a tree ends at its next entry.
    pub fn cancel(&mut self, reason: Reason) -> Cancelled {
        match self.state {
            State::Opening { .. } | State::Sending(_) | State::Receiving(_) => {}
            _ => return Cancelled::Nothing,
        }
        if !self.may_cancel() {
            return Cancelled::Later;
        }
        let cancelled = match (&mut self.state, &self.negotiated) {
            (State::Opening { number, .. }, _) if P::can_send() => {
                let number = *number;
                self.refuse_request(number, reason);
                Cancelled::Done
            }
            (State::Sending(sender), _) if P::can_send() => sender.cancel(reason, &mut self.outbox),
            (State::Receiving(receiver), Some(link)) if P::can_receive() => {
                receiver.cancel(reason, link, &mut self.outbox)
            }
            _ => Cancelled::Nothing,
        };
        if cancelled == Cancelled::Done {
            if self.input_in_chunk && self.is_lossy() {
                // The buffer takes the message. A frame in it is of no use, or is repeated.
                self.reader.clear();
            }
            self.deferred = None;
            self.has_message = P::has_messages();
            self.drive();
        }
        cancelled
    }

    /// Whether no output and no call of the store is under way, and the buffer is free.
    fn may_cancel(&self) -> bool {
        let is_between = matches!(
            self.io,
            PendingIo::Receive { .. }
                | PendingIo::Pause { .. }
                | PendingIo::Load { done: 0, .. }
                | PendingIo::NextEntry
                | PendingIo::Check
                | PendingIo::Open
                | PendingIo::Commit
        );
        let is_free = self.is_lossy() || !self.input_in_chunk || self.reader.is_empty();
        is_between
            && is_free
            && self.outbox.offer().is_none()
            && !self.outbox.is_awaiting_metadata()
    }
}
