//! Refusals: of the open file, of an entry, and of a request that this end cancels.

use super::*;

impl<P: Profile> Receiver<P> {
    /// Refuses the open file; the store closes it.
    pub(crate) fn drop_file(&mut self, reason: Reason, outbox: &mut Outbox) {
        let Some(file) = self.file() else { return };
        outbox.abandon(reason, false);
        self.refuse(file.id, reason, file.resumable && reason.wants_reoffer(), outbox);
    }

    /// This end ends the request.
    pub(crate) fn cancel(
        &mut self,
        reason: Reason,
        link: &Negotiated,
        outbox: &mut Outbox,
    ) -> Cancelled {
        match (&self.stage, self.tree()) {
            (Stage::DrainRejectedTree(_) | Stage::Finished(_), _) => return Cancelled::Nothing,
            // On a lossy link the number of the next signal would not tell whether it is an entry.
            (Stage::AwaitOffer, tree) if tree.is_none() || link.is_lossy::<P>() => {
                return Cancelled::Later;
            }
            (Stage::CommitTree, Some(tree)) => {
                outbox.abandon(reason, true);
                self.refuse(tree, reason, false, outbox);
            }
            (_, Some(tree)) => {
                outbox.abandon(reason, true);
                self.refuse(tree, reason, false, outbox);
                self.enter(Event::TreeRefused, Stage::DrainRejectedTree(reason));
            }
            (_, None) => self.drop_file(reason, outbox),
        }
        outbox.slot = Slot::Empty;
        Cancelled::Done
    }

    /// Whether the tree was refused while one of its entries was open, on a lossy link. The sender asks until it has
    /// the refusal, or begins another request.
    pub(crate) fn repeats_refusal(&self, link: &Negotiated) -> bool {
        P::has_trees() && link.is_lossy::<P>() && matches!(self.stage, Stage::DrainRejectedTree(_))
    }

    /// Whether an offer or a request with this number is no part of the present request.
    pub(crate) fn is_another_request(&self, id: TransferId, link: &Negotiated) -> bool {
        self.repeats_refusal(link) && self.last.is_some_and(|last| is_after(id, last))
    }

    /// Refuses a transfer, for good unless it is to be offered again.
    pub(super) fn refuse(
        &mut self,
        id: TransferId,
        reason: Reason,
        is_reoffered: bool,
        outbox: &mut Outbox,
    ) {
        outbox.refuse(id.get(), reason);
        self.complete(Completed::refused(id, reason), outbox);
        if is_reoffered {
            if P::has_trees() {
                self.reoffers_pending = self.reoffers_pending.saturating_add(1);
            }
            self.enter(Event::Reoffered, Stage::AwaitOffer);
        } else {
            self.count_refused(reason);
        }
    }

    /// An entry was refused for good.
    pub(super) fn count_refused(&mut self, reason: Reason) {
        self.refused = self.refused.saturating_add(reason.counts_as_refused().into());
    }
}
