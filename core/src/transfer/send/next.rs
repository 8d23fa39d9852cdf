//! The next output: questions, chunks, and queries.

use super::*;

impl<P: Profile> Sender<P> {
    /// How the sender goes on.
    pub(crate) fn next(&mut self, link: &Negotiated, outbox: &mut Outbox) -> Next {
        match self.stage {
            // On a lossy link every entry was answered.
            Stage::NextEntry
                if !link.is_lossy::<P>()
                    && self.tree().is_some()
                    && self.flow.query_due::<P>(link) =>
            {
                self.query(outbox)
            }
            Stage::NextEntry => Next::Entry,
            Stage::Settle if P::has_operations() => self.settle(outbox),
            Stage::Data => self.data(link, outbox),
            Stage::Check => Next::Check,
            Stage::Finished => Next::Finish(self.result()),
            Stage::Await(_) | Stage::Settle => Next::AwaitAnswer,
            Stage::Ask(question) => {
                // Outside a tree an offer needs no credit: the transfer before it is completed, and
                // nothing could be queried. Nothing follows the `ERR` of a tree.
                let is_free = match question {
                    OfferFile | Operate => self.tree().is_none(),
                    TreeError => P::has_trees(),
                    _ => false,
                };
                if is_free || self.flow.may_send::<P>(link) {
                    self.ask(question, link, outbox)
                } else {
                    self.blocked(outbox)
                }
            }
        }
    }

    fn result(&self) -> Result<(), Reason> {
        let of_file = self.file.error.filter(|_| self.tree().is_none());
        self.failure.or(of_file).map_or(Ok(()), Err)
    }

    /// Sends a question.
    fn ask(&mut self, question: Question, link: &Negotiated, outbox: &mut Outbox) -> Next {
        self.flow.sent();
        let (id, tree, count) = (self.last, self.tree_id(), self.flow.frames_sent);
        let SendFile { size, sent, digest, error, .. } = self.file;
        let is_lossy = link.is_lossy::<P>();
        let resume = self.file.resume();
        let (next, signal, is_answered, unanswered) = match question {
            OfferTree if P::has_trees() => (
                Next::AttachMetadata(self.metadata),
                Signal::offer_tree(tree, UNKNOWN, size),
                is_lossy,
                Stage::NextEntry,
            ),
            OfferFile => (
                Next::AttachMetadata(self.metadata),
                Signal::offer(id, resume, size, self.file.modified()),
                link.answers_offer::<P>(size, resume),
                self.after_offer(),
            ),
            Operate if P::has_operations() => {
                let is_answered = is_lossy || tree == 0;
                // The sender of a list expects no answers.
                if !is_answered && self.scope != Scope::Names {
                    self.scope = Scope::Unsettled;
                }
                let signal = Signal::offer(id, 0, 0, UNKNOWN_TIME);
                (Next::AttachMetadata(self.metadata), signal, is_answered, Stage::NextEntry)
            }
            FileDone => (
                Next::AttachSha256,
                Signal::done(id, sent, count, digest),
                is_lossy || tree == 0,
                Stage::NextEntry,
            ),
            TreeDone if P::has_trees() => (
                Next::Continue,
                Signal::done(tree, self.entries.into(), count, self.omitted.into()),
                true,
                Stage::Finished,
            ),
            TreeError if P::has_trees() => {
                debug_assert!(self.failure.is_some(), "the tree has not failed");
                let reason = self.failure.unwrap_or(Reason::Cancelled);
                (Next::Continue, Signal::refuse(tree, 0, reason, 0), is_lossy, Stage::Finished)
            }
            // `FileError`; the others are unreachable in a profile without trees or operations.
            _ => {
                debug_assert!(error.is_some(), "the entry has not failed");
                let reason = error.unwrap_or(Reason::Cancelled);
                (Next::Continue, Signal::refuse(id, sent, reason, 0), is_lossy, Stage::NextEntry)
            }
        };
        let stage = if is_answered { Stage::Await(question) } else { unanswered };
        self.enter(Event::Asked, stage);
        if matches!(self.stage, Stage::Await(FileDone | TreeDone)) {
            self.flow.queried_at = Some(count);
        }
        if P::resumes() && !is_lossy && self.stage == Stage::Data {
            if self.asks_position(link) {
                self.flow.queried_at = None;
            } else {
                self.file.phase = Phase::Chunks;
            }
        }
        outbox.reply(signal);
        next
    }

    /// Waits until the receiver has acknowledged all frames.
    fn settle(&mut self, outbox: &mut Outbox) -> Next {
        if !self.flow.is_settled() {
            return self.blocked(outbox);
        }
        self.scope = Scope::Content;
        self.enter(Event::Settled, Stage::NextEntry);
        Next::Entry
    }

    /// The stage that follows an offer. A list does not open the file.
    pub(super) fn after_offer(&self) -> Stage {
        match self.file.error {
            _ if self.scope == Scope::Names => Stage::NextEntry,
            Some(_) => Stage::Ask(FileError),
            None => Stage::Data,
        }
    }

    /// Whether the receiver is asked where it resumes before much of the file is sent (R96). That takes a round
    /// trip at most: where the receiver begins anew, only a file that takes several is worth it.
    fn asks_position(&self, link: &Negotiated) -> bool {
        let window = u64::from(link.send_credit).saturating_mul(link.chunk.into());
        let longest = if self.flow.begins_anew { window } else { UNASKED_MAX };
        self.file.resume() > longest
    }

    /// How the sender goes on with the open file.
    fn data(&mut self, link: &Negotiated, outbox: &mut Outbox) -> Next {
        let file = &mut self.file;
        if P::resumes()
            && let Phase::CheckPrefix { digest: Unaligned(digest) } = file.phase
        {
            let left = file.acked.saturating_sub(file.sent);
            if left > 0 && self.flow.queried_at.is_none() && !link.is_half_duplex::<P>() {
                return self.query(outbox);
            }
            if left > 0 && link.is_half_duplex::<P>() && self.flow.is_probing() {
                return Next::AwaitAnswer;
            }
            if left > 0 {
                return Next::Digest { position: file.sent, length: clamp(link.chunk, left) };
            }
            file.phase = Phase::Chunks;
            if file.digest != digest {
                self.give_up(Reason::PrefixDiffers, outbox);
                return self.next(link, outbox);
            }
        }
        if self.flow.query_due::<P>(link) {
            return self.query(outbox);
        }
        let awaits_position = P::resumes()
            && !link.is_lossy::<P>()
            && self.file.is_offered()
            && self.file.sent >= UNASKED_MAX;
        if awaits_position || !self.flow.may_send::<P>(link) {
            return self.blocked(outbox);
        }
        let file = &mut self.file;
        if let Some(block) = file.lost.first() {
            self.flow.sent();
            let (position, length) = file.retransmit(block, link, self.flow.frames_sent);
            return Next::Chunk { position, length };
        }
        if file.size == file.sent {
            self.enter(Event::AllSent, Stage::Check);
            return Next::Check;
        }
        match file.next_chunk::<P>(link) {
            0 => self.blocked(outbox),
            length => {
                self.flow.sent();
                Next::Chunk { position: file.sent, length }
            }
        }
    }

    /// Nothing may be sent: queries the position, or waits for the answer.
    fn blocked(&mut self, outbox: &mut Outbox) -> Next {
        if self.flow.queried_at == Some(self.flow.frames_sent) {
            Next::AwaitAnswer
        } else {
            self.query(outbox)
        }
    }

    fn query(&mut self, outbox: &mut Outbox) -> Next {
        outbox.reply(self.keepalive());
        Next::Continue
    }
}
