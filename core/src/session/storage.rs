//! Replies of the store.

use super::reply::entry_metadata;
use super::*;

impl<P: Profile> Session<P> {
    /// The store has answered a [`Step::Storage`].
    pub fn answered(&mut self, reply: Reply, now: Option<Millis>) {
        self.timer.store_worked(now);
        self.has_polled_input = false;
        if P::may_defer() || P::has_pipes() {
            self.track_deferred(reply);
        }
        if P::has_messages() {
            let is_refusal = matches!(reply, Reply::Refused(_) | Reply::CommitFailed(_));
            // The store is told of a refusal before its `ERR` goes out.
            let is_told = matches!(self.io, PendingIo::Abandon(_) | PendingIo::Refused { .. });
            self.has_message = is_refusal || (is_told && self.has_message);
        }
        let result = match reply {
            Reply::Refused(reason) => Err(reason),
            _ => Ok(()),
        };
        match (self.io, reply) {
            (PendingIo::Load { position, length, done, sends }, Reply::Moved(count)) => {
                if self.loaded(position, length, done, sends, count) {
                    return;
                }
            }
            (PendingIo::Load { position, length, done, sends }, Reply::Hole(hole))
                if P::has_holes() =>
            {
                if self.hole_loaded(position, length, done, sends, hole) {
                    return;
                }
            }
            (PendingIo::Load { sends: false, .. }, Reply::Digest(digest)) if P::has_pipes() => {
                if let (State::Receiving(receiver), Some(link)) =
                    (&mut self.state, &self.negotiated)
                {
                    receiver.prefix_proven(digest, link, &mut self.outbox);
                }
            }
            (
                PendingIo::Load { .. } | PendingIo::Commit | PendingIo::CommitAgain,
                Reply::Refused(reason),
            ) => self.failed(reason),
            (PendingIo::Store { position, skip, length, done }, Reply::Moved(count))
                if P::can_receive() =>
            {
                if self.stored(position, skip, length, done, count) {
                    return;
                }
            }
            (PendingIo::Store { length, .. }, Reply::Refused(reason)) if P::can_receive() => {
                self.reader.consume_chunk(length);
                self.failed(reason);
            }
            (PendingIo::StoreZeros { done }, Reply::Moved(count))
                if P::can_receive() && P::has_holes() =>
            {
                if self.zeros_stored(done, count) {
                    return;
                }
            }
            (PendingIo::StoreZeros { .. }, Reply::Refused(reason))
                if P::can_receive() && P::has_holes() =>
            {
                self.reader.consume(HOLE_LEN);
                self.failed(reason);
            }
            (PendingIo::Load { position, done, sends: true, .. }, Reply::Pending)
                if P::has_pipes() && done > 0 =>
            {
                self.deferred = None;
                if self.load_ends(position, done, true, false) {
                    return;
                }
            }
            (
                PendingIo::Load { .. } | PendingIo::Store { .. } | PendingIo::StoreZeros { .. },
                Reply::Pending,
            ) if P::has_pipes() => {
                self.deferred = Some(Deferred::Other);
                if let State::Sending(sender) = &mut self.state {
                    sender.chunk_delayed();
                }
            }
            (PendingIo::Commit | PendingIo::CommitAgain, Reply::Pending) if P::may_defer() => {
                self.deferred = Some(Deferred::Commit);
            }
            (
                PendingIo::Offer(Ok(())) | PendingIo::Operate | PendingIo::FlushCommits,
                Reply::Pending,
            ) if P::may_defer() => {
                self.deferred = Some(Deferred::Other);
            }
            (PendingIo::Offer(Ok(())), Reply::Accepted(accepted)) if P::can_receive() => {
                self.offered(Ok(accepted));
            }
            (PendingIo::Offer(Ok(())), Reply::Refused(reason))
            | (PendingIo::Offer(Err(reason)), Reply::Done)
                if P::can_receive() =>
            {
                self.offered(Err(reason));
            }
            (PendingIo::Operate, Reply::Operated(stat)) if P::has_operations() => {
                self.operated(Ok(stat));
            }
            (PendingIo::Operate, Reply::Refused(reason)) if P::has_operations() => {
                self.operated(Err(reason));
            }
            (PendingIo::Index, Reply::Moved(length)) if P::has_operations() => {
                return self.transmit_index(length);
            }
            (PendingIo::Answered, Reply::Done) if P::has_operations() => {
                self.outbox.slot = Slot::Empty;
            }
            (PendingIo::Commit | PendingIo::CommitAgain, Reply::Done) if P::can_receive() => {
                self.committed();
            }
            (PendingIo::FlushCommits, Reply::Done) if P::defers_commits() => {
                return self.commits_flushed();
            }
            (PendingIo::FlushCommits, Reply::CommitFailed(failed)) if P::defers_commits() => {
                if let State::Receiving(receiver) = &mut self.state {
                    receiver.commit_failed(failed, &mut self.outbox);
                }
            }
            (PendingIo::Open, Reply::Done | Reply::Refused(_)) if P::can_send() => {
                self.opened(result);
            }
            (PendingIo::NextEntry | PendingIo::Check | PendingIo::Refused { .. }, _)
                if P::can_send() && self.for_sender(reply, result) => {}
            (PendingIo::RefusalMessage, Reply::Moved(length)) if P::has_messages() => {
                return self.transmit_refusal(length);
            }
            (PendingIo::Abandon(_), Reply::Done) => {}
            (
                PendingIo::TreeRefused(_) | PendingIo::Resumed { .. } | PendingIo::Completed,
                Reply::Done,
            ) if P::reports() => {}
            (PendingIo::GivenUp(_), Reply::Done) if P::REPORTS => {}
            _ => self.end(Failure::ApiMisuse),
        }
        self.drive();
    }

