//! What a machine asks of a store, as a value: a driver hands it on.

use core::task::Poll;

use super::{Accepted, Digests, Entry, Late, Offer, Store};
use crate::error::Reason;

/// What a machine asks of a store. Answered by [`answer`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request<'a> {
    /// [`Store::poll_offer`].
    Offer(Offer<'a>),
    /// [`Store::rejected`].
    Rejected {
        /// What came in place of a path. Hostile.
        path: &'a [u8],
        /// Why the offer is refused.
        reason: Reason,
    },
    /// [`Store::store`].
    Store {
        /// Where in the file, in bytes.
        position: u64,
        /// What to put there; at least one byte.
        bytes: &'a [u8],
    },
    /// [`Store::load`].
    Load {
        /// Where in the file, in bytes.
        position: u64,
        /// What to fill; at least one byte.
        into: &'a mut [u8],
    },
    /// [`Store::verified`], then [`Store::poll_commit`].
    Commit(Digests),
    /// [`Store::poll_commit`] again, which was [`Reply::Pending`].
    CommitAgain,
    /// [`Store::poll_settle`].
    Settle,
    /// [`Store::abandon`].
    Abandon {
        /// Why.
        reason: Reason,
        /// Whether the tree around the file ends as well.
        all: bool,
    },
    /// [`Store::names_only`], then [`Store::open`].
    Open {
        /// What is asked for.
        path: &'a str,
        /// Whether as a tree.
        tree: bool,
        /// Whether only the offers are wanted.
        names_only: bool,
    },
    /// [`Store::next`], and where there is no more [`Store::omitted`].
    Next {
        /// Where the path goes.
        path: &'a mut [u8],
    },
    /// [`Store::verified`], then [`Store::check`].
    Check(Digests),
    /// [`Store::refused`].
    Refused {
        /// Which entry, counted from 0 in the order of [`Store::next`], trees left out.
        entry: u32,
        /// Why.
        reason: Reason,
        /// The other end's own words, often empty. Hostile: escape before showing.
        words: &'a str,
    },
    /// [`Store::resumed`].
    Resumed {
        /// Which entry, counted as in [`Request::Refused`].
        entry: u32,
        /// The receiver has everything before, in bytes.
        position: u64,
    },
    /// [`Store::completed`].
    Completed,
}

/// A store's answer to a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reply {
    /// To `Store` and `Load`: so many bytes were moved. 0 at the end of a file.
    Moved(usize),
    /// To `Offer`.
    Accepted(Accepted),
    /// To `Next`.
    Entry(Entry),
    /// To `Next`: there is no more.
    End {
        /// How many entries of the tree were not offered.
        omitted: u32,
    },
    /// To `Refused`: it will be offered once more.
    Again,
    /// To `Settle`: there may be more.
    Late(Late),
    /// To `Offer`, `Commit`, `CommitAgain` and `Settle`: it is not done yet, ask again.
    Pending,
    /// To all others.
    Done,
    /// To any: it could not be done.
    Refused(Reason),
}

/// Lets `store` answer `request`: the one place where requests become calls.
pub fn answer<S: Store + ?Sized>(store: &mut S, request: Request<'_>) -> Reply {
    let done = |()| Reply::Done;
    match request {
        Request::Offer(offer) => polled(store.poll_offer(&offer), Reply::Accepted),
        Request::Rejected { path, reason } => {
            store.rejected(path, reason);
            Reply::Done
        }
        Request::Store { position, bytes } => said(store.store(position, bytes), Reply::Moved),
        Request::Load { position, into } => said(store.load(position, into), Reply::Moved),
        Request::Commit(digests) => {
            store.verified(&digests);
            polled(store.poll_commit(), done)
        }
        Request::CommitAgain => polled(store.poll_commit(), done),
        Request::Settle => match store.poll_settle() {
            Poll::Ready(result) => result.map_or_else(Reply::Late, done),
            Poll::Pending => Reply::Pending,
        },
        Request::Abandon { reason, all } => {
            store.abandon(reason, all);
            Reply::Done
        }
        Request::Open { path, tree, names_only } => {
            store.names_only(names_only);
            said(store.open(path, tree), done)
        }
        Request::Next { path } => match store.next(path) {
            Ok(Some(entry)) => Reply::Entry(entry),
            Ok(None) => Reply::End { omitted: store.omitted() },
            Err(reason) => Reply::Refused(reason),
        },
        Request::Check(digests) => {
            store.verified(&digests);
            said(store.check(), done)
        }
        Request::Refused { entry, reason, words } => {
            if store.refused(entry, reason, words) {
                Reply::Again
            } else {
                Reply::Done
            }
        }
        Request::Resumed { entry, position } => {
            store.resumed(entry, position);
            Reply::Done
        }
        Request::Completed => {
            store.completed();
            Reply::Done
        }
    }
}

fn polled<T>(result: Poll<Result<T, Reason>>, reply: impl FnOnce(T) -> Reply) -> Reply {
    match result {
        Poll::Ready(result) => said(result, reply),
        Poll::Pending => Reply::Pending,
    }
}

fn said<T>(result: Result<T, Reason>, reply: impl FnOnce(T) -> Reply) -> Reply {
    result.map_or_else(Reply::Refused, reply)
}
