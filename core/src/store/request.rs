//! Requests to a store, as values that a driver passes on.

use core::task::Poll;

#[cfg(doc)]
use super::Deferral;
use super::{
    Accepted, CommitFailed, Digests, Entry, Index, Kind, Offer, Operation, RequestOptions, Stat,
    Store,
};
use crate::error::Reason;
use crate::wire::operation::emit_index;

/// A request to a store: see [`answer`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// An explicit tag: where the compiler hides the tag in a niche, each match costs more flash.
#[repr(u8)]
pub enum Request<'a> {
    /// [`Store::offer`] or [`Deferral::poll_offer`].
    Offer(Offer<'a>),
    /// [`Store::rejected`].
    Rejected {
        /// The path. Hostile.
        path: &'a [u8],
        /// Why the offer is refused.
        reason: Reason,
    },
    /// [`Store::store`].
    Store {
        /// Where in the file, in bytes.
        position: u64,
        /// The bytes to write; at least one.
        bytes: &'a [u8],
        /// Whether [`Store::is_ready`] is asked first.
        waits: bool,
    },
    /// [`Store::load`].
    Load {
        /// Where in the file, in bytes.
        position: u64,
        /// The buffer to fill; at least one byte.
        into: &'a mut [u8],
        /// Whether [`Store::hole`] is asked first, and [`Reply::Hole`] is an answer.
        holes: bool,
        /// Whether [`Store::is_ready`] is asked before.
        waits: bool,
    },
    /// [`Store::store_zeros`].
    StoreZeros {
        /// Where in the file, in bytes.
        position: u64,
        /// The number of zeros; at least one.
        length: u64,
        /// Whether [`Store::is_ready`] is asked first.
        waits: bool,
    },
    /// [`Store::verified`], then [`Store::commit`] or [`Deferral::poll_commit`].
    Commit(Digests),
    /// [`Deferral::poll_commit`] again, after [`Reply::Pending`].
    CommitAgain,
    /// [`Deferral::poll_flush_commits`].
    FlushCommits,
    /// [`Store::operate`] or [`Deferral::poll_operate`].
    Operate {
        /// The path; empty: the root of the tree.
        path: &'a str,
        /// Whether the path was given as that of a directory.
        kind: Kind,
        /// The operation.
        operation: Operation<'a>,
    },
    /// [`Store::index`], until there is no more.
    Index {
        /// The buffer for the metadata that contains the index.
        into: &'a mut [u8],
    },
    /// [`Store::refusal_message`].
    RefusalMessage {
        /// The buffer for the message.
        into: &'a mut [u8],
    },
    /// [`Store::abandon`].
    Abandon {
        /// Why.
        reason: Reason,
        /// Whether the tree around the file ends as well.
        all: bool,
    },
    /// [`Store::names_only`], then [`Store::open`].
    Open {
        /// The path.
        path: &'a str,
        /// Whether it is a tree.
        tree: bool,
        /// Whether only the offers are requested.
        names_only: bool,
        /// [`Store::options`], which is called before.
        options: Option<RequestOptions<'a>>,
    },
    /// [`Store::next`]; after the last entry [`Store::omitted`].
    Next {
        /// The buffer for the path.
        path: &'a mut [u8],
    },
    /// [`Store::verified`], then [`Store::check`].
    Check(Digests),
    /// [`Store::refused`].
    Refused {
        /// The entry, counted from 0 in the order of [`Store::next`], without trees.
        entry: u32,
        /// Why.
        reason: Reason,
        /// The message of the other end, often empty. Hostile: escape it before showing it.
        message: &'a str,
    },
    /// [`Store::tree_refused`].
    TreeRefused {
        /// Why.
        reason: Reason,
        /// The message of the other end, often empty. Hostile: escape it before showing it.
        message: &'a str,
    },
    /// [`Store::resumed`].
    Resumed {
        /// The entry, counted as in [`Request::Refused`].
        entry: u32,
        /// The receiver has everything before, in bytes.
        position: u64,
    },
    /// [`Store::answered`].
    Answered {
        /// The entry, counted as in [`Request::Refused`].
        entry: u32,
        /// The answer. Hostile.
        stat: Stat,
        /// The index, if one came. Hostile.
        index: Index<'a>,
    },
    /// [`Store::completed`].
    Completed,
}

/// A store's answer to a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
// An explicit tag: where the compiler hides the tag in a niche, each match costs more flash.
#[repr(u8)]
pub enum Reply {
    /// To `Store`, `StoreZeros`, `Load`, `Index` and `RefusalMessage`: the number of bytes. 0 at the end of a file.
    Moved(usize),
    /// To `Load`: the number of zeros from the position on; at least one.
    Hole(u64),
    /// To `Offer`.
    Accepted(Accepted),
    /// To `Operate`.
    Operated(Stat),
    /// To `Next`.
    Entry(Entry),
    /// To `Next`: there is no further entry.
    End {
        /// Entries of the tree that were not offered.
        omitted: u32,
    },
    /// To `Refused`: it is not counted, since it will be offered once more or was counted before.
    NotCounted,
    /// To `FlushCommits`: the first one that failed.
    CommitFailed(CommitFailed),
    /// To `Offer`, `Operate`, `Commit`, `CommitAgain` and `FlushCommits`: the store is busy, poll it again. To `Store`,
    /// `StoreZeros` and `Load`: it is not ready, repeat the request later.
    Pending,
    /// To all others.
    Done,
    /// To any: it could not be done.
    Refused(Reason),
}

