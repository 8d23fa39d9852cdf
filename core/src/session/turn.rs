//! Whose turn it is: from what has come in and what is left to do, to the next action.

use super::*;

/// How long a server that was asked to close repeats its answer on a lossy link, in ms.
const CLOSING: Millis = 3_000;
impl<P: Profile> Session<P> {
    /// Chooses the next action: what is left to do, then frames that are held, then what the half
    /// at work intends.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(action) = self.take_todo() {
                self.action = match action {
                    Action::Settle | Action::Offer(Ok(())) => self.unless_paused(action, None),
                    action => action,
                };
                return;
            }
            if matches!(self.phase, Phase::Rest(_) | Phase::Dead(_)) {
                self.action = Action::Over;
                return;
            }
            let is_chosen = match self.look() {
                Found::Nothing { wanted } => self.act(wanted),
                Found::Chunk { ahead, length } if P::RECEIVES => self.on_chunk(ahead, length),
                // They have no seed, and may stand in the content of a damaged frame.
                Found::Signal { clean: false }
                    if self.shared.signal.transfer == 0 && self.is_acquainted =>
                {
                    false
                }
                Found::Signal { .. } => {
                    self.shared.todo.pending =
                        self.shared.signal.description > 0 && self.wants_description();
                    self.overwritten |= self.shared.todo.pending;
                    self.take_signal();
                    P::REPORTS && self.report_prefix()
                }
                Found::Description { length } => {
                    self.description = u16::try_from(length).unwrap_or(0);
                    self.shared.todo.pending = false;
                    self.take_signal();
                    false
                }
                Found::Chunk { .. } | Found::Unwanted { .. } | Found::Damaged => {
                    let known = self.is_acquainted;
                    self.end(if known { Failure::Damaged } else { Failure::NotTinyferry });
                    false
                }
            };
            if is_chosen {
                return;
            }
        }
    }

    /// Whether the signal that came says that the receiver has a prefix of an entry: then the store
    /// learns of it next.
    fn report_prefix(&mut self) -> bool {
        let Signal { code, transfer, position, .. } = self.shared.signal;
        let entry = match &self.phase {
            Phase::Sending(sender) => sender.entry_of(transfer),
            _ => None,
        };
        let is_prefix = matches!(self.shared.signal.proof(), Proof::Prefix(_));
        match entry {
            Some(entry) if code == Code::Pon && is_prefix && position > 0 => {
                self.action = Action::Resumed { entry, position };
                true
            }
            _ => false,
        }
    }

    fn take_todo(&mut self) -> Option<Action> {
        if let Some((reason, all)) = self.shared.todo.abandon.take() {
            Some(Action::Abandon { reason, all })
        } else if let Some((entry, reason)) = self.shared.todo.refused.take() {
            Some(Action::Refused { entry, reason })
        } else if let Some((number, reason)) = self.shared.todo.take_refusal() {
            Some(self.transmit(Signal::refuse(number, 0, reason, 0)))
        } else if self.shared.todo.reply && self.may_be_late() {
            Some(Action::Settle)
        } else if core::mem::take(&mut self.shared.todo.reply) {
            Some(self.transmit(self.shared.signal))
        } else if P::RECEIVES && self.shared.todo.offer {
            Some(Action::Offer(self.path_of()))
        } else {
            self.shared.todo.open.take().map(|tree| Action::Open { tree })
        }
    }

    /// Whether an answer might speak for files that the store has not put in place.
    pub(super) fn may_be_late(&self) -> bool {
        matches!(&self.phase, Phase::Receiving(receiver)
            if Self::SETTLES && receiver.may_be_late(&self.shared.terms))
    }

    /// Looks for a frame in what is held. The description before it is done with by now.
    fn look(&mut self) -> Found {
        if self.description > 0 {
            self.reader.consume(HEADER_LEN.saturating_add(self.description.into()));
            self.description = 0;
        }
        let file = match &self.phase {
            Phase::Receiving(receiver) if P::RECEIVES => receiver.file(),
            _ => None,
        };
        let in_chunk = self.shared.todo.pending || matches!(self.phase, Phase::Receiving(_));
        if self.in_chunk && !in_chunk {
            self.reader.clear();
        }
        self.in_chunk = in_chunk;
        let belief = Belief {
            seed: self.seeds().receiving,
            lossy: self.is_lossy(),
            skips: self.is_acquainted && !self.is_lossy(),
            description: self
                .shared
                .todo
                .pending
                .then_some((self.shared.signal.transfer, self.shared.signal.description)),
            file: file.map(|(low, position)| (low, position, self.shared.terms.reach())),
            wanted: self.wanted(),
        };
        let buffer: &[u8] = if in_chunk { &*self.chunk } else { &self.signal };
        let found = self.reader.look::<P::Checksums>(buffer, &belief, &mut self.shared.signal);
        if P::STEPS && self.reader.take_dropped() {
            self.timer.dropped();
        }
        found
    }

    /// How many bytes come next at least, where none is lost: only of chunks it is not known. More
    /// are not asked for, so that no whole frame is held while a file is compared or put in place.
    fn wanted(&self) -> usize {
        let next = match &self.phase {
            _ if self.is_lossy() => 0,
            _ if self.shared.todo.pending => self.shared.signal.description.into(),
            Phase::Receiving(receiver) if receiver.expects_chunks() => 0,
            _ => SIGNAL_LEN - HEADER_LEN,
        };
        HEADER_LEN.saturating_add(next)
    }

    /// How many bytes are wanted in all where a chunk has begun to come in: until all of it is here
    /// nothing is decided, if none can be lost.
    pub(super) fn rest(&self) -> Option<usize> {
        if self.in_chunk && !self.is_lossy() { self.reader.rest(&*self.chunk) } else { None }
    }

    /// Of frames that speak of a transfer.
    pub(super) fn seeds(&self) -> Seeds {
        let session = self.shared.terms.session;
        if self.is_client() { Seeds::client(session) } else { Seeds::server(session) }
    }

    /// Whether the link may lose bytes: as agreed, or as this end knows by itself.
    pub(super) fn is_lossy(&self) -> bool {
        self.shared.terms.is_lossy::<P>() || (P::LOSSY && (self.config.lossy || !P::RELIABLE))
    }

    /// Nothing is held that could be handled: what the phase intends. Whether that is an action; if
    /// not, look again.
    fn act(&mut self, wanted: usize) -> bool {
        match &mut self.phase {
            Phase::ExpectGreeting => self.timer.await_anything(self.config.handshake),
            Phase::ExpectRequest => self.timer.await_anything(self.config.idle),
            Phase::Closing => self.timer.await_anything(CLOSING),
            // The chunk buffer is taken until the words of an ERR have come.
            Phase::Sending(_) if self.shared.todo.pending => self.await_answer(),
            Phase::Sending(sender) if P::SENDS => {
                let intent = sender.intent(&mut self.shared);
                return self.carry_out(intent, wanted);
            }
            Phase::Receiving(receiver) if P::RECEIVES => {
                if self.timer.life_sign_due()
                    && let Some(progress) = receiver.progress(&self.shared.terms)
                {
                    self.action = self.transmit(progress);
                    return true;
                }
                let is_empty = self.reader.is_empty() && !self.shared.todo.pending;
                let intent = receiver.intent(is_empty, &mut self.shared);
                return self.carry_out(intent, wanted);
            }
            _ => self.await_answer(),
        }
        self.action = Action::Listen { wanted };
        true
    }

    /// Waits for an answer. On a reliable link it cannot be lost: nothing is asked again there, and
    /// a transfer may take its time, since the transport tells if the peer is gone.
    fn await_answer(&mut self) {
        if self.is_lossy() {
            let is_busy = matches!(&self.phase, Phase::Sending(sender) if sender.has_no_credit());
            self.timer.await_answer(is_busy);
        } else {
            self.timer.await_anything(self.patience());
        }
    }

    fn carry_out(&mut self, intent: Intent, wanted: usize) -> bool {
        let is_sending = matches!(self.phase, Phase::Sending(_));
        self.action = match intent {
            Intent::Nothing => return false,
            Intent::Describe if P::SENDS => {
                self.describe();
                return false;
            }
            Intent::Done if P::SENDS => {
                if let Some(sha256) = self.running_sha256().map(Sha256::finish) {
                    let payload = self.chunk.get_mut(HEADER_LEN..).unwrap_or_default();
                    let extras = append_extras(payload, 0, None, None, Some(&sha256));
                    self.described = extras.unwrap_or(0);
                    self.describe();
                }
                return false;
            }
            Intent::Chunk { position, length } if P::SENDS => {
                Action::Load { position, length, done: 0, sends: true }
            }
            Intent::Digest { position, length } => {
                let load = Action::Load { position, length, done: 0, sends: false };
                self.unless_paused(load, Some(wanted))
            }
            Intent::Next if P::SENDS => Action::Next,
            Intent::Check if P::SENDS => Action::Check,
            Intent::Commit if P::RECEIVES => {
                let differs = self.running_sha256().is_some_and(|digest| !digest.is_as_claimed());
                if let Phase::Receiving(receiver) = &mut self.phase
                    && receiver.digest().is_some()
                    && differs
                {
                    receiver.drop_file(Reason::DigestDiffers, &mut self.shared);
                    return false;
                }
                // Nothing more goes into a tree now.
                let is_file = matches!(&self.phase, Phase::Receiving(receiver)
                    if receiver.digest().is_some());
                let action = match self.busy.filter(|_| P::PENDS) {
                    Some(Busy::Commit) => Action::CommitAgain,
                    _ if !is_file && self.may_be_late() => Action::Settle,
                    _ => Action::Commit,
                };
                self.unless_paused(action, Some(wanted))
            }
            Intent::AwaitAnything => {
                self.timer.await_anything(self.patience());
                Action::Listen { wanted }
            }
            Intent::Over(result) => {
                self.finish(result);
                if !(P::REPORTS && is_sending && result.is_ok()) {
                    return false;
                }
                Action::Completed
            }
            // `AwaitAnswer`, and what a role would want that is not built in.
            _ => {
                self.await_answer();
                Action::Listen { wanted }
            }
        };
        true
    }

    pub(super) fn transmit(&mut self, signal: Signal) -> Action {
        if P::SENDS
            && let Phase::Sending(sender) = &mut self.phase
            && sender.measures(signal.code)
        {
            self.timer.question_asked();
        }
        self.timer.frame_went();
        let seed = self.seeds().sending;
        if let Some(outgoing) = self.outgoing().first_chunk_mut() {
            signal.emit::<P::Checksums>(seed, outgoing);
        }
        Action::Transmit { done: 0, description: signal.description }
    }

    /// Makes a description of the payload that stands in the chunk buffer: it follows the signal
    /// that is to be sent.
    pub(super) fn describe(&mut self) {
        let seed = self.seeds().sending;
        let signal = &mut self.shared.signal;
        let length = self.described;
        if length > 0 {
            let [transfer, _] = signal.transfer.to_le_bytes();
            let header = Header { transfer, description: true, length, position: 0 };
            header.emit::<P::Checksums>(seed_for(signal.transfer, seed), &mut self.chunk);
        }
        signal.description = length;
    }
}
