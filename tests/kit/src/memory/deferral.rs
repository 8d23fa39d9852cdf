//! The calls that a busy [`Memory`] defers.

use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Kind, Offer, Operation, Stat, Store,
};

use super::Memory;

impl Deferral for Memory {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.offer(offer)) }
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        if self.is_busy() {
            return Poll::Pending;
        }
        Poll::Ready(self.operate(path, kind, operation))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.commit()) }
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.flush_commits()) }
    }
}

impl Memory {
    pub(super) fn flush_commits(&mut self) -> Result<(), CommitFailed> {
        while let Some((later, path, file)) = self.waiting.pop_front() {
            if let Some(reason) = self.late.get(&path) {
                return Err(CommitFailed { commit_id: later, reason: *reason });
            }
            self.files.insert(path, file);
        }
        Ok(())
    }
}
