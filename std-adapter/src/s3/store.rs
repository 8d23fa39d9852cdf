//! The calls of a session to the store: passes each to the receiving or the sending half.

use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Digests, Entry, Index, Kind, Offer, Operation,
    RequestOptions, Stat, Store,
};

use super::Objects;
use crate::fs::error::StoreError;
use crate::fs::sys::background::wait_for;
use crate::fs::{Direction, Observer, refusal};

impl<O: Observer> Objects<O> {
    /// The result for the other end; the detail of an error becomes the message of the refusal.
    fn for_peer<T>(&mut self, result: Result<T, StoreError>) -> Result<T, Reason> {
        result.map_err(|error| {
            let (reason, message) = refusal::for_peer(error, self.sending.is_some());
            self.refusal = message;
            reason
        })
    }

    /// Reports that the other end lacks the right to transfer `path`.
    fn refuse(&mut self, path: &str, direction: Direction, reason: Reason) -> Reason {
        let error = StoreError::from(reason).report(path, direction, &mut self.observer);
        self.for_peer::<()>(Err(error)).err().unwrap_or(reason)
    }
}

impl<O: Observer> Store for Objects<O> {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        wait_for(|| self.poll_offer(offer))
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        refusal::rejected(path, reason, &mut self.observer);
    }

    fn is_ready(&mut self) -> bool {
        match (&mut self.receiving, &mut self.sending) {
            (Some(receiving), _) if receiving.is_receiving() => receiving.is_ready(),
            (_, Some(sending)) => sending.is_ready(),
            _ => true,
        }
    }

    fn prefix_digest(&mut self) -> Option<u64> {
        self.receiving.as_ref()?.prefix_digest()
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        // In order: the position is the end of the content so far.
        let receiving = self.receiving.as_mut().ok_or(Reason::ReadOnly)?;
        let stored = receiving.store(bytes, &mut self.observer);
        self.for_peer(stored)
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        const ZEROS: &[u8] = &[0; 64 << 10];
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(ZEROS.len());
        let stored = self.store(position, ZEROS.get(..length).unwrap_or(ZEROS));
        stored.map(|count| count as u64)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let loaded = match (&self.receiving, &mut self.sending) {
            // What was uploaded cannot be read before it is complete.
            (Some(receiving), _) if receiving.is_receiving() => Err(Reason::Storage.into()),
            (_, Some(sending)) => sending.load(position, into, &mut self.observer),
            _ => Err(Reason::Storage.into()),
        };
        self.for_peer(loaded)
    }

    fn verified(&mut self, digests: &Digests) {
        self.crc64 = digests.crc64;
        if let Some(sending) = &mut self.sending {
            sending.verified(digests.crc64);
        }
    }

    fn commit(&mut self) -> Result<(), Reason> {
        wait_for(|| self.poll_commit())
    }

    fn refusal_message(&mut self) -> &str {
        &self.refusal
    }

    fn given_up(&mut self, _: Reason, message: &str) {
        self.given_up = Some(message.to_owned());
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        if let Some(receiving) = &mut self.receiving {
            let given_up = self.given_up.take();
            receiving.abandon(reason, all, given_up.as_deref(), &mut self.observer);
        }
        if let Some(sending) = &mut self.sending {
            sending.close();
        }
    }

    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        wait_for(|| self.poll_operate(path, kind, operation))
    }

    fn index(&mut self) -> Option<u32> {
        self.receiving.as_mut()?.stats.next_index()
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let Some(sending) = &mut self.sending else {
            let direction = if self.names_only { Direction::Listing } else { Direction::Sending };
            return Err(self.refuse(path, direction, Reason::WriteOnly));
        };
        let opened = sending.open(path, tree, &mut self.observer);
        self.for_peer(opened)
    }

    fn names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
        if let Some(sending) = &mut self.sending {
            sending.expect_names_only(names_only);
        }
    }

    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        // A store that sends nothing refuses the request itself, and reports that.
        self.sending.as_mut().map_or(Ok(()), |sending| sending.options(options))
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let sending = self.sending.as_mut().ok_or(Reason::WriteOnly)?;
        let next = sending.next(path, &mut self.observer);
        self.for_peer(next)
    }

    fn omitted(&mut self) -> u32 {
        self.sending.as_ref().map_or(0, super::send::Sending::omitted)
    }

    fn check(&mut self) -> Result<(), Reason> {
        let sending = self.sending.as_mut().ok_or(Reason::WriteOnly)?;
        let checked = sending.check(&mut self.observer);
        self.for_peer(checked)
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        match &mut self.sending {
            Some(sending) => sending.refused(entry, reason, message, &mut self.observer),
            None => false,
        }
    }

    fn tree_refused(&mut self, reason: Reason, message: &str) {
        if let Some(sending) = &mut self.sending {
            sending.tree_refused(reason, message, &mut self.observer);
        }
    }

    fn answered(&mut self, entry: u32, stat: &Stat, _: Index<'_>) {
        if let Some(sending) = &mut self.sending {
            sending.answered(entry, stat);
        }
    }

    fn completed(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.complete(&mut self.observer);
        }
    }
}

impl<O: Observer> Deferral for Objects<O> {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        let Some(receiving) = &mut self.receiving else {
            let refused = self.refuse(offer.path, Direction::Receiving, Reason::ReadOnly);
            return Poll::Ready(Err(refused));
        };
        let polled = receiving.poll_offer(offer, &mut self.observer);
        polled.map(|result| self.for_peer(result))
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        let Some(receiving) = &mut self.receiving else {
            return Poll::Ready(Err(Reason::ReadOnly));
        };
        let polled = match operation {
            Operation::Stat(query) => receiving.poll_stat(path, kind, query, &mut self.observer),
            _ => receiving.poll_change(path, kind, operation, &mut self.observer),
        };
        polled.map(|result| self.for_peer(result))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        let Some(receiving) = &mut self.receiving else {
            return Poll::Ready(Err(Reason::ReadOnly));
        };
        let polled = receiving.poll_commit(self.crc64, &mut self.observer);
        polled.map(|result| self.for_peer(result))
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        let Some(receiving) = &mut self.receiving else { return Poll::Ready(Ok(())) };
        receiving.deferred.poll(&mut self.observer).map_err(|failed| {
            let commit_id = failed.commit_id;
            let refused = self.for_peer::<()>(Err(failed.error));
            CommitFailed { commit_id, reason: refused.err().unwrap_or(Reason::Storage) }
        })
    }
}
