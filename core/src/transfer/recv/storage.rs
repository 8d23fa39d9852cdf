//! Replies of the store.

use super::*;

impl<P: Profile> Receiver<P> {
    /// The store has accepted or refused an offer.
    pub(crate) fn offered(
        &mut self,
        answer: Result<Accepted, Reason>,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        let Some(id) = TransferId::new(signal.transfer) else { return };
        self.last = Some(id);
        if signal.code == Code::Sar {
            self.tree_offered(id, answer.map(|_| ()), link, outbox);
        } else {
            self.file_offered(id, answer, signal, link, outbox);
        }
    }

    fn tree_offered(
        &mut self,
        id: TransferId,
        answer: Result<(), Reason>,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        let is_lossy = link.is_lossy::<P>();
        match answer {
            Ok(()) => {
                self.tree = Some(Tree { id, early_done: None });
                self.enter(Event::TreeAccepted, Stage::AwaitOffer);
                if is_lossy {
                    self.answer(id, true, link, outbox);
                }
            }
            Err(reason) => {
                self.refuse(id, reason, false, outbox);
                if !is_lossy {
                    self.enter(Event::TreeRefused, Stage::DrainRejectedTree(reason));
                }
            }
        }
    }

    fn file_offered(
        &mut self,
        id: TransferId,
        answer: Result<Accepted, Reason>,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        let (resume, size) = (signal.position, signal.size());
        self.entries = self.entries.saturating_add(1);
        if P::has_trees() && resume == 0 && size > 0 {
            // A file that is offered again restarts at 0.
            self.reoffers_pending = self.reoffers_pending.saturating_sub(1);
        }
        match answer {
            Err(reason) => self.refuse(id, reason, false, outbox),
            Ok(_) if self.names_only() => {
                let size = if size == UNKNOWN { 0 } else { size };
                self.complete(Completed::done(id, size, 0), outbox);
                if link.is_lossy::<P>() {
                    outbox.repeat_completed(self.acked_count);
                }
            }
            Ok(Accepted { prefix, in_order }) => {
                let prefix = if P::resumes() && prefix <= resume { prefix } else { 0 };
                let accepted = Accepted { prefix, in_order };
                let file = RecvFile::new(id, size, resume > 0, accepted);
                self.enter(Event::FileAccepted, Stage::File(file));
                if prefix == 0 && link.answers_offer::<P>(size, resume) {
                    self.answer(id, true, link, outbox);
                }
            }
        }
    }

    /// The store has performed an operation, or refused it. Each is answered; none is counted as refused.
    pub(crate) fn operated(
        &mut self,
        answer: Result<Stat, Reason>,
        signal: &Signal,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) {
        let Some(id) = TransferId::new(signal.transfer) else { return };
        self.last = Some(id);
        self.entries = self.entries.saturating_add(1);
        match answer {
            Ok(stat) => {
                self.complete(Completed::operated(id, &stat), outbox);
                outbox.repeat_completed(self.acked_count);
                if self.is_in_tree() && !link.is_lossy::<P>() {
                    outbox.expect_index();
                }
            }
            Err(reason) => {
                outbox.refuse(id.get(), reason);
                self.complete(Completed::refused(id, reason), outbox);
            }
        }
    }

    /// `length` bytes of the open file were loaded back; `digest` continues over them.
    pub(crate) fn digested(
        &mut self,
        length: u32,
        link: &Negotiated,
        outbox: &mut Outbox,
        digest: impl FnOnce(u64) -> u64,
    ) {
        let Some(file) = self.file_mut() else { return };
        let id = file.id;
        if file.digested::<P>(length, digest) {
            self.answer(id, true, link, outbox);
        }
    }

    /// The store has returned the digest of the open file's prefix.
    pub(crate) fn prefix_proven(&mut self, digest: u64, link: &Negotiated, outbox: &mut Outbox) {
        let Some(file) = self.file_mut() else { return };
        let id = file.id;
        if file.prefix_proven::<P>(digest) {
            self.answer(id, true, link, outbox);
        }
    }

    /// The store has failed, and has closed the open file, or else the tree.
    pub(crate) fn failed(&mut self, reason: Reason, outbox: &mut Outbox) {
        let open = self.file().map(|file| file.id).or(self.tree());
        debug_assert!(open.is_some(), "nothing is open");
        if let Some(id) = open {
            self.refuse(id, reason, false, outbox);
        }
    }

    /// The store has committed the open file, or else the tree.
    pub(crate) fn committed(&mut self, link: &Negotiated, outbox: &mut Outbox) {
        let is_answered = link.is_lossy::<P>() || !self.is_in_tree();
        let completed = match (self.file(), self.tree()) {
            (Some(file), _) => Completed::done(file.id, file.position, file.digest),
            (None, Some(tree)) => Completed::done(tree, self.entries.into(), 0),
            (None, None) => return,
        };
        if P::defers_commits() && !is_answered {
            self.deferred = self.deferred.saturating_add(1);
        }
        self.complete(completed, outbox);
        if is_answered || matches!(self.stage, Stage::Finished(_)) {
            outbox.repeat_completed(self.acked_count);
        }
    }

    /// A deferred commit has failed.
    pub(crate) fn commit_failed(&mut self, failed: CommitFailed, outbox: &mut Outbox) {
        debug_assert!(failed.commit_id > 0, "no offer had this number");
        if failed.commit_id > 0 {
            outbox.refuse(failed.commit_id, failed.reason);
        }
        self.count_refused(failed.reason);
    }
}
