//! The next output: performs the output of the halves (calls of the store, `ERR`s, the signal in the
//! slot), then asks the store about a new offer or request, then handles buffered frames, then lets
//! the active half go on.

use super::*;

impl<P: Profile> Session<P> {
    /// Chooses the next step.
    pub(super) fn drive(&mut self) {
        while !self.advance() {}
    }

    /// Performs an output, or else handles a frame, or else lets the active half go on. Whether the
    /// next step is chosen.
    // Not a part of the loop: the addresses of the fields would be kept on the stack across it.
    #[inline(never)]
    fn advance(&mut self) -> bool {
        if self.take_output() {
            return true;
        }
        if matches!(self.state, State::Idle(_) | State::Closed(_)) {
            self.io = PendingIo::Over;
            return true;
        }
        let mut signal = Signal::new(Code::Err, 0, 0);
        match self.next_frame(&mut signal) {
            Parsed::Incomplete { wanted } => return self.next_output(wanted),
            Parsed::Chunk { ahead, length } if P::can_receive() => {
                if let Some(Placement { position, skip }) = self.on_chunk(ahead, length) {
                    self.unless_waiting(PendingIo::Store { position, skip, length, done: 0 });
                    return true;
                }
                self.reader.consume_chunk(length);
                self.no_progress();
            }
            Parsed::Hole if P::can_receive() && P::has_holes() => {
                if self.on_hole() {
                    // Many holes, and many parts of one, take a slow store longer than a keepalive may be late.
                    if self.is_waiting() || !self.send_due_ack() {
                        self.unless_waiting(PendingIo::StoreZeros { done: 0 });
                    }
                    return true;
                }
                self.reader.consume(HOLE_LEN);
                self.no_progress();
            }
            Parsed::Signal { in_sync } => return self.on_signal(&signal, in_sync),
            Parsed::Metadata { .. } => return self.on_metadata(),
            Parsed::Text { at, length } if P::has_console() => {
                self.io = PendingIo::Text { at, length };
                return true;
            }
            Parsed::Chunk { .. }
            | Parsed::Hole
            | Parsed::Unwanted { .. }
            | Parsed::Damaged
            | Parsed::Text { .. } => {
                let is_established = self.negotiated.is_some();
                self.end(if is_established { Failure::Damaged } else { Failure::NotTinyferry });
            }
        }
        false
    }

    /// Chooses the step for the first output in the outbox. Whether there is one.
    fn take_output(&mut self) -> bool {
        if P::can_send()
            && let State::Sending(sender) = &self.state
            && let Some((id, reason)) = self.outbox.take_refusal()
            && let Some(refused) = refused_by_peer(sender, id, reason)
        {
            self.io = refused;
        } else if let Some(abandon) = self.outbox.abandon.take() {
            self.io = PendingIo::Abandon(abandon);
        } else if P::can_send() && P::has_operations() && self.outbox.answer().is_some() {
            self.io = PendingIo::Answered;
        } else if self.takes_message() {
            self.io = PendingIo::RefusalMessage;
        } else if P::can_receive()
            && let Some((id, reason)) = self.outbox.take_refusal()
        {
            self.transmit(&Signal::refuse(id, 0, reason, 0));
        } else if self.awaits_commits() {
            self.unless_paused(PendingIo::FlushCommits, None);
        } else if self.outbox.pending_reply().is_some() {
            self.reply_next();
        } else if P::can_receive()
            && let Some(signal) = self.outbox.offer()
        {
            match self.path_of(signal) {
                Ok(true) if P::has_operations() => self.unless_paused(PendingIo::Operate, None),
                Ok(_) => self.unless_paused(PendingIo::Offer(Ok(())), None),
                refused => self.io = PendingIo::Offer(refused.map(drop)),
            }
        } else if P::can_send() && matches!(self.state, State::Opening { .. }) {
            self.io = PendingIo::Open;
        } else {
            return false;
        }
        true
    }

    /// Whether the store was not ready for the next content.
    fn is_waiting(&self) -> bool {
        P::has_pipes() && self.deferred.is_some()
    }

    /// Chooses the step `io`, which stores content, or pauses until the store may be ready. Input is not read
    /// meanwhile: the buffer has the content.
    fn unless_waiting(&mut self, io: PendingIo) {
        if P::has_pipes() {
            self.unless_paused(io, None);
        } else {
            self.io = io;
        }
    }

    /// Whether the deferred commits are completed before the reply is sent.
    fn awaits_commits(&self) -> bool {
        self.may_defer_commits()
            && matches!((&self.state, self.outbox.pending_reply()),
                (State::Receiving(receiver), Some(reply)) if receiver.covers_commits(reply))
    }

    /// Whether a reply might acknowledge files whose commits are deferred.
    pub(super) fn may_defer_commits(&self) -> bool {
        P::defers_commits()
            && matches!((&self.state, &self.negotiated), (State::Receiving(receiver), Some(link))
                if receiver.may_defer_commits(link))
    }

