//! Received signals: decides whether the metadata of a signal is awaited, and whether the signal is valid
//! without it.

use super::*;

impl<P: Profile> Session<P> {
    /// A signal came. Whether the store is called next.
    pub(super) fn on_signal(&mut self, signal: &Signal, in_sync: bool) -> bool {
        // The answer to a hello has the session number, and a client that waits for it receives no content.
        let is_awaited = self.is_client()
            && signal.code == Code::Pon
            && matches!(self.state, State::AwaitServerHello(_));
        if !in_sync && !is_awaited && signal.transfer == 0 && self.negotiated.is_some() {
            // It has no seed, and may be content of a damaged frame.
            return false;
        }
        let is_repeated = self.outbox.awaiting_metadata().is_some_and(|awaiting| {
            (awaiting.code, awaiting.transfer) == (signal.code, signal.transfer)
        });
        if !is_repeated {
            self.take_refusal_without_message();
        }
        let awaits_metadata =
            signal.metadata > 0 && !P::lacks_room(signal.metadata) && self.wants_metadata(signal);
        self.outbox.slot = Slot::Empty;
        if awaits_metadata {
            self.outbox.slot = Slot::AwaitMetadata(*signal);
            if let State::AwaitServerHello(Goal::Get(get)) | State::AwaitOffer(get) =
                &mut self.state
            {
                get.path = None;
            }
        }
        self.take_signal(signal, !awaits_metadata);
        if !awaits_metadata && self.report_given_up(signal) {
            return true;
        }
        P::reports() && self.report_prefix(signal)
    }

    /// Whether the signal ends the received file or tree, which the next step reports to the store.
    fn report_given_up(&mut self, signal: &Signal) -> bool {
        let is_reported = P::can_receive() && P::has_messages() && P::REPORTS;
        let is_given_up = is_reported
            && signal.code == Code::Err
            && matches!(self.state, State::Receiving(_))
            && self.outbox.abandon.is_some();
        if is_given_up {
            self.io = PendingIo::GivenUp(signal.reason());
        }
        is_given_up
    }

    /// Handles the signal that awaits its metadata, with the metadata that was received last, or without. Whether the
    /// next step is chosen.
    // Inlined: a call would keep a second copy of the signal on the stack.
    #[inline(always)]
    pub(super) fn on_metadata(&mut self) -> bool {
        let Some(&signal) = self.outbox.awaiting_metadata() else { return false };
        self.outbox.slot = Slot::Empty;
        self.take_signal(&signal, true);
        self.report_given_up(&signal)
    }

    /// The message of a refused hello or offer is lost: handles the refusal without it (R13). The message may
    /// have overwritten the path, so that the question cannot be repeated. Returns false if no such refusal
    /// awaits its message.
    pub(super) fn take_refusal_without_message(&mut self) -> bool {
        let Some(signal) = self.outbox.awaiting_metadata() else { return false };
        let counts = signal.code == Code::Err
            && match &self.state {
                State::AwaitServerHello(_) => P::can_be_client() && signal.transfer == 0,
                State::Sending(sender) => {
                    P::has_messages() && P::can_send() && sender.buffered_metadata().is_some()
                }
                _ => false,
            };
        if counts {
            self.on_metadata();
        }
        counts
    }

    /// Whether the signal acknowledges a prefix of an entry, which the next step reports to the store.
    fn report_prefix(&mut self, signal: &Signal) -> bool {
        let State::Sending(sender) = &self.state else { return false };
        let position = signal.position;
        let is_prefix = signal.code == Code::Pon
            && position > 0
            && matches!(signal.ack_info(), AckInfo::PrefixDigest(_));
        match sender.entry_of(signal.transfer).filter(|_| is_prefix) {
            Some(entry) => {
                self.io = PendingIo::Resumed { entry, position };
                true
            }
            None => false,
        }
    }

    /// Whether the metadata of a signal is read.
    fn wants_metadata(&self, signal: &Signal) -> bool {
        let id = TransferId::new(signal.transfer);
        match (signal.code, &self.state) {
            (Code::Saf | Code::Sar, State::Receiving(receiver)) if P::can_receive() => {
                id.is_some_and(|id| receiver.accepts_offer(id))
            }
            (Code::Saf | Code::Sar, State::AwaitOffer(_)) if P::can_be_client() => {
                signal.transfer == self.last_id
            }
            (Code::Saf | Code::Sar | Code::Raf | Code::Rar, State::AwaitRequest) => {
                !self.is_completed(signal.transfer)
            }
            // After a tree that was refused in its middle.
            (Code::Saf | Code::Sar | Code::Raf | Code::Rar, State::Receiving(receiver))
                if P::can_receive()
                    && !self.is_client()
                    && id.is_some_and(|id| {
                        self.negotiated.is_some_and(|link| receiver.is_another_request(id, &link))
                    }) =>
            {
                true
            }
            // In place of a second offer.
            (Code::Raf | Code::Rar, State::Receiving(receiver)) if P::can_receive() => {
                !self.is_client() && receiver.awaits_reoffer()
            }
            (Code::Don, State::Receiving(_)) if P::can_receive() => self.has_sha256(),
            // The message of a sender that gives up.
            (Code::Err, State::Receiving(_)) if P::can_receive() => P::has_messages() && P::REPORTS,
            // The index of an answer.
            (Code::Don, State::Sending(sender)) if P::can_send() && P::has_operations() => {
                sender.buffered_metadata().is_none()
            }
            // The path of a refused offer is not sent again.
            (Code::Err, State::Sending(sender)) if P::can_send() => {
                sender.buffered_metadata().is_none()
                    || (P::has_messages() && id.is_some_and(|id| sender.is_offered(id)))
            }
            // The message of another `ERR` would overwrite the path, which may have to be sent again.
            (Code::Err, State::AwaitOffer(_) | State::AwaitClosed | State::AwaitServerHello(_))
                if P::can_be_client() =>
            {
                match id {
                    None => self.is_number(signal.session()),
                    Some(id) => id.get() == self.last_id && self.negotiated.is_some(),
                }
            }
            _ => false,
        }
    }
}
