//! The events of a store. Knows nothing of their observers.

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::amount::Amount;

/// Receives the events of a store: for progress bars, logs and the list of failures.
///
/// `()` ignores all events; a closure that takes an [`Event`] is an observer too.
pub trait Observer {
    /// Called for each event.
    fn event(&mut self, event: Event<'_>);
}

impl Observer for () {
    fn event(&mut self, _: Event<'_>) {}
}

impl<F: FnMut(Event<'_>)> Observer for F {
    fn event(&mut self, event: Event<'_>) {
        self(event);
    }
}

/// The direction of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From here to the other end.
    Sending,
    /// From the other end to here.
    Receiving,
    /// Only the names and the metadata go to the other end.
    Listing,
    /// None: an entry is removed for the other end.
    Removing,
    /// None: an entry is renamed for the other end.
    Renaming,
}

/// An event of a store.
///
/// Paths have `/` between names and begin at the root that this end sees: the served directory,
/// the directory received into, or the other end's root when sending. Names from a file system and
/// words from the other end are hostile: escape them before showing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A file, a directory or a tree begins.
    Begin {
        /// Its path.
        path: &'a str,
        /// Its kind.
        kind: Kind,
        /// Its size in bytes, where known.
        size: Option<u64>,
        /// The number of bytes that are here already: they are verified, not received.
        prefix: u64,
        /// The direction of the transfer.
        direction: Direction,
    },
    /// The receiver has a prefix of the file that is being sent.
    Resumed {
        /// The length of the prefix, in bytes.
        prefix: u64,
    },
    /// Content was stored, or loaded for sending, for the first time.
    Moved {
        /// The number of bytes.
        bytes: u64,
    },
    /// A hole was transferred as such: none of its zeros.
    Hole {
        /// The number of zeros.
        bytes: u64,
    },
    /// Content was loaded to verify the prefix that the receiver has. It is not transferred.
    Verified {
        /// The number of bytes.
        bytes: u64,
    },
    /// Content was loaded once more, since it did not arrive.
    Resent {
        /// The number of bytes.
        bytes: u64,
    },
    /// A file is sent again from its start, since the receiver could not use its prefix.
    Again {
        /// Its path.
        path: &'a str,
        /// Its size in bytes.
        size: u64,
    },
    /// A received file is complete and verified, and is about to be put in place. Not of a file that is there already
    /// and is the same. [`Event::Done`] or [`Event::Failed`] follows, unless the connection is lost meanwhile: then the
    /// file may be put in place without a further event.
    Committing {
        /// Its path.
        path: &'a str,
        /// Its size in bytes.
        size: u64,
    },
    /// Everything was transferred. The receiver makes it durable and puts it in place, which may take long.
    Completing,
    /// It is in place at the receiver. In a tree, others may have begun by then, and a sender may
    /// learn it only at the tree's end; entries are done in the order in which they were offered.
    Done {
        /// Its path.
        path: &'a str,
        /// Its kind.
        kind: Kind,
        /// Its size in bytes; 0 if it is not a file.
        size: u64,
        /// Bytes of it that the receiver had before: all of them if the file was the same.
        prefix: u64,
        /// SHA-256 of a file, where both ends agreed on that.
        sha256: Option<[u8; 32]>,
    },
    /// Files were not sent, since the receiver has them. Comes as soon as that is known, for a part of the tree.
    Unchanged {
        /// These files.
        amount: Amount,
    },
    /// At the end of a tree that was compared: whether the receiver has the same entries, and no others.
    Compared {
        /// `false`: it is not known.
        is_same: bool,
    },
    /// It is a link at the receiver: see [`LinkKinds`](crate::fs::LinkKinds).
    Linked {
        /// Its path.
        path: &'a str,
        /// The target of a symbolic link; for a hard link, the path below the root of the tree of the file whose
        /// name it is too.
        target: &'a str,
        /// Whether it is a hard link.
        is_hard: bool,
    },
    /// The other end has removed it, or the user has.
    Removed {
        /// Its path.
        path: &'a str,
    },
    /// The other end has renamed it.
    Renamed {
        /// Its path before.
        from: &'a str,
        /// Its path now.
        path: &'a str,
    },
    /// The other end has made the directory by itself, without content and without metadata: `mkdir`. Follows
    /// [`Event::Done`].
    Made {
        /// Its path.
        path: &'a str,
    },
    /// It is stored under another name, since a file has its own. [`Event::Done`] follows with that name.
    KeptBoth {
        /// Its path as it was offered.
        path: &'a str,
        /// Its path now.
        stored: &'a str,
    },
    /// It was not transferred.
    Failed {
        /// Its path.
        path: &'a str,
        /// The direction of the transfer.
        direction: Direction,
        /// The reason.
        reason: Reason,
        /// The message of the operating system or of the other end, or empty.
        detail: &'a str,
        /// Whether the other end reported the failure.
        at_peer: bool,
    },
    /// It was not transferred because of its path, which is not UTF-8.
    NotUtf8 {
        /// Its path, as bytes: [`describe::bytes`](crate::describe::bytes) shows it.
        path: &'a [u8],
        /// The direction of the transfer.
        direction: Direction,
        /// The reason.
        reason: Reason,
    },
    /// It is in place, but its time or its permission bits could not be set.
    Unset {
        /// Its path.
        path: &'a str,
        /// The message of the operating system.
        detail: &'a str,
    },
    /// It is in place, but its file system refuses to make files durable: its files may be lost or
    /// incomplete after a power failure. Reported once for each file system.
    NotDurable {
        /// The path of an entry that was just stored.
        path: &'a str,
        /// The message of the operating system.
        detail: &'a str,
    },
}
