//! A store of one file in memory.

use core::task::Poll;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::store::{CommitFailed, Deferral, Operation, Stat};

/// One file in memory, which is sent or received.
#[derive(Default)]
pub(super) struct OneFile {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) is_given: bool,
    pub(super) is_committed: bool,
    pub(super) refuses: Option<Reason>,
    /// Why nothing can be read.
    pub(super) unreadable: Option<Reason>,
    /// Whether it may be given twice.
    pub(super) resumable: bool,
    /// The length of the part that is already there.
    pub(super) prefix: u64,
    /// The digest of that part, as a pipe returns it.
    pub(super) prefix_digest: Option<u64>,
    /// The message of each refusal.
    pub(super) message: String,
    /// Whether it defers its calls, and how many of the next ones are pending.
    pub(super) defers: bool,
    pub(super) pending: u32,
    /// The reports of a prefix.
    pub(super) resumed: Vec<(u32, u64)>,
    /// The most bytes that one call moves; 0 for any number.
    pub(super) step: usize,
    /// Whether it has no room.
    pub(super) is_full: bool,
    pub(super) modified: Option<i64>,
    /// Whether it gives a tree first, and how many copies of the file follow the first one.
    pub(super) gives_tree: bool,
    pub(super) copies: u32,
    /// Why it has no further entry.
    pub(super) fails: Option<Reason>,
    /// The entries that were refused.
    pub(super) refusals: Vec<(u32, Reason)>,
    /// The messages that came with them.
    pub(super) messages: Vec<String>,
    /// The refusal of its tree, and whether the tree was open until then.
    pub(super) tree_refusal: Option<(Reason, String, bool)>,
    pub(super) is_abandoned: bool,
    /// How often it completed deferred commits.
    pub(super) flushed: u32,
    /// How often it was told digests.
    pub(super) verified: u32,
}

impl Store for OneFile {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        if self.defers { Some(self) } else { None }
    }

    fn refusal_message(&mut self) -> &str {
        &self.message
    }

    fn resumed(&mut self, entry: u32, position: u64) {
        self.resumed.push((entry, position));
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.name = offer.path.into();
        let prefix = self.prefix;
        self.refuses.map_or(Ok(Accepted { prefix, in_order: false }), Err)
    }

    fn prefix_digest(&mut self) -> Option<u64> {
        self.prefix_digest
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let bytes = bytes.get(..self.most(bytes.len())).unwrap_or_default();
        let from = position as usize;
        self.content.resize(self.content.len().max(from + bytes.len()), 0);
        self.content.splice(from..from + bytes.len(), bytes.iter().copied());
        Ok(bytes.len())
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        if let Some(reason) = self.unreadable {
            return Err(reason);
        }
        let rest = self.content.get(position as usize..).unwrap_or_default();
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(self.most(into.len().min(rest.len())))
    }

    fn verified(&mut self, _: &Digests) {
        self.verified += 1;
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        self.refusals.push((entry, reason));
        self.messages.push(message.into());
        let again = self.resumable && reason.wants_reoffer();
        self.resumable &= !again;
        self.is_given &= !again;
        again
    }

    fn tree_refused(&mut self, reason: Reason, message: &str) {
        self.tree_refusal = Some((reason, message.into(), !self.is_abandoned));
    }

    fn abandon(&mut self, _: Reason, all: bool) {
        self.is_abandoned |= all;
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.is_committed = true;
        Ok(())
    }

    fn open(&mut self, path: &str, _: bool) -> Result<(), Reason> {
        if path == self.name { Ok(()) } else { Err(Reason::NotFound) }
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if core::mem::take(&mut self.gives_tree) {
            path.iter_mut().zip(b"t").for_each(|(to, from)| *to = *from);
            return Ok(Some(Entry { kind: Kind::Tree, size: None, ..Entry::file(1, 0) }));
        }
        if self.is_given && self.copies == 0 {
            return self.fails.map_or(Ok(None), Err);
        }
        self.copies -= u32::from(core::mem::replace(&mut self.is_given, true));
        path.iter_mut().zip(self.name.bytes()).for_each(|(to, from)| *to = from);
        Ok(Some(Entry {
            modified: self.modified,
            resumable: self.resumable,
            ..Entry::file(self.name.len(), self.content.len() as u64)
        }))
    }
}

impl OneFile {
    fn most(&self, count: usize) -> usize {
        match (self.is_full, self.step) {
            (true, _) => 0,
            (false, 0) => count,
            (false, step) => count.min(step),
        }
    }

    fn is_pending(&mut self) -> bool {
        let is_pending = self.pending > 0;
        self.pending = self.pending.saturating_sub(1);
        is_pending
    }
}

impl Deferral for OneFile {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        if self.is_pending() { Poll::Pending } else { Poll::Ready(self.offer(offer)) }
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        if self.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.operate(path, kind, operation))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        if self.is_pending() { Poll::Pending } else { Poll::Ready(self.commit()) }
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        if self.is_pending() {
            return Poll::Pending;
        }
        self.flushed += 1;
        Poll::Ready(Ok(()))
    }
}
