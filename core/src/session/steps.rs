//! What a driver is asked for, step by step, and what it answers.

use super::*;

impl<P: Profile> Session<P> {
    /// Whether there can be files that a store puts in place later than it commits them.
    pub(super) const SETTLES: bool = P::RECEIVES && P::TREES && P::RELIABLE;

    /// What is to be done next.
    pub fn poll(&mut self) -> Step<'_> {
        match self.action {
            Action::Listen { wanted } => Step::Receive(self.space(wanted)),
            Action::Pause { wanted: Some(wanted) } => {
                Step::Exchange { out: &[], into: self.space(wanted) }
            }
            Action::Pause { wanted: None } => Step::Pause,
            Action::Transmit { done, .. } => {
                Step::Transmit(self.outgoing().get_mut(done..).unwrap_or_default())
            }
            Action::TransmitChunk { done, length } => {
                let out = self.chunk.get(done..length).unwrap_or_default();
                let listens = matches!(self.phase, Phase::Sending(_)) && !self.shared.todo.pending;
                // A whole signal that waits to be read is read when this chunk is out.
                let into = self.reader.space(&mut self.signal, SIGNAL_LEN);
                if listens && !into.is_empty() {
                    Step::Exchange { out, into }
                } else {
                    Step::Transmit(out)
                }
            }
            Action::Load { position, length, done, .. } => {
                let from = HEADER_LEN.saturating_add(done.into());
                let to = HEADER_LEN.saturating_add(length.into());
                let into = self.chunk.get_mut(from..to).unwrap_or_default();
                let position = position.saturating_add(done.into());
                Step::Storage(Request::Load { position, into })
            }
            Action::Store { position, skip, length, done } if P::RECEIVES => {
                let payload = self.reader.payload(&*self.chunk, length.into());
                let bytes = payload.get(usize::from(skip.saturating_add(done))..);
                let position = position.saturating_add(done.into());
                Step::Storage(Request::Store { position, bytes: bytes.unwrap_or_default() })
            }
            Action::Offer(Ok(())) if P::RECEIVES => Step::Storage(Request::Offer(self.offer())),
            Action::Offer(Err(reason)) if P::RECEIVES => {
                Step::Storage(Request::Rejected { path: self.raw_text(), reason })
            }
            Action::Open { tree } if P::SENDS => {
                let names_only = matches!(self.phase, Phase::Opening { names_only: true, .. });
                Step::Storage(Request::Open { path: self.text(), tree, names_only })
            }
            Action::Next if P::SENDS => {
                let path = self.chunk.get_mut(HEADER_LEN..).unwrap_or_default();
                Step::Storage(Request::Next { path: path.get_mut(..PATH_MAX).unwrap_or_default() })
            }
            Action::Check if P::SENDS => Step::Storage(Request::Check(self.digests())),
            Action::Commit if P::RECEIVES => Step::Storage(Request::Commit(self.digests())),
            Action::CommitAgain if P::RECEIVES => Step::Storage(Request::CommitAgain),
            Action::Settle if Self::SETTLES => Step::Storage(Request::Settle),
            Action::Abandon { reason, all } => Step::Storage(Request::Abandon { reason, all }),
            Action::Refused { entry, reason } if P::SENDS => {
                Step::Storage(Request::Refused { entry, reason, words: self.text() })
            }
            Action::Resumed { entry, position } if P::SENDS && P::REPORTS => {
                Step::Storage(Request::Resumed { entry, position })
            }
            Action::Completed if P::SENDS && P::REPORTS => Step::Storage(Request::Completed),
            _ => Step::Over(self.result()),
        }
    }

    /// What the time is, before anything else has happened: a wait that begins now begins now. A
    /// driver with a clock says so first, each time that it takes a session up.
    pub fn begin_at(&mut self, now: Option<Millis>) {
        self.timer.tick(now);
        self.timer.restart();
        if matches!(self.action, Action::Listen { .. }) {
            self.settle();
        }
    }

    /// So many bytes were read for [`Step::Receive`] or [`Step::Exchange`]; 0: the stream ended.
    pub fn received(&mut self, count: usize, now: Option<Millis>) {
        self.timer.tick(now);
        let wanted = match self.action {
            Action::Listen { wanted } => wanted,
            Action::Pause { wanted: Some(wanted) } => wanted,
            Action::TransmitChunk { .. } => SIGNAL_LEN,
            _ => return self.fail(Failure::Driver),
        };
        let lent = self.space(wanted).len();
        match count.min(lent) {
            0 => self.end_of_stream(),
            count => {
                self.timer.bytes_came(P::STEPS && self.reader.is_inside());
                self.reader.filled(count);
                if matches!(self.action, Action::TransmitChunk { .. }) {
                    return;
                }
                match self.rest() {
                    Some(wanted) => {
                        self.timer.await_anything(self.patience());
                        self.action = Action::Listen { wanted };
                    }
                    None => self.settle(),
                }
                // Bytes may come for ever, faster than they are read, and be no answer.
                if matches!(self.action, Action::Listen { .. }) && self.timer.is_due() {
                    self.out_of_time();
                }
            }
        }
    }

    /// The stream failed: nothing comes or goes any more. What is open in the store is then to be
    /// closed, and the session is over.
    pub fn cut(&mut self) {
        self.fail(Failure::Vanished);
    }

    /// So many bytes were written for [`Step::Transmit`] or [`Step::Exchange`].
    pub fn transmitted(&mut self, count: usize, now: Option<Millis>) {
        match self.action {
            Action::Pause { .. } => self.timer.worked(now),
            _ => self.timer.tick(now),
        }
        match &mut self.action {
            Action::Pause { .. } => self.settle(),
            Action::Transmit { done, description } => {
                *done = done.saturating_add(count).min(SIGNAL_LEN);
                if *done == SIGNAL_LEN {
                    match usize::from(*description) {
                        0 => self.settle(),
                        length => {
                            let length = HEADER_LEN.saturating_add(length);
                            self.action = Action::TransmitChunk { done: 0, length };
                        }
                    }
                }
            }
            Action::TransmitChunk { done, length } => {
                *done = done.saturating_add(count).min(*length);
                if *done == *length {
                    self.settle();
                }
            }
            _ => self.fail(Failure::Driver),
        }
    }

    /// The store has answered a [`Step::Storage`].
    pub fn answered(&mut self, reply: Reply, now: Option<Millis>) {
        self.timer.worked(now);
        self.has_looked = false;
        let was_busy = P::RECEIVES && P::PENDS && self.busy.take().is_some();
        if was_busy {
            self.timer.cancel();
        } else if P::PENDS && reply == Reply::Pending {
            self.timer.work_begins();
        }
        if P::RECEIVES && P::PENDS && reply == Reply::Pending {
            // It is this end that the other one waits for.
            self.timer.progress();
        }
        let refusal = match reply {
            Reply::Refused(reason) => Err(reason),
            _ => Ok(()),
        };
        match (self.action, reply) {
            (Action::Load { position, length, done, sends }, Reply::Moved(count)) => {
                self.loaded(position, length, done, sends, count);
            }
            (
                Action::Load { .. } | Action::Commit | Action::CommitAgain,
                Reply::Refused(reason),
            ) => self.failed(reason),
            (
                Action::Offer(Ok(())) | Action::Commit | Action::CommitAgain | Action::Settle,
                Reply::Pending,
            ) if P::RECEIVES && P::PENDS => self.pending(),
            (Action::Store { position, skip, length, done }, Reply::Moved(count))
                if P::RECEIVES =>
            {
                self.stored(position, skip, length, done, count);
            }
            (Action::Store { length, .. }, Reply::Refused(reason)) if P::RECEIVES => {
                self.reader.consume(HEADER_LEN.saturating_add(length.into()));
                self.failed(reason);
            }
            (Action::Offer(Ok(())), Reply::Accepted(accepted)) if P::RECEIVES => {
                self.offered(Ok(accepted));
            }
            (Action::Offer(Ok(())), Reply::Refused(reason))
            | (Action::Offer(Err(reason)), Reply::Done)
                if P::RECEIVES =>
            {
                self.offered(Err(reason));
            }
            (Action::Commit | Action::CommitAgain, Reply::Done) if P::RECEIVES => self.committed(),
            (Action::Settle, Reply::Done) if Self::SETTLES => self.settled(),
            (Action::Settle, Reply::Late(late)) if Self::SETTLES => self.late(late),
            (Action::Open { .. }, Reply::Done | Reply::Refused(_)) if P::SENDS => {
                self.opened(refusal);
            }
            (Action::Next, Reply::Entry(entry)) if P::SENDS => self.next_entry(&entry),
            (Action::Next, Reply::End { omitted }) if P::SENDS => self.no_more(omitted),
            (Action::Next, Reply::Refused(reason)) if P::SENDS => self.no_entry(reason),
            (Action::Check, Reply::Done | Reply::Refused(_)) if P::SENDS => self.checked(refusal),
            (Action::Refused { .. }, Reply::Done) if P::SENDS => self.refusal_counted(),
            (Action::Abandon { .. }, Reply::Done) | (Action::Refused { .. }, Reply::Again) => {
                self.settle();
            }
            (Action::Resumed { .. } | Action::Completed, Reply::Done) if P::SENDS && P::REPORTS => {
                self.settle();
            }
            _ => self.fail(Failure::Driver),
        }
    }

    fn digests(&self) -> Digests {
        let crc64 = match &self.phase {
            Phase::Sending(sender) => Some(sender.digest()),
            Phase::Receiving(receiver) => receiver.digest(),
            _ => None,
        };
        let sha256 = self.running_sha256().filter(|_| crc64.is_some()).map(Sha256::finish);
        Digests { crc64: crc64.unwrap_or(0), sha256 }
    }

    pub(super) fn running_sha256(&self) -> Option<&P::Sha256> {
        if <P::Sha256 as Sha256>::SUPPORTED { self.sha256.as_ref() } else { None }
    }

    fn result(&self) -> Result<Outcome, Failure> {
        match self.phase {
            Phase::Rest(result) => result,
            Phase::Dead(failure) => Err(failure),
            _ => Err(Failure::Driver),
        }
    }

    /// Where the signal on its way out stands.
    pub(super) fn outgoing(&mut self) -> &mut [u8] {
        if self.in_chunk {
            &mut self.signal
        } else {
            self.chunk.get_mut(FRAME_MAX - SIGNAL_LEN..).unwrap_or_default()
        }
    }

    fn space(&mut self, wanted: usize) -> &mut [u8] {
        if self.in_chunk {
            self.reader.space(&mut *self.chunk, wanted)
        } else {
            self.reader.space(&mut self.signal, wanted)
        }
    }

    /// The description that came in last.
    pub(super) fn description(&self) -> Result<Description<'_>, Malformed> {
        Description::parse(self.reader.payload(&*self.chunk, self.description.into()))
    }

    /// The text of the description that came in last.
    pub(super) fn text(&self) -> &str {
        self.description().map_or("", |found| found.text)
    }

    /// The same as it came, whatever bytes it is.
    fn raw_text(&self) -> &[u8] {
        let bytes = self.reader.payload(&*self.chunk, self.description.into());
        bytes.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    fn offer(&self) -> Offer<'_> {
        let signal = &self.shared.signal;
        let found = self.description().ok();
        let text = found.map_or("", |found| found.text);
        let names_only = matches!(&self.phase, Phase::Receiving(receiver) if receiver.names_only());
        let (path, kind, size, modified) = match text.strip_suffix('/') {
            _ if P::TREES && signal.code == Code::Sar => {
                (text, Kind::Tree, signal.bytes(), found.and_then(|found| found.modified))
            }
            Some(path) => (path, Kind::Directory, signal.size(), Some(signal.modified())),
            None => (text, Kind::File, signal.size(), Some(signal.modified())),
        };
        Offer {
            path,
            kind,
            size: Some(size).filter(|size| *size != UNKNOWN),
            modified: modified.filter(|modified| *modified != UNKNOWN_TIME),
            mode: found.and_then(|found| found.mode),
            resume: signal.position,
            names_only,
            later: self.may_be_late().then_some(signal.transfer),
        }
    }
}
