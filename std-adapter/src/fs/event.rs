//! What a store reports while it works. Knows nothing of who listens.

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

/// Hears what a store does: for progress bars, logs and the list of failures at the end.
///
/// `()` hears nothing; a closure that takes an [`Event`] is an observer too.
pub trait Observer {
    /// Something happened.
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

/// Which way content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From here to the other end.
    Sending,
    /// From the other end to here.
    Receiving,
}

/// Something that a store did or saw.
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
        /// What it is.
        kind: Kind,
        /// Its size in bytes, where known.
        size: Option<u64>,
        /// Bytes of it that are here already: to be proven, not to be received.
        held: u64,
        /// Which way it goes.
        direction: Direction,
    },
    /// The receiver turns out to have this much of the file that is being sent.
    Resumed {
        /// Everything before, in bytes.
        held: u64,
    },
    /// Content was stored, or loaded for sending; what is loaded once more does not count, nor what
    /// is loaded only to prove what the receiver has.
    Moved {
        /// How many bytes.
        bytes: u64,
    },
    /// It is in place at the receiver. In a tree, others may have begun by then, and a sender may
    /// learn it only at the tree's end; entries are done in the order in which they were offered.
    Done {
        /// Its path.
        path: &'a str,
        /// What it is.
        kind: Kind,
        /// Its size in bytes; of what is no file, 0.
        size: u64,
        /// Bytes of it that the receiver had before: all of them if the file was the same.
        held: u64,
        /// SHA-256 of a file, where both ends agreed on that.
        sha256: Option<[u8; 32]>,
    },
    /// It did not get through.
    Failed {
        /// Its path.
        path: &'a str,
        /// Why.
        reason: Reason,
        /// The same in the words of the operating system or of the other end; may be empty.
        detail: &'a str,
        /// Whether it was the other end that said so.
        at_peer: bool,
    },
    /// It is in place, but its time or its permission bits could not be set.
    Unset {
        /// Its path.
        path: &'a str,
        /// Why, in the words of the operating system.
        detail: &'a str,
    },
    /// It is in place, but its file system refuses to make files durable: what is stored there may be
    /// lost or incomplete after a loss of power. Reported once for each file system.
    NotDurable {
        /// The path of an entry that was just stored.
        path: &'a str,
        /// Why, in the words of the operating system.
        detail: &'a str,
    },
}