    /// No frame is complete: the state decides. Whether that is a step; if not, a frame or an output
    /// is there now.
    fn next_output(&mut self, wanted: usize) -> bool {
        if P::can_receive() && self.send_due_ack() {
            return true;
        }
        match (&mut self.state, &self.negotiated) {
            (State::AwaitClientHello, _) => self.timer.await_frame(self.config.handshake_timeout),
            (State::AwaitRequest, _) => self.timer.await_frame(self.config.idle_timeout),
            (State::Closing, _) => self.timer.await_frame(CLOSING),
            // The chunk buffer is in use until the message of an `ERR` has come.
            (State::Sending(_), _) if P::can_send() && self.outbox.is_awaiting_metadata() => {
                self.await_answer()
            }
            // Lost blocks are sent again meanwhile.
            (State::Sending(sender), Some(_))
                if P::has_pipes()
                    && P::can_send()
                    && self.deferred.is_some()
                    && !self.has_polled_input
                    && !sender.has_losses() =>
            {
                return self.await_content(wanted);
            }
            (State::Sending(sender), Some(link)) if P::can_send() => {
                let next = sender.next(link, &mut self.outbox);
                return self.perform(next, wanted);
            }
            (State::Receiving(receiver), Some(_)) if P::can_receive() => {
                let is_empty = self.reader.is_empty() && !self.outbox.is_awaiting_metadata();
                let next = receiver.next(is_empty, &mut self.outbox);
                return self.perform(next, wanted);
            }
            _ => self.await_answer(),
        }
        self.io = PendingIo::Receive { wanted };
        true
    }

    /// Performs the next output of a half. Whether that is a step.
    fn perform(&mut self, next: Next, wanted: usize) -> bool {
        let is_sending = matches!(self.state, State::Sending(_));
        self.io = match next {
            Next::Continue => return false,
            Next::AttachMetadata(length) if P::can_send() => {
                self.attach_metadata(length);
                return false;
            }
            Next::AttachSha256 if P::can_send() => {
                if let Some(sha256) = self.running_sha256().map(Sha256::finish) {
                    let payload = self.buffer.metadata_mut();
                    let length = append_fields(payload, 0, None, None, Some(&sha256));
                    self.attach_metadata(length.unwrap_or(0));
                }
                return false;
            }
            Next::Chunk { position, length } if P::can_send() => {
                PendingIo::Load { position, length, done: 0, sends: true }
            }
            Next::Digest { position, length } => {
                let load = PendingIo::Load { position, length, done: 0, sends: false };
                self.unless_paused(load, Some(wanted));
                return true;
            }
            Next::Entry if P::can_send() => PendingIo::NextEntry,
            Next::Check if P::can_send() => PendingIo::Check,
            Next::Commit if P::can_receive() => match self.commit() {
                Some(commit) => {
                    self.unless_paused(commit, Some(wanted));
                    return true;
                }
                None => return false,
            },
            Next::AwaitFrame => {
                self.timer.await_frame(NonZeroU32::new(self.timeout()));
                PendingIo::Receive { wanted }
            }
            Next::Finish(result) => {
                self.finish(result);
                if !(P::reports() && is_sending && result.is_ok()) {
                    return false;
                }
                PendingIo::Completed
            }
            // `AwaitAnswer`; the others are unreachable in this profile.
            _ => {
                self.await_answer();
                PendingIo::Receive { wanted }
            }
        };
        true
    }

    /// The step that commits the open file or the tree; `None` where the file's SHA-256 differs.
    fn commit(&mut self) -> Option<PendingIo> {
        let differs = self.running_sha256().is_some_and(|digest| !digest.is_as_claimed());
        let may_defer = self.may_defer_commits();
        let State::Receiving(receiver) = &mut self.state else { return None };
        let is_file = receiver.digest().is_some();
        if is_file && differs {
            receiver.drop_file(Reason::DigestDiffers, &mut self.outbox);
            return None;
        }
        Some(match self.deferred.filter(|_| P::may_defer()) {
            Some(Deferred::Commit) => PendingIo::CommitAgain,
            // Nothing else goes into the tree.
            _ if !is_file && may_defer => PendingIo::FlushCommits,
            _ => PendingIo::Commit,
        })
    }
}

/// The step that reports the refusal of the transfer `id` to the store of a sender.
fn refused_by_peer<P: Profile>(sender: &Sender<P>, id: u16, reason: Reason) -> Option<PendingIo> {
    if P::reports() && sender.tree().is_some_and(|tree| tree.get() == id) {
        return Some(PendingIo::TreeRefused(reason));
    }
    sender.entry_of(id).map(|entry| PendingIo::Refused { entry, reason })
}

/// How long a closed server repeats its answer on a lossy link, in ms.
const CLOSING: Option<NonZeroU32> = NonZeroU32::new(3_000);
