//! Dispatch of received signals: chooses the handler by the state, which is the handshake, the server, the
//! client, the sender or the receiver.

use super::*;

impl<P: Profile> Session<P> {
    /// Handles a signal. If its metadata is read, the metadata was received before.
    #[inline(never)]
    pub(super) fn dispatch(&mut self, signal: &Signal) {
        let id = TransferId::new(signal.transfer);
        if id.is_none() {
            self.on_session_signal(signal);
        }
        let is_first = match self.state {
            State::AwaitClientHello => true,
            _ => id.is_some() && self.negotiated.is_none(),
        };
        if is_first && !self.is_lossy() {
            // On a reliable link nothing comes before the handshake.
            self.end(Failure::NotTinyferry);
        }
        let (Some(id), Some(link)) = (id, &self.negotiated) else { return };
        let is_request = !self.is_client()
            && matches!(signal.code, Code::Sar | Code::Raf | Code::Rar | Code::Cls);
        match &self.state {
            State::Sending(_) if P::can_send() => self.on_receiver_signal(signal),
            State::Receiving(receiver)
                if P::can_receive()
                    && ((is_request && receiver.awaits_reoffer())
                        || (!self.is_client()
                            && matches!(
                                signal.code,
                                Code::Saf | Code::Sar | Code::Raf | Code::Rar | Code::Cls
                            )
                            && receiver.is_another_request(id, link))) =>
            {
                self.expect_no_reoffer();
                self.on_request(id, signal);
            }
            State::Receiving(_) if P::can_receive() => self.on_sender_signal(id, signal),
            State::AwaitRequest if P::can_be_server() => self.on_request(id, signal),
            State::AwaitOffer(get) if P::can_be_client() && id.get() == self.last_id => {
                let get = *get;
                self.on_first_answer(id, signal, get);
            }
            State::AwaitClosed if P::can_be_client() && id.get() == self.last_id => {
                match signal.code {
                    Code::Don => self.answered_with(CLOSED),
                    Code::Err => self.answered_with(Err(Failure::Refused(signal.reason()))),
                    _ => {}
                }
            }
            _ => self.on_late_signal(id, signal),
        }
    }

    /// A request to a server.
    fn on_request(&mut self, id: TransferId, signal: &Signal) {
        if self.is_completed(id.get()) {
            return self.on_late_signal(id, signal);
        }
        let number = id.get();
        match signal.code {
            Code::Saf | Code::Sar if P::can_receive() => {
                self.receive(false);
                self.on_sender_signal(id, signal);
            }
            Code::Saf | Code::Sar => self.refuse_request(number, Reason::ReadOnly),
            Code::Raf | Code::Rar if P::can_send() => match self.path_of(signal) {
                Ok(_) => self.open(number, signal.code == Code::Rar, signal.names_only()),
                Err(reason) => self.refuse_request(number, reason),
            },
            Code::Raf | Code::Rar => self.refuse_request(number, Reason::WriteOnly),
            Code::Cls if self.config.may_close => self.close(number),
            Code::Cls => self.refuse_request(number, Reason::NotAllowed),
            _ => {}
        }
    }

    /// The first answer to a get.
    fn on_first_answer(&mut self, id: TransferId, signal: &Signal, get: Get) {
        match (signal.code, get.tree) {
            (Code::Saf, false) | (Code::Sar, true) => {
                self.receive(get.names_only);
                self.on_sender_signal(id, signal);
            }
            (Code::Err, _) => self.answered_with(Err(Failure::Refused(signal.reason()))),
            _ => self.end(Failure::ProtocolViolation),
        }
    }

    fn on_receiver_signal(&mut self, signal: &Signal) {
        let (State::Sending(sender), Some(link)) = (&mut self.state, &self.negotiated) else {
            return;
        };
        self.timer.work_begins();
        if sender.on_signal(signal, link, &mut self.outbox) && P::has_clock() {
            self.timer.probe_answered();
        }
    }

    fn on_sender_signal(&mut self, id: TransferId, signal: &Signal) {
        if self.has_sha256() && signal.code == Code::Don {
            let claimed = self.metadata().ok().and_then(|metadata| metadata.sha256).copied();
            if let Some(sha256) = &mut self.sha256 {
                sha256.claim(claimed);
            }
        }
        let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) else {
            return;
        };
        let outbox = &mut self.outbox;
        if receiver.repeats_refusal(link) {
            if signal.code != Code::Pon {
                outbox.repeat_completed(0);
            }
            return;
        }
        match signal.code {
            Code::Sar if receiver.is_in_tree() && receiver.accepts_offer(id) => {
                self.end(Failure::ProtocolViolation);
            }
            Code::Saf | Code::Sar => receiver.on_offer(id, signal, link, outbox),
            Code::Pin => receiver.on_query(id, signal.count(), link, outbox),
            Code::Don => receiver.on_done(id, signal, link, outbox),
            Code::Err => receiver.on_error(id, signal.reason(), link, outbox),
            _ => {}
        }
    }

    /// A signal about a transfer that is not open: its result is repeated where it can be lost.
    fn on_late_signal(&mut self, id: TransferId, signal: &Signal) {
        if self.is_completed(id.get()) {
            let count = match signal.code {
                Code::Pin | Code::Don => signal.count(),
                Code::Pon => return,
                _ => 0,
            };
            self.outbox.repeat_completed(count);
        }
    }

    /// Whether a transfer is the one that was completed last, and its result may have been lost.
    pub(super) fn is_completed(&self, id: u16) -> bool {
        self.is_lossy() && self.outbox.is_last_completed(id)
    }
}