/// Performs `request` by a call of `store`.
pub fn answer<S: Store + ?Sized>(store: &mut S, request: Request<'_>) -> Reply {
    let done = |()| Reply::Done;
    match request {
        Request::Offer(offer) => match store.deferral() {
            Some(deferral) => reply_to_poll(deferral.poll_offer(&offer), Reply::Accepted),
            // Nobody would complete a deferred commit.
            None => reply_to(store.offer(&Offer { commit_id: None, ..offer }), Reply::Accepted),
        },
        Request::Operate { path, kind, operation } => match store.deferral() {
            Some(deferral) => {
                reply_to_poll(deferral.poll_operate(path, kind, &operation), Reply::Operated)
            }
            None => reply_to(store.operate(path, kind, &operation), Reply::Operated),
        },
        Request::Index { into } => Reply::Moved(emit_index(into, || store.index())),
        Request::Rejected { path, reason } => {
            store.rejected(path, reason);
            Reply::Done
        }
        Request::Store { waits: true, .. }
        | Request::StoreZeros { waits: true, .. }
        | Request::Load { waits: true, .. }
            if !store.is_ready() =>
        {
            Reply::Pending
        }
        Request::Store { position, bytes, .. } => {
            reply_to(store.store(position, bytes), Reply::Moved)
        }
        Request::Load { position, into, holes, .. } => {
            match if holes { store.hole(position) } else { None } {
                Some(length) if length > 0 => Reply::Hole(length),
                _ => reply_to(store.load(position, into), Reply::Moved),
            }
        }
        Request::StoreZeros { position, length, .. } => {
            let stored = store.store_zeros(position, length);
            reply_to(stored, |count| Reply::Moved(usize::try_from(count).unwrap_or(usize::MAX)))
        }
        Request::Commit(digests) => {
            store.verified(&digests);
            commit(store)
        }
        Request::CommitAgain => commit(store),
        Request::FlushCommits => match store.deferral().map(|store| store.poll_flush_commits()) {
            Some(Poll::Ready(Err(failed))) => Reply::CommitFailed(failed),
            Some(Poll::Pending) => Reply::Pending,
            Some(Poll::Ready(Ok(()))) | None => Reply::Done,
        },
        Request::RefusalMessage { into } => Reply::Moved(copy_text(store.refusal_message(), into)),
        Request::Abandon { reason, all } => {
            store.abandon(reason, all);
            Reply::Done
        }
        Request::Open { path, tree, names_only, options } => {
            store.names_only(names_only);
            let options = options.map_or(Ok(()), |options| store.options(&options));
            reply_to(options.and_then(|()| store.open(path, tree)), done)
        }
        Request::Next { path } => match store.next(path) {
            Ok(Some(entry)) => Reply::Entry(entry),
            Ok(None) => Reply::End { omitted: store.omitted() },
            Err(reason) => Reply::Refused(reason),
        },
        Request::Check(digests) => {
            store.verified(&digests);
            reply_to(store.check(), done)
        }
        Request::Refused { entry, reason, message } => {
            if store.refused(entry, reason, message) {
                Reply::NotCounted
            } else {
                Reply::Done
            }
        }
        Request::TreeRefused { reason, message } => {
            store.tree_refused(reason, message);
            Reply::Done
        }
        Request::Resumed { entry, position } => {
            store.resumed(entry, position);
            Reply::Done
        }
        Request::Answered { entry, stat, index } => {
            store.answered(entry, &stat, index);
            Reply::Done
        }
        Request::Completed => {
            store.completed();
            Reply::Done
        }
    }
}

fn commit<S: Store + ?Sized>(store: &mut S) -> Reply {
    let result = match store.deferral() {
        Some(deferral) => deferral.poll_commit(),
        None => Poll::Ready(store.commit()),
    };
    reply_to_poll(result, |()| Reply::Done)
}

fn reply_to_poll<T>(result: Poll<Result<T, Reason>>, reply: impl FnOnce(T) -> Reply) -> Reply {
    match result {
        Poll::Ready(result) => reply_to(result, reply),
        Poll::Pending => Reply::Pending,
    }
}

fn reply_to<T>(result: Result<T, Reason>, reply: impl FnOnce(T) -> Reply) -> Reply {
    result.map_or_else(Reply::Refused, reply)
}

/// Copies as many characters of `text` as there is room for. Returns their length in bytes.
fn copy_text(text: &str, into: &mut [u8]) -> usize {
    // A NUL would begin the tags of the metadata.
    let text = text.split('\0').next().unwrap_or_default();
    let mut length = text.len().min(into.len());
    while !text.is_char_boundary(length) {
        length = length.saturating_sub(1);
    }
    into.iter_mut().zip(text.bytes().take(length)).for_each(|(to, from)| *to = from);
    length
}
