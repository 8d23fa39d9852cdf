//! What the sender says: offers, questions, and what it gives up.

use super::*;

impl<P: Profile> Receiver<P> {
    /// `SAF` or `SAR`. Whether its description is wanted: the offer is new.
    pub(crate) fn wants(&self, number: u16) -> bool {
        let is_new = self.number == 0 || is_after(number, self.number);
        let is_lone = self.tree() == 0 && self.is_receiving();
        let is_over = matches!(self.stage, Stage::Over | Stage::RefusedTree);
        is_new && self.tree() != number && !is_lone && !is_over
    }

    /// `SAF` or `SAR`, new, its description at hand.
    pub(crate) fn on_offer(&mut self, shared: &mut Shared) {
        if self.is_receiving() {
            self.drop_file(Reason::Incomplete, shared);
        }
        shared.todo.offer = true;
    }

    /// `SAF` or `SAR` of the transfer that ended last: it asks for its answer.
    pub(crate) fn repeat_ending(&self, shared: &mut Shared) {
        if shared.has_ended::<P>(shared.signal.transfer) {
            shared.repeat_ending(self.count);
        }
    }

    /// `SAF` or `SAR` of the transfer that is open: it asks for its answer.
    pub(crate) fn on_repeated_offer(&self, number: u16, shared: &mut Shared) {
        if number == self.number || number == self.tree() {
            self.answer(number, true, shared);
        }
    }

    /// `PIN` or `DON` of the sender, which speaks of a count.
    pub(crate) fn on_question(&mut self, shared: &mut Shared) {
        let signal = &shared.signal;
        let is_lossy = shared.terms.is_lossy::<P>();
        let number = signal.transfer;
        let is_tree = P::TREES && number == self.tree && number != 0;
        let is_file = self.is_receiving() && number == self.number;
        self.count = signal.count();
        if self.stage == Stage::RefusedTree {
            if signal.code == Code::Pin {
                self.answer(number, false, shared);
            } else if number == self.number {
                self.stage = Stage::Over;
            }
        } else if signal.code == Code::Pin
            && (is_file || is_tree || (self.is_in_tree() && !is_lossy))
        {
            self.answer(number, false, shared);
        } else if is_file {
            match self.file.sent(signal.position, signal.digest(), is_lossy) {
                Some(true) => {}
                Some(false) => self.drop_file(Reason::Incomplete, shared),
                None => self.answer(number, false, shared),
            }
        } else if is_tree {
            self.on_tree_done(shared);
        } else if shared.has_ended::<P>(number) {
            shared.repeat_ending(self.count);
        }
    }

    fn on_tree_done(&mut self, shared: &mut Shared) {
        if self.is_receiving() {
            self.drop_file(Reason::Incomplete, shared);
        }
        if shared.signal.position != u64::from(self.entries) {
            shared.todo.abandon = Some((Reason::Incomplete, true));
            self.refuse(self.tree, Reason::Incomplete, false, shared);
        } else if self.again > 0 && self.asked_again.is_none_or(|count| count == self.count) {
            self.asked_again = Some(self.count);
            self.answer(self.tree, false, shared);
        } else {
            // What was not offered once more will not come.
            self.refused = self.refused.saturating_add(self.again.into());
            self.again = 0;
            self.omitted = u32::try_from(shared.signal.digest()).unwrap_or(u32::MAX);
            self.stage = Stage::CommitTree;
            if self.names_only() {
                self.committed(shared);
            }
        }
    }

    /// `ERR` of the sender.
    pub(crate) fn on_refused(&mut self, shared: &mut Shared) {
        let (number, reason) = (shared.signal.transfer, shared.signal.reason());
        let is_lossy = shared.terms.is_lossy::<P>();
        if self.stage == Stage::RefusedTree {
            if number == self.number {
                self.stage = Stage::Over;
            }
        } else if self.tree() != 0 && number == self.tree() {
            shared.refused(number, reason);
            self.end(shared);
            shared.todo.abandon = Some((reason, true));
            if is_lossy {
                shared.repeat_ending(self.count);
            }
        } else if self.is_receiving() && number == self.number {
            self.drop_file(reason, shared);
            if !is_lossy {
                // It knows, and does not wait for an answer.
                shared.todo.forget_refusals();
            }
        } else if self.awaits_fresh_offer() && is_after(number, self.number) {
            // There will be none.
            self.refused = self.refused.saturating_add(1);
            shared.refused(number, reason);
            self.end(shared);
        } else if shared.has_ended::<P>(number) {
            shared.repeat_ending(self.count);
        }
    }
}
