//! What the store answered.

use super::*;

impl<P: Profile> Receiver<P> {
    /// The store answered an offer.
    pub(crate) fn offered(&mut self, answer: Result<Accepted, Reason>, shared: &mut Shared) {
        let signal = &shared.signal;
        let is_lossy = shared.terms.is_lossy::<P>();
        self.number = signal.transfer;
        if signal.code == Code::Sar {
            match answer {
                Ok(_) => {
                    self.tree = self.number;
                    self.stage = Stage::ExpectOffer;
                }
                Err(reason) => {
                    self.refuse(self.number, reason, false, shared);
                    if !is_lossy {
                        self.stage = Stage::RefusedTree;
                    }
                }
            }
            if is_lossy && self.tree() != 0 {
                self.answer(self.tree, true, shared);
            }
            return;
        }
        let (resume, size) = (signal.position, signal.size());
        self.entries = self.entries.saturating_add(1);
        if resume == 0 && size > 0 {
            // A fresh offer begins at 0.
            self.again = self.again.saturating_sub(1);
        }
        match answer {
            Err(reason) => self.refuse(self.number, reason, false, shared),
            Ok(_) if self.names_only() => {
                let size = if size == UNKNOWN { 0 } else { size };
                shared.ending = Ending::done(self.number, size, 0);
                self.end(shared);
                if is_lossy {
                    shared.repeat_ending(self.count);
                }
            }
            Ok(Accepted { held, in_order }) => {
                let held = if held <= resume { held } else { 0 };
                self.stage = Stage::Receiving;
                self.file = File::new(size, resume, held, in_order);
                if held == 0 && shared.terms.awaits_answer::<P>(size, resume) {
                    self.answer(self.number, true, shared);
                }
            }
        }
    }

    /// So many bytes were stored at the place; `digest` continues over them.
    pub(crate) fn stored(
        &mut self,
        position: u64,
        length: u16,
        terms: &Terms,
        digest: impl FnOnce(u64) -> u64,
    ) {
        self.file.stored::<P>(position, length, terms, digest);
    }

    /// So many bytes were loaded back, to go into the digest.
    pub(crate) fn digested(
        &mut self,
        length: u16,
        shared: &mut Shared,
        digest: impl FnOnce(u64) -> u64,
    ) {
        if self.file.digested(length, digest) {
            self.answer(self.number, true, shared);
        }
    }

    /// The store failed on the open file and has closed it, or on the tree.
    pub(crate) fn failed(&mut self, reason: Reason, shared: &mut Shared) {
        let is_tree = self.stage == Stage::CommitTree;
        self.refuse(if is_tree { self.tree } else { self.number }, reason, false, shared);
    }

    /// The store put the file, or the tree, in place.
    pub(crate) fn committed(&mut self, shared: &mut Shared) {
        let answers = shared.terms.is_lossy::<P>() || self.tree() == 0;
        if self.is_receiving() {
            let File { position, digest, .. } = self.file;
            shared.ending = Ending::done(self.number, position, digest);
        } else if P::TREES {
            shared.ending = Ending::done(self.tree, self.entries.into(), 0);
        }
        self.end(shared);
        if answers || self.stage == Stage::Over {
            shared.repeat_ending(self.count);
        }
    }

    /// The store could not put a file in place that it has committed.
    pub(crate) fn late(&mut self, late: Late, shared: &mut Shared) {
        shared.todo.refuse(late.later, late.reason);
        self.refused = self.refused.saturating_add(1);
    }
}
