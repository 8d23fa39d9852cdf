//! The calls of a session to its store: passes each to the receiving or the sending half. Knows
//! nothing of paths or files.

use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Digests, Entry, Index, Kind, Offer, Operation,
    RequestOptions, Stat, Store,
};

use super::{Direction, Directory, Observer, refusal};
use crate::fs::error::StoreError;
use crate::fs::send::SendStore;
use crate::fs::sys::background::wait_for;

impl<O> Directory<O> {
    /// The result for the other end; the detail of an error becomes the message of the refusal.
    fn for_peer<T>(&mut self, result: Result<T, StoreError>) -> Result<T, Reason> {
        result.map_err(|error| {
            let (reason, message) = refusal::for_peer(error, self.send.is_some());
            self.refusal = message;
            reason
        })
    }
}

impl<O: Observer> Directory<O> {
    /// Reports that the other end lacks the right to transfer `path`.
    fn refuse(&mut self, path: &str, direction: Direction, reason: Reason) -> Reason {
        let error = StoreError::from(reason).report(path, direction, &mut self.observer);
        self.for_peer::<()>(Err(error)).err().unwrap_or(reason)
    }
}

impl<O: Observer> Store for Directory<O> {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let Some(recv) = &mut self.recv else {
            return Err(self.refuse(offer.path, Direction::Receiving, Reason::ReadOnly));
        };
        let offered = recv.offer(offer, &mut self.observer);
        self.for_peer(offered)
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        refusal::rejected(path, reason, &mut self.observer);
    }

    fn is_ready(&mut self) -> bool {
        self.has_more()
    }

    fn has_more(&mut self) -> bool {
        match (&self.recv, &mut self.send) {
            (Some(recv), _) if recv.is_receiving() => true,
            (_, Some(send)) => send.has_more(),
            _ => true,
        }
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let recv = self.recv.as_mut().ok_or(Reason::ReadOnly)?;
        let stored = recv.store(position, bytes, &mut self.observer);
        self.for_peer(stored)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.recv.as_mut()?.digest(start, position, end)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let loaded = match (&mut self.recv, &mut self.send) {
            (Some(recv), _) if recv.is_receiving() => recv.load(position, into, &mut self.observer),
            (_, Some(send)) => send.load(position, into, &mut self.observer),
            _ => Err(Reason::Storage.into()),
        };
        self.for_peer(loaded)
    }

    fn hole(&mut self, position: u64) -> Option<u64> {
        match (&mut self.recv, &mut self.send) {
            (Some(recv), _) if recv.is_receiving() => recv.hole(position),
            (_, Some(send)) => send.hole(position, &mut self.observer),
            _ => None,
        }
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        let recv = self.recv.as_mut().ok_or(Reason::ReadOnly)?;
        let stored = recv.store_zeros(position, length, &mut self.observer);
        self.for_peer(stored)
    }

    fn verified(&mut self, digests: &Digests) {
        self.sha256 = digests.sha256;
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
        if let Some(recv) = &mut self.recv {
            let given_up = self.given_up.take();
            recv.abandon(reason, all, given_up.as_deref(), &mut self.observer);
        }
        if let Some(send) = &mut self.send {
            send.close();
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        if let Some(recv) = &mut self.recv {
            recv.close(&mut self.observer);
        }
        let Some(send) = &mut self.send else {
            let direction = if self.names_only { Direction::Listing } else { Direction::Sending };
            return Err(self.refuse(path, direction, Reason::WriteOnly));
        };
        let opened = send.open(path, tree, &mut self.observer);
        self.for_peer(opened)
    }

    fn names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
        if let Some(send) = &mut self.send {
            send.expect_names_only(names_only);
        }
    }

    fn omitted(&mut self) -> u32 {
        self.send.as_ref().map_or(0, SendStore::omitted)
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let send = self.send.as_mut().ok_or(Reason::WriteOnly)?;
        let next = send.next(path, &mut self.observer);
        self.for_peer(next)
    }

    fn check(&mut self) -> Result<(), Reason> {
        let send = self.send.as_mut().ok_or(Reason::WriteOnly)?;
        let checked = send.check(self.sha256.take(), &mut self.observer);
        self.for_peer(checked)
    }

    fn refused(&mut self, entry: u32, reason: Reason, words: &str) -> bool {
        match &mut self.send {
            Some(send) => send.refused(entry, reason, words, &mut self.observer),
            None => false,
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
        self.recv.as_mut()?.next_index()
    }

    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        // A store that sends nothing refuses the request itself, and reports that.
        self.send.as_mut().map_or(Ok(()), |send| send.options(options))
    }

    fn answered(&mut self, entry: u32, stat: &Stat, index: Index<'_>) {
        if let Some(send) = &mut self.send {
            send.answered(entry, stat, index, &mut self.observer);
        }
    }

    fn tree_refused(&mut self, reason: Reason, message: &str) {
        if let Some(send) = &mut self.send {
            send.tree_refused(reason, message, &mut self.observer);
        }
    }

    fn resumed(&mut self, entry: u32, position: u64) {
        if let Some(send) = &mut self.send {
            send.resumed(entry, position, &mut self.observer);
        }
    }

    fn completed(&mut self) {
        if let Some(send) = &mut self.send {
            send.complete(&mut self.observer);
        }
    }
}

impl<O: Observer> Deferral for Directory<O> {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        Poll::Ready(self.offer(offer))
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        let Some(recv) = &mut self.recv else { return Poll::Ready(Err(Reason::ReadOnly)) };
        let polled = match operation {
            Operation::Stat(query) => recv.poll_stat(path, kind, query, &mut self.observer),
            _ => Poll::Ready(recv.operate(path, kind, operation, &mut self.observer)),
        };
        polled.map(|result| self.for_peer(result))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        let Some(recv) = &mut self.recv else { return Poll::Ready(Err(Reason::ReadOnly)) };
        let polled = recv.poll_commit(self.sha256, &mut self.observer);
        if polled.is_ready() {
            self.sha256 = None;
        }
        polled.map(|committed| self.for_peer(committed))
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        match &mut self.recv {
            Some(recv) => recv.poll_flush_commits(&mut self.observer).map_err(|failed| {
                let commit_id = failed.commit_id;
                let refused = self.for_peer::<()>(Err(failed.error));
                CommitFailed { commit_id, reason: refused.err().unwrap_or(Reason::Storage) }
            }),
            None => Poll::Ready(Ok(())),
        }
    }
}
