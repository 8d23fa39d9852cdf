//! What the store gave: an entry, bytes, and whether they are still what they were.

use super::*;

impl<P: Profile> Sender<P> {
    /// The store has no more to give, and has left out so many entries of the tree.
    pub(crate) fn end(&mut self, omitted: u32, shared: &mut Shared) {
        if self.tree() != 0 {
            self.omitted = omitted;
            self.stage = Stage::TreeDone;
            return;
        }
        self.stage = Stage::Over;
        if let Some(reason) = self.file.refusal
            && reason.wants_fresh_offer()
        {
            // The fresh offer that is awaited does not come.
            self.give_up_all(reason, shared);
        }
    }

    /// What the store gave.
    pub(crate) fn entry(&mut self, entry: &Entry) {
        self.number = next_number(self.number, self.tree());
        if entry.kind == Kind::Tree {
            self.tree = self.number;
            self.file.size = entry.size.unwrap_or(UNKNOWN);
            self.stage = Stage::OfferTree;
            return;
        }
        self.entries = self.entries.saturating_add(1);
        self.flow.repeats = false;
        let refusal = entry.broken.filter(|_| !self.names_only);
        if refusal.is_some() {
            self.refused = self.refused.saturating_add(1);
        }
        self.file = File::new(entry, refusal);
        self.stage = Stage::Offer;
    }

    /// So many bytes were read at `position`; new ones go into the digest.
    pub(crate) fn loaded(&mut self, position: u64, bytes: u64, digest: impl FnOnce(u64) -> u64) {
        let file = &mut self.file;
        if position == file.sent {
            file.digest = digest(file.digest);
            file.sent = file.sent.saturating_add(bytes);
            // Reading on takes long: the receiver is to hear that this end lives.
            if file.compares && file.sent.trailing_zeros() >= JUMP_INTERVAL_BITS {
                self.flow.asked = None;
            }
        }
    }

    /// The source ended here. Whether that is where it may end.
    pub(crate) fn ended(&mut self, at: u64) -> bool {
        if self.file.size == UNKNOWN && at >= self.file.sent {
            self.file.size = at;
        }
        self.file.size == at
    }

    /// The store answered the check, or failed while reading.
    pub(crate) fn checked(&mut self, result: Result<(), Reason>, todo: &mut Todo) {
        match result {
            Ok(()) => self.stage = Stage::Done,
            Err(reason) => self.give_up(reason, todo),
        }
    }

    /// This end cannot go on with the entry.
    pub(super) fn give_up(&mut self, reason: Reason, todo: &mut Todo) {
        self.file.refusal = Some(reason);
        todo.refused = Some((self.entries.saturating_sub(1), reason));
        self.stage = Stage::GiveUp;
    }

    /// An entry was refused for good.
    pub(crate) fn count_refusal(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }
}
