//! A store whose calls wait without blocking the executor.

use core::future::Future;

use super::answer::copy_text;
use super::{
    Accepted, Digests, Entry, Kind, Offer, Operation, Reply, Request, Stat, Store, answer,
};
use crate::error::Reason;

/// A store for the async driver. Each [`Store`] is one; a store of its own provides the methods that it needs, each as
/// the method of [`Store`] with the same name describes.
///
/// While a future is pending, other tasks of the executor run, and the driver tells the other end every two seconds
/// that this end is busy (`PROTOCOL.md`, R78), if it has a clock and a transfer is under way. It reads no input
/// meanwhile: input waits in the buffer of the stream. Content that may take minutes to come, as that of a log,
/// is announced by [`AsyncStore::is_ready`].
///
/// A driver that is dropped drops the future. Called again, it repeats the call with the same arguments: a store must
/// take the same bytes at the same position twice.
pub trait AsyncStore {
    /// [`Store::offer`].
    fn offer(&mut self, offer: &Offer<'_>) -> impl Future<Output = Result<Accepted, Reason>> {
        let _ = offer;
        async { Err(Reason::ReadOnly) }
    }

    /// [`Store::rejected`].
    fn rejected(&mut self, path: &[u8], reason: Reason) {
        let _ = (path, reason);
    }

    /// [`Store::is_ready`].
    fn is_ready(&mut self) -> bool {
        true
    }

    /// [`Store::store`].
    fn store(
        &mut self,
        position: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<usize, Reason>> {
        let _ = (position, bytes);
        async { Err(Reason::ReadOnly) }
    }

    /// [`Store::load`].
    fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
    ) -> impl Future<Output = Result<usize, Reason>> {
        let _ = (position, into);
        async { Err(Reason::Storage) }
    }

    /// [`Store::verified`] and [`Store::commit`].
    fn commit(&mut self, digests: &Digests) -> impl Future<Output = Result<(), Reason>> {
        let _ = digests;
        async { Err(Reason::ReadOnly) }
    }

    /// [`Store::refusal_message`].
    fn refusal_message(&mut self) -> &str {
        ""
    }

    /// [`Store::abandon`].
    fn abandon(&mut self, reason: Reason, all: bool) -> impl Future<Output = ()> {
        let _ = (reason, all);
        async {}
    }

    /// [`Store::operate`].
    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> impl Future<Output = Result<Stat, Reason>> {
        let _ = (path, kind, operation);
        async { Err(Reason::Unsupported) }
    }

    /// [`Store::open`]. `names_only`: only the offers are requested. The client is not told that this end is busy.
    fn open(
        &mut self,
        path: &str,
        tree: bool,
        names_only: bool,
    ) -> impl Future<Output = Result<(), Reason>> {
        let _ = (path, tree, names_only);
        async { Err(Reason::WriteOnly) }
    }

    /// [`Store::next`].
    fn next(&mut self, path: &mut [u8]) -> impl Future<Output = Result<Option<Entry>, Reason>> {
        let _ = path;
        async { Ok(None) }
    }

    /// [`Store::omitted`].
    fn omitted(&mut self) -> u32 {
        0
    }

    /// [`Store::check`].
    fn check(&mut self) -> impl Future<Output = Result<(), Reason>> {
        async { Ok(()) }
    }

    /// [`Store::refused`].
    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        let _ = (entry, reason, message);
        false
    }

    /// Performs a request by a call of these methods; a [`Store`] performs it by [`answer`].
    fn answer(&mut self, request: Request<'_>) -> impl Future<Output = Reply> {
        async move {
            match request {
                Request::Offer(offer) => {
                    let answer = self.offer(&Offer { commit_id: None, ..offer }).await;
                    answer.map_or_else(Reply::Refused, Reply::Accepted)
                }
                Request::Rejected { path, reason } => {
                    self.rejected(path, reason);
                    Reply::Done
                }
                Request::Store { waits: true, .. } | Request::Load { waits: true, .. }
                    if !self.is_ready() =>
                {
                    Reply::Pending
                }
                Request::Store { position, bytes, .. } => moved(self.store(position, bytes).await),
                Request::Load { position, into, .. } => moved(self.load(position, into).await),
                Request::StoreZeros { position, length, .. } => {
                    moved(self.store(position, super::zeros::zeros(length)).await)
                }
                Request::Commit(digests) => done(self.commit(&digests).await),
                Request::Operate { path, kind, operation } => {
                    let answer = self.operate(path, kind, &operation).await;
                    answer.map_or_else(Reply::Refused, Reply::Operated)
                }
                Request::RefusalMessage { into } => {
                    Reply::Moved(copy_text(self.refusal_message(), into))
                }
                Request::Abandon { reason, all } => {
                    self.abandon(reason, all).await;
                    Reply::Done
                }
                Request::Open { options: Some(_), .. } => Reply::Refused(Reason::Unsupported),
                Request::Open { path, tree, names_only, options: None } => {
                    done(self.open(path, tree, names_only).await)
                }
                Request::Next { path } => match self.next(path).await {
                    Ok(Some(entry)) => Reply::Entry(entry),
                    Ok(None) => Reply::End { omitted: self.omitted() },
                    Err(reason) => Reply::Refused(reason),
                },
                Request::Check(_) => done(self.check().await),
                Request::Refused { entry, reason, message } => {
                    match self.refused(entry, reason, message) {
                        true => Reply::NotCounted,
                        false => Reply::Done,
                    }
                }
                Request::Index { .. } => Reply::Moved(0),
                // No call is deferred, and nobody is told of the rest.
                _ => Reply::Done,
            }
        }
    }
}

impl<S: Store + ?Sized> AsyncStore for S {
    async fn answer(&mut self, request: Request<'_>) -> Reply {
        answer(self, request)
    }
}

fn moved(result: Result<usize, Reason>) -> Reply {
    result.map_or_else(Reply::Refused, Reply::Moved)
}

fn done(result: Result<(), Reason>) -> Reply {
    result.map_or_else(Reply::Refused, |()| Reply::Done)
}
