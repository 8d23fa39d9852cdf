//! Frames that come in. A chunk goes the same way wherever it is buffered: `parse_frame`, `on_chunk`,
//! the store, `chunk_stored`.

use super::*;

impl<P: Profile> Session<P> {
    /// Finds the next frame in the buffer; a signal is returned in `signal`. Metadata in front of it
    /// is consumed.
    pub(super) fn next_frame(&mut self, signal: &mut Signal) -> Parsed {
        self.reader.consume_metadata();
        let awaits_metadata = self.outbox.is_awaiting_metadata();
        let is_receiving = P::can_receive() && matches!(self.state, State::Receiving(_));
        let in_chunk = awaits_metadata || is_receiving;
        if self.input_in_chunk && !in_chunk {
            self.reader.clear();
        }
        self.input_in_chunk = in_chunk;
        let expected = self.expected();
        let buffer: &[u8] = if in_chunk { &*self.chunk } else { &self.signal };
        let parsed = self.reader.next_frame::<P::Checksums>(buffer, &expected, signal);
        if P::has_gaps() && self.reader.take_dropped() {
            self.timer.bytes_dropped();
        }
        parsed
    }

    /// The frames that are accepted now.
    #[inline(always)]
    pub(super) fn expected(&self) -> Expect {
        let lossy = self.is_lossy();
        let metadata = self.outbox.awaiting_metadata();
        let metadata = metadata.map(|signal| (signal.transfer, signal.metadata));
        let (file, chunks_missing) = match (&self.state, &self.negotiated) {
            (State::Receiving(receiver), Some(link)) if P::can_receive() => {
                (receiver.expected_file(link), receiver.expects_chunks())
            }
            _ => (None, false),
        };
        // On a reliable link no more than the next frame is read, as far as its length is known: a
        // frame that waits in the buffer could not be handled while a file is compared or committed.
        let next = match metadata {
            _ if lossy || (chunks_missing && metadata.is_none()) => 0,
            Some((_, length)) => length.into(),
            None => SIGNAL_LEN - HEADER_LEN,
        };
        Expect {
            seed: self.seeds().receiving,
            lossy,
            skips: self.negotiated.is_some() && !lossy,
            metadata,
            file,
            wanted: HEADER_LEN.saturating_add(next),
        }
    }

    /// On a reliable link, the length of the chunk that has begun to come in: until it is complete
    /// there is nothing to decide.
    pub(super) fn incomplete_chunk(&self) -> Option<usize> {
        if self.input_in_chunk && !self.is_lossy() {
            self.reader.incomplete_chunk(&*self.chunk)
        } else {
            None
        }
    }

    /// A signal came. Whether the store is called next.
    pub(super) fn on_signal(&mut self, signal: &Signal, in_sync: bool) -> bool {
        if !in_sync && signal.transfer == 0 && self.negotiated.is_some() {
            // It has no seed, and may be content of a damaged frame.
            return false;
        }
        let is_repeated = self.outbox.awaiting_metadata().is_some_and(|awaiting| {
            (awaiting.code, awaiting.transfer) == (signal.code, signal.transfer)
        });
        if !is_repeated {
            self.take_refusal_without_message();
        }
        let awaits_metadata = signal.metadata > 0 && self.wants_metadata(signal);
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
        P::reports() && self.report_prefix(signal)
    }

    /// The metadata of a signal came.
    pub(super) fn on_metadata(&mut self) {
        if let Some(&signal) = self.outbox.awaiting_metadata() {
            self.outbox.slot = Slot::Empty;
            self.take_signal(&signal, true);
        }
    }

    /// Where the refusal of an offer waits for its message, that is lost: it counts without it. The message
    /// may have overwritten the path, so that the offer could not be repeated. Whether it is so.
    pub(super) fn take_refusal_without_message(&mut self) -> bool {
        if P::sends_messages()
            && P::can_send()
            && let State::Sending(sender) = &self.state
            && let Some(&signal) = self.outbox.awaiting_metadata()
            && signal.code == Code::Err
            && sender.holds_metadata().is_some()
        {
            self.outbox.slot = Slot::Empty;
            self.take_signal(&signal, true);
            return true;
        }
        false
    }

    /// Whether the signal tells that the receiver has a prefix of an entry: the store is told next.
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

    /// Whether the metadata of a signal is of use.
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
            // In place of a second offer.
            (Code::Raf | Code::Rar, State::Receiving(receiver)) if P::can_receive() => {
                !self.is_client() && receiver.awaits_reoffer()
            }
            (Code::Don, State::Receiving(_)) if P::can_receive() => self.has_sha256(),
            // The index of an answer.
            (Code::Don, State::Sending(sender)) if P::can_send() && P::has_operations() => {
                sender.holds_metadata().is_none()
            }
            // The path of a refused offer is not sent again.
            (Code::Err, State::Sending(sender)) if P::can_send() => {
                sender.holds_metadata().is_none()
                    || (P::sends_messages() && id.is_some_and(|id| sender.is_offered(id)))
            }
            // The message of another `ERR` would cost the path that may have to go out again.
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

    /// Whether a transfer is the one that was completed last, and its result may have been lost.
    fn is_completed(&self, id: u16) -> bool {
        self.is_lossy() && self.outbox.is_last_completed(id)
    }

    /// Handles a signal, after its metadata if that is wanted.
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
        let (Some(id), Some(_)) = (id, &self.negotiated) else { return };
        let is_request = !self.is_client()
            && matches!(signal.code, Code::Sar | Code::Raf | Code::Rar | Code::Cls);
        match &self.state {
            State::Sending(_) if P::can_send() => self.on_receiver_signal(signal),
            State::Receiving(receiver)
                if P::can_receive() && is_request && receiver.awaits_reoffer() =>
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
                Ok(()) => self.open(number, signal.code == Code::Rar, signal.names_only()),
                Err(reason) => self.refuse_request(number, reason),
            },
            Code::Raf | Code::Rar => self.refuse_request(number, Reason::WriteOnly),
            Code::Cls if self.config.may_close => self.close(number),
            Code::Cls => self.refuse_request(number, Reason::NotAllowed),
            _ => {}
        }
    }

    fn on_sender_signal(&mut self, id: TransferId, signal: &Signal) {
        if P::has_sha256() && signal.code == Code::Don {
            let claimed = self.metadata().ok().and_then(|metadata| metadata.sha256).copied();
            if let Some(sha256) = &mut self.sha256 {
                sha256.claim(claimed);
            }
        }
        let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) else {
            return;
        };
        let outbox = &mut self.outbox;
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

    /// A chunk of the open file came: its place, if it is stored.
    pub(super) fn on_chunk(&mut self, ahead: u32, length: u16) -> Option<Placement> {
        self.frame_received();
        let (State::Receiving(receiver), Some(link)) = (&self.state, &self.negotiated) else {
            return None;
        };
        let placement = receiver.file()?.place(ahead, length, link)?;
        self.timer.progress();
        Some(placement)
    }

    /// `length` bytes of a chunk were stored at `position`; `digest` continues over them.
    pub(super) fn chunk_stored(
        &mut self,
        position: u64,
        length: u16,
        digest: impl FnOnce(u64, &mut Option<P::Sha256>) -> u64,
    ) {
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated)
            && let Some(file) = receiver.file_mut()
        {
            let sha256 = &mut self.sha256;
            file.stored::<P>(position, length, link, |crc64| digest(crc64, sha256));
        }
    }
}
