//! Signals of the receiver: positions, `DON`, and `ERR`.

use super::*;

impl<P: Profile> Sender<P> {
    /// `PON`, `DON` or `ERR`. Whether it answers the query that measures the round trip.
    pub(crate) fn on_signal(
        &mut self,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) -> bool {
        let id = signal.transfer;
        match signal.code {
            Code::Pon if self.entry_of(id).is_some() => {
                if self.flow.ack(signal.count()) {
                    self.flow.credit = signal.credit();
                }
                self.on_ack(id, signal, link);
            }
            Code::Don => {
                self.flow.ack(signal.count());
                if P::has_operations() {
                    self.on_answer(id, signal, outbox);
                }
                self.on_done(id);
            }
            Code::Err => {
                self.on_error(id, signal.reason(), link, outbox);
                return false;
            }
            // The client repeats its request: the answer to it was lost.
            Code::Pin | Code::Raf | Code::Rar if link.is_lossy::<P>() => {
                self.repeat_question();
                return false;
            }
            _ => return false,
        }
        P::probes() && self.flow.take_probe(signal.count())
    }

    fn on_ack(&mut self, id: u16, signal: &Signal, link: &Negotiated) {
        let all_acked = signal.count() == self.flow.frames_sent;
        if signal.credit() == 0 {
            // The receiver is busy.
            return;
        }
        if id == self.tree_id() {
            match self.stage {
                Stage::Await(OfferTree) => self.enter(Event::Accepted, Stage::NextEntry),
                // The receiver waits for a file that is to be offered again.
                Stage::Await(TreeDone) if all_acked => {
                    self.enter(Event::Reoffers, Stage::NextEntry);
                }
                _ => {}
            }
            return;
        }
        if id != self.last {
            return;
        }
        match self.stage {
            Stage::Await(OfferFile) => self.enter(Event::Accepted, self.after_offer()),
            Stage::Data | Stage::Check | Stage::Ask(FileDone) => {}
            Stage::Await(FileDone) if link.is_lossy::<P>() => {}
            _ => return,
        }
        if P::resumes() && !link.is_lossy::<P>() && self.file.is_offered() {
            self.flow.begins_anew = matches!(signal.ack_info(), AckInfo::Sack(_));
            self.file.phase = Phase::Chunks;
        }
        self.file.on_ack::<P>(&signal.as_ack(), all_acked, link);
        if self.stage == Stage::Await(FileDone) && !self.file.lost.is_empty() {
            self.enter(Event::Lost, Stage::Data);
        }
    }

    /// `DON` that answers an operation: the store is told.
    fn on_answer(&mut self, id: u16, signal: &Signal, outbox: &mut Outbox) {
        let is_awaited = self.stage == Stage::Await(Operate) && id == self.last;
        let is_answer = is_awaited || (self.scope == Scope::Unsettled && id != self.tree_id());
        if is_answer && self.entry_of(id).is_some() {
            outbox.slot = Slot::Answer(*signal);
        }
    }

    fn on_done(&mut self, id: u16) {
        match self.stage {
            Stage::Await(TreeDone) if id == self.tree_id() => {
                self.enter(Event::TreeInPlace, Stage::Finished);
            }
            Stage::Await(FileDone | OfferFile | Operate) if id == self.last => {
                self.file.error = None;
                self.enter(Event::InPlace, Stage::NextEntry);
                self.flow.query_if_busy();
            }
            _ => {}
        }
    }

    fn on_error(&mut self, id: u16, reason: Reason, link: &Negotiated, outbox: &mut Outbox) {
        let is_lossy = link.is_lossy::<P>();
        if id == self.tree_id() {
            self.on_tree_error(reason, is_lossy, outbox);
            return;
        }
        // On a lossy link an earlier result may only be repeated.
        if self.entry_of(id).is_none() || (is_lossy && id != self.last) {
            return;
        }
        if id == self.last {
            match self.stage {
                // It confirms the `ERR` of this end.
                Stage::Await(FileError) => {
                    self.enter(Event::Refused, Stage::NextEntry);
                    return;
                }
                Stage::Ask(FileError | TreeError) | Stage::Await(TreeError) | Stage::Finished => {
                    return;
                }
                // The entry was answered before, and this can only be a repeated answer.
                Stage::Ask(TreeDone) | Stage::Await(TreeDone) if is_lossy => return,
                Stage::Ask(TreeDone) | Stage::Await(TreeDone) => {}
                _ => self.enter(Event::Refused, Stage::NextEntry),
            }
            self.flow.query_if_busy();
            self.file.error = Some(reason);
        }
        outbox.refuse(id, reason);
    }

    /// `ERR` for the tree.
    fn on_tree_error(&mut self, reason: Reason, is_lossy: bool, outbox: &mut Outbox) {
        if self.stage == Stage::Finished {
            return;
        }
        // Where entries are in flight, the `ERR` of this end tells that the last one was sent.
        let is_last =
            matches!(self.stage, Stage::Await(TreeDone | TreeError) | Stage::Ask(TreeError));
        if self.failure.is_none() && self.stage != Stage::Await(TreeError) {
            outbox.abandon(reason, true);
            if P::reports() {
                outbox.refuse(self.tree_id(), reason);
            }
        }
        self.failure = Some(reason);
        let is_finished = is_lossy || is_last;
        let stage = if is_finished { Stage::Finished } else { Stage::Ask(TreeError) };
        self.enter(Event::TreeRefused, stage);
    }

    /// The last entry with this number, counted from 0, if the request has used it; of the tree, the
    /// first one.
    pub(crate) fn entry_of(&self, id: u16) -> Option<u32> {
        let back = self.last.wrapping_sub(id);
        if id == 0 {
            return None;
        }
        let is_between = |skipped: u16| self.last.wrapping_sub(skipped) < back;
        let skipped = u32::from(is_between(0))
            .saturating_add(u32::from(self.tree().is_some_and(|tree| is_between(tree.get()))));
        let back = u32::from(back).saturating_sub(skipped);
        if id == self.tree_id() {
            return Some(0);
        }
        self.entries.checked_sub(back.saturating_add(1))
    }
}
