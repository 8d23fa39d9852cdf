//! Signals of the sender: offers, queries, `DON`, and `ERR`.

use super::*;

impl<P: Profile> Receiver<P> {
    /// Whether an offer on this transfer is a new one, and is accepted now.
    pub(crate) fn accepts_offer(&self, id: TransferId) -> bool {
        let is_new = self.last.is_none_or(|last| is_after(id, last)) && self.tree() != Some(id);
        is_new
            && match self.stage {
                Stage::AwaitOffer | Stage::CommitTree => true,
                // A lone file is completed before anything else is offered.
                Stage::File(_) => self.is_in_tree(),
                Stage::DrainRejectedTree(_) | Stage::Finished(_) => false,
            }
    }

    /// `SAF` or `SAR`; if it is new, its metadata is in the buffer.
    pub(crate) fn on_offer(
        &mut self,
        id: TransferId,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        if self.accepts_offer(id) {
            self.drop_file(Reason::Incomplete, outbox);
            outbox.slot = Slot::Offer(*signal);
        } else if outbox.is_last_completed(id.get()) {
            self.repeat_completed(id, link, outbox);
        } else if self.last == Some(id) || self.tree() == Some(id) {
            // The answer was lost.
            self.answer(id, true, link, outbox);
        }
    }

    /// `PIN`: the sender queries the position.
    pub(crate) fn on_query(
        &mut self,
        id: TransferId,
        count: u16,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        self.acked_count = count;
        let is_answered = match self.stage {
            _ if self.rejected_tree().is_some() => true,
            _ if self.is_in_tree() && !link.is_lossy::<P>() => true,
            _ => self.file_of(id).is_some() || self.tree() == Some(id),
        };
        if is_answered {
            self.answer(id, false, link, outbox);
        } else {
            self.repeat_completed(id, link, outbox);
        }
    }

    /// `DON`: everything was sent, of a file or of the tree.
    pub(crate) fn on_done(
        &mut self,
        id: TransferId,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        self.acked_count = signal.count();
        if let Some(refusal) = self.rejected_tree() {
            return self.drain(id, refusal, outbox);
        }
        if let Some(file) = self.file_mut().filter(|file| file.id == id) {
            match file.on_done::<P>(signal.position, signal.digest(), link) {
                DoneCheck::Complete => {}
                DoneCheck::WrongSize => self.drop_file(Reason::Incomplete, outbox),
                DoneCheck::Missing => self.answer(id, false, link, outbox),
            }
        } else if self.tree() == Some(id) {
            self.on_tree_done(id, signal, link, outbox);
        } else {
            self.repeat_completed(id, link, outbox);
        }
    }

    fn on_tree_done(
        &mut self,
        id: TransferId,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        self.drop_file(Reason::Incomplete, outbox);
        let Some(tree) = &mut self.tree else { return };
        let count = self.acked_count;
        if signal.position != u64::from(self.entries) {
            outbox.abandon(Reason::Incomplete, true);
            self.refuse(id, Reason::Incomplete, false, outbox);
        } else if self.reoffers_pending > 0 && tree.early_done.is_none_or(|early| early == count) {
            tree.early_done = Some(count);
            self.answer(id, false, link, outbox);
        } else {
            // Files that were not offered again will not come.
            self.refused = self.refused.saturating_add(self.reoffers_pending.into());
            self.reoffers_pending = 0;
            self.omitted = u32::try_from(signal.digest()).unwrap_or(u32::MAX);
            self.enter(Event::TreeSent, Stage::CommitTree);
            if self.names_only() {
                self.committed(link, outbox);
            }
        }
    }

    /// `ERR`: the sender gives up a file, the tree, or the offer that would come again.
    pub(crate) fn on_error(
        &mut self,
        id: TransferId,
        reason: Reason,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        let is_lossy = link.is_lossy::<P>();
        if let Some(refusal) = self.rejected_tree() {
            self.drain(id, refusal, outbox);
        } else if self.tree() == Some(id) {
            self.complete(Completed::refused(id, reason), outbox);
            outbox.abandon(reason, true);
            if is_lossy {
                outbox.repeat_completed(self.acked_count);
            }
        } else if self.file_of(id).is_some() {
            self.drop_file(reason, outbox);
            if !is_lossy {
                // The sender knows, and waits for no answer.
                outbox.drop_refusals();
            }
        } else if self.awaits_reoffer() && self.last.is_some_and(|last| is_after(id, last)) {
            // The file is not offered again.
            self.refused = self.refused.saturating_add(1);
            self.complete(Completed::refused(id, reason), outbox);
        } else {
            self.repeat_completed(id, link, outbox);
        }
    }

    /// Why the tree was refused whose entries are dropped. On a lossy link there are none.
    fn rejected_tree(&self) -> Option<Reason> {
        match self.stage {
            Stage::DrainRejectedTree(refusal) if P::RELIABLE => Some(refusal),
            _ => None,
        }
    }

    /// `DON` or `ERR` after the tree was refused: the request ends with that of the tree.
    fn drain(&mut self, id: TransferId, refusal: Reason, outbox: &Outbox) {
        if outbox.is_last_completed(id.get()) {
            self.enter(Event::Drained, Stage::Finished(Err(refusal)));
        }
    }

    /// The sender asks about a transfer that is not open. On a lossy link the result of the last one
    /// may have been lost.
    fn repeat_completed(&self, id: TransferId, link: &Negotiated, outbox: &mut Outbox) {
        if link.is_lossy::<P>() && outbox.is_last_completed(id.get()) {
            outbox.repeat_completed(self.acked_count);
        }
    }
}
