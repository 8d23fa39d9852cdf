//! Where the events of a transfer go.

use tinyferry::core::Reason;
use tinyferry::core::store::Kind;

use crate::json::Totals;
use crate::names::Names;
use crate::retry::Retry;

/// Shows the events of a transfer: to a person on standard error, or to a program on standard output.
pub(super) trait Sink {
    /// An entry begins.
    fn begin(&mut self, begun: &Begun<'_>);

    /// The receiver has `held` bytes of the entry. `is_lone`: the entry is not in a tree.
    fn resume(&mut self, held: u64, is_lone: bool);

    /// Content of the entry was transferred.
    fn moved(&mut self, bytes: u64);

    /// An entry has a result; `totals` contain it.
    fn result(&mut self, result: &EntryResult<'_>, totals: Totals);

    /// The connection is made again after a pause.
    fn retry(&mut self, retry: &Retry);

    /// Ends the display of the state.
    fn clear(&mut self);
}

/// An entry that begins.
pub(super) struct Begun<'a> {
    pub(super) names: &'a Names,
    /// Its path in the events.
    pub(super) path: &'a str,
    pub(super) kind: Kind,
    /// Its size in bytes, where known.
    pub(super) size: Option<u64>,
    /// The bytes of its content that the receiver has.
    pub(super) held: u64,
    /// Whether it is not in a tree.
    pub(super) is_lone: bool,
}

/// The result of an entry.
pub(super) struct EntryResult<'a> {
    pub(super) names: &'a Names,
    /// Its path in the events.
    pub(super) path: &'a [u8],
    pub(super) outcome: Outcome<'a>,
    /// Whether standard output is the content of a file.
    pub(super) has_content: bool,
}

/// The result.
pub(super) enum Outcome<'a> {
    /// A file is in place.
    File {
        size: u64,
        /// The bytes that the receiver had before.
        held: u64,
        /// Whether it had all of them.
        is_same: bool,
        sha256: Option<[u8; 32]>,
        /// Its path if a file that was there kept its own.
        stored: Option<&'a str>,
    },
    /// A directory is in place.
    Directory,
    /// A link is in place.
    Link { target: &'a str, is_hard: bool },
    /// It was not transferred.
    Failed {
        reason: Reason,
        /// Whether the source had it when its directory was read.
        has_vanished: bool,
        /// The message of the system or of the other end, or empty.
        detail: &'a str,
        /// Whether the other end reported the failure.
        at_peer: bool,
        message: &'a str,
    },
}
