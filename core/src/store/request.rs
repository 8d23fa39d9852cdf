//! Requests to a store, as values that a driver passes on.

use super::{
    Accepted, CommitFailed, Digests, Entry, Index, Kind, Offer, Operation, RequestOptions, Stat,
};
#[cfg(doc)]
use super::{Deferral, Store, answer};
use crate::error::Reason;

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
        /// Whether [`Store::has_more`] is asked before: a part of the chunk is loaded.
        is_part: bool,
        /// Whether [`Store::prefix_digest`] is asked first, and [`Reply::Digest`] is an answer.
        proves: bool,
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
    /// [`Store::given_up`].
    GivenUp {
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
    /// To `Load`: the CRC-64/NVME of the prefix.
    Digest(u64),
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
