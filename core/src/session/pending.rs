//! The step that a session waits for, and the data that its answer needs.

use super::*;

/// The step that the driver is at.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum PendingIo {
    Receive {
        wanted: usize,
    },
    /// A signal goes out; then its metadata, whose length is in bytes.
    SendSignal {
        done: usize,
        metadata: u16,
    },
    /// A chunk goes out, or the metadata of the signal before.
    SendChunk {
        done: usize,
        length: usize,
    },
    Load {
        position: u64,
        length: u16,
        done: u16,
        /// Whether it is sent; else it is only for the digest.
        sends: bool,
    },
    /// Between two parts of long work: input is read if there is any, until `wanted` bytes are
    /// buffered.
    Pause {
        wanted: Option<usize>,
    },
    /// The payload at the reader's front is stored, but for `skip` bytes.
    Store {
        position: u64,
        skip: u16,
        length: u16,
        done: u16,
    },
    /// The part of the hole at the reader's front that is stored, but for `done` zeros.
    StoreZeros {
        done: u32,
    },
    /// The store decides on an offer, or receives the reason of its refusal.
    Offer(Result<(), Reason>),
    /// The store performs the operation that was offered.
    Operate,
    /// The store is asked for the index of its answer, which is sent next.
    Index,
    /// The store receives the answer to an operation.
    Answered,
    Open,
    NextEntry,
    Check,
    Commit,
    /// The store was busy.
    CommitAgain,
    /// Before a reply that acknowledges earlier files, or before the tree is committed.
    FlushCommits,
    Abandon(Abandon),
    /// The store is asked for the message of its refusal, which is sent next.
    RefusalMessage,
    /// Text in the buffer of the input.
    Text {
        at: u16,
        length: u16,
    },
    Refused {
        entry: u32,
        reason: Reason,
    },
    /// The store receives the refusal of the tree by the other end.
    TreeRefused(Reason),
    /// The store is told that the other end sends no more of the open file or tree.
    GivenUp(Reason),
    Resumed {
        entry: u32,
        position: u64,
    },
    Completed,
    Over,
}

/// A call that a busy store has not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Deferred {
    /// An offer, an operation, or deferred commits.
    Other,
    /// The commit of the open file or tree.
    Commit,
}
