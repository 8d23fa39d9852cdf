//! Replies of the store.

use super::*;

impl<P: Profile> Sender<P> {
    /// The store has no further entry, and could not give `omitted` entries of the tree.
    pub(crate) fn no_entry(&mut self, omitted: u32, outbox: &mut Outbox) {
        if self.tree().is_some() {
            if P::has_operations() && self.scope == Scope::Unsettled {
                self.enter(Event::NoEntry, Stage::Settle);
                return;
            }
            self.omitted = omitted;
            self.enter(Event::NoEntry, Stage::Ask(TreeDone));
            return;
        }
        match self.file.error.filter(|reason| reason.wants_reoffer()) {
            // The receiver waits for a second offer, which does not come.
            Some(reason) => self.fail(reason, outbox),
            None => self.enter(Event::NoEntry, Stage::Finished),
        }
    }

    /// The store gives an entry, whose metadata has `metadata` bytes.
    pub(crate) fn entry(&mut self, entry: &Entry, metadata: u16) {
        self.metadata = metadata;
        let id = next_id(self.last, self.tree());
        self.last = id.get();
        if entry.kind == Kind::Tree {
            self.tree = Some(id);
            self.file.size = entry.size.unwrap_or(UNKNOWN);
            self.enter(Event::Tree, Stage::Ask(OfferTree));
            return;
        }
        self.entries = self.entries.saturating_add(1);
        self.flow.repeats = false;
        let error = entry.broken.filter(|_| self.scope != Scope::Names);
        if let Some(reason) = error {
            self.count_refused(reason);
        }
        self.file = SendFile::new::<P>(entry, error);
        let is_operation = P::has_operations() && entry.operation.is_some();
        let question = if is_operation { Operate } else { OfferFile };
        self.enter(Event::Entry, Stage::Ask(question));
    }

    /// `length` bytes were read at `position`; the digest continues over those that are new.
    pub(crate) fn loaded(&mut self, position: u64, length: u32, digest: impl FnOnce(u64) -> u64) {
        let file = &mut self.file;
        if position == file.sent {
            file.digest = digest(file.digest);
            let before = low_half(file.sent);
            file.sent = file.sent.saturating_add(length.into());
            // Reading a prefix takes long: a query is a keepalive.
            if P::resumes()
                && file.checks_prefix()
                && (before ^ low_half(file.sent)) >> PREFIX_INTERVAL_BITS != 0
            {
                self.flow.queried_at = None;
            }
        }
    }

    /// The length of the frame's hole, if the store has one of `hole` bytes at `position`, where `length` bytes
    /// were to be sent; `None` if these zeros are to be sent as content.
    pub(crate) fn hole(
        &self,
        position: u64,
        hole: u64,
        length: u16,
        link: &Negotiated,
    ) -> Option<u32> {
        self.file.hole::<P>(position, hole, length, link)
    }

    /// The number of bytes of the receiver's prefix that are to be read yet.
    pub(crate) fn unread_prefix(&self) -> u64 {
        self.file.acked.saturating_sub(self.file.sent)
    }

    /// The source ends here; the reason where that is no good end.
    pub(crate) fn ended(&mut self, at: u64) -> Result<(), Reason> {
        if P::has_pipes() && P::resumes() && self.file.size == UNKNOWN && self.file.checks_prefix()
        {
            // The receiver has more of it.
            return Err(Reason::PrefixDiffers);
        }
        if self.file.size == UNKNOWN && at >= self.file.sent {
            self.file.size = at;
        }
        if self.file.size == at { Ok(()) } else { Err(Reason::SourceChanged) }
    }

    /// The store has checked the source, or has failed to read it.
    pub(crate) fn checked(&mut self, result: Result<(), Reason>, outbox: &mut Outbox) {
        match result {
            Ok(()) => self.enter(Event::Checked, Stage::Ask(FileDone)),
            Err(reason) => self.give_up(reason, outbox),
        }
    }

    /// This end cannot go on with the entry.
    pub(super) fn give_up(&mut self, reason: Reason, outbox: &mut Outbox) {
        debug_assert!(self.entries > 0, "no entry was offered");
        self.file.error = Some(reason);
        outbox.refuse(self.last, reason);
        self.enter(Event::GivenUp, Stage::Ask(FileError));
    }

    /// This end ends the request.
    pub(crate) fn cancel(&mut self, reason: Reason, outbox: &mut Outbox) -> Cancelled {
        match self.stage {
            Stage::Finished | Stage::Ask(TreeDone | TreeError) => return Cancelled::Nothing,
            Stage::Await(TreeDone | TreeError) => return Cancelled::Nothing,
            // The receiver may not know the transfer yet.
            Stage::Ask(OfferTree | Operate) | Stage::Await(OfferTree | Operate) | Stage::Settle => {
                return Cancelled::Later;
            }
            _ if self.tree().is_some() => {
                outbox.abandon(reason, true);
                self.fail(reason, outbox);
            }
            Stage::NextEntry if self.entries == 0 => {
                outbox.abandon(reason, true);
                self.fail(reason, outbox);
            }
            Stage::Ask(OfferFile) | Stage::Await(OfferFile) => return Cancelled::Later,
            Stage::Data | Stage::Check | Stage::Ask(FileDone) => self.give_up(reason, outbox),
            // The receiver may have the file in place.
            _ => return Cancelled::Nothing,
        }
        Cancelled::Done
    }

    /// An entry was refused for good.
    pub(crate) fn count_refused(&mut self, reason: Reason) {
        self.refused = self.refused.saturating_add(reason.counts_as_refused().into());
    }
}