    /// A busy store delays the other end, not the other way round.
    fn track_deferred(&mut self, reply: Reply) {
        let was_deferred = self.deferred.take().is_some();
        if was_deferred {
            self.timer.cancel();
        } else if reply == Reply::Pending {
            self.timer.work_begins();
        }
        if reply == Reply::Pending {
            self.timer.progress();
        }
    }

    /// The store has given or checked an entry, or was told of a refusal. Whether the reply fits.
    fn for_sender(&mut self, reply: Reply, result: Result<(), Reason>) -> bool {
        let State::Sending(sender) = &mut self.state else { return false };
        let outbox = &mut self.outbox;
        match (self.io, reply) {
            (PendingIo::NextEntry, Reply::Entry(entry)) => self.next_entry(&entry),
            (PendingIo::NextEntry, Reply::End { omitted }) => sender.no_entry(omitted, outbox),
            (PendingIo::NextEntry, Reply::Refused(reason)) => sender.fail(reason, outbox),
            (PendingIo::Check, Reply::Done | Reply::Refused(_)) => sender.checked(result, outbox),
            (PendingIo::Refused { reason, .. }, Reply::Done) => sender.count_refused(reason),
            (PendingIo::Refused { .. }, Reply::NotCounted) => {}
            _ => return false,
        }
        true
    }

    /// The store has failed on the open file and has closed it, or on the tree.
    fn failed(&mut self, reason: Reason) {
        match &mut self.state {
            State::Sending(sender) if P::can_send() => {
                sender.checked(Err(reason), &mut self.outbox);
            }
            State::Receiving(receiver) if P::can_receive() => {
                receiver.failed(reason, &mut self.outbox);
            }
            _ => {}
        }
    }

    fn offered(&mut self, answer: Result<Accepted, Reason>) {
        let Some(&signal) = self.outbox.offer() else { return };
        self.outbox.slot = Slot::Empty;
        self.timer.work_begins();
        self.begin_sha256();
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) {
            receiver.offered(answer, &signal, link, &mut self.outbox);
        }
    }

    fn operated(&mut self, answer: Result<Stat, Reason>) {
        let Some(&signal) = self.outbox.offer() else { return };
        self.outbox.slot = Slot::Empty;
        self.timer.work_begins();
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) {
            receiver.operated(answer, &signal, link, &mut self.outbox);
        }
    }

    /// A file begins.
    fn begin_sha256(&mut self) {
        if let Some(new) = P::Sha256::NEW {
            self.sha256 = self.has_sha256().then(new);
        }
    }

    fn next_entry(&mut self, entry: &Entry) {
        let has_holes = self.has_holes();
        let path = self.buffer.metadata_mut();
        let metadata = if entry.kind == Kind::Tree && !P::has_trees() {
            Err(Reason::Unsupported)
        } else {
            entry_metadata::<P>(path, entry, has_holes).ok_or(Reason::BadPath)
        };
        self.begin_sha256();
        if let State::Sending(sender) = &mut self.state {
            match metadata {
                Ok(length) => sender.entry(entry, length),
                Err(reason) => sender.fail(reason, &mut self.outbox),
            }
        }
    }

    /// All deferred commits are completed: the reply or the commit of the tree, which waited for
    /// that, is next.
    fn commits_flushed(&mut self) {
        if let State::Receiving(receiver) = &mut self.state {
            receiver.commits_flushed();
        }
        match self.outbox.pending_reply() {
            Some(_) => self.reply_next(),
            None => self.io = PendingIo::Commit,
        }
    }

    fn committed(&mut self) {
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) {
            receiver.committed(link, &mut self.outbox);
        }
    }
}
