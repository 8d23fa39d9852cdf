//! Where the events of a transfer go.

use std::time::Duration;

use tinyferry::core::Reason;

use super::state::State;
use crate::json::Totals;
use crate::names::Names;

/// Shows the state at one time.
pub(super) type Show = Box<dyn FnMut(&State) + Send>;

/// Shows the events of a transfer: to a person on standard error, or to a program on standard output.
pub(super) trait Sink {
    /// Shows the state, and the period of its calls; `None`: the state is not shown.
    fn show(&self) -> Option<(Duration, Show)>;

    /// An entry begins.
    fn begin(&mut self, begun: &Begun<'_>);

    /// An entry has a result; `totals` contain it.
    fn result(&mut self, result: &EntryResult<'_>, totals: Totals);

    /// The state is no longer shown.
    fn hide(&mut self);
}

/// An entry that begins.
pub(super) struct Begun<'a> {
    pub(super) names: &'a Names,
    /// Its path in the events.
    pub(super) path: &'a str,
    /// Its size in bytes, where known.
    pub(super) size: Option<u64>,
    /// The bytes of its content that the receiver has.
    pub(super) prefix: u64,
}

/// The result of an entry.
pub(super) struct EntryResult<'a> {
    pub(super) names: &'a Names,
    /// Its path in the events.
    pub(super) path: &'a [u8],
    pub(super) outcome: Outcome<'a>,
}

/// The result.
pub(super) enum Outcome<'a> {
    /// A file is in place.
    File {
        size: u64,
        /// The bytes that the receiver had before.
        prefix: u64,
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
