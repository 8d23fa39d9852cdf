//! Failures of entries that another attempt may transfer.

use tinyferry::core::Reason;

use super::sink::Outcome;

/// Such a failure. It is the result of the entry if no other attempt follows.
pub(super) struct Postponed {
    /// The path of the entry in the events.
    pub(super) path: Vec<u8>,
    pub(super) reason: Reason,
    pub(super) detail: String,
    pub(super) at_peer: bool,
    pub(super) message: String,
}

impl Postponed {
    /// Whether another attempt may transfer an entry that has failed for this reason: this end has ended the
    /// attempt, or another transfer writes the file.
    pub(super) fn is_for(reason: Reason, at_peer: bool) -> bool {
        reason == Reason::InUse || (reason == Reason::Cancelled && !at_peer)
    }

    pub(super) fn outcome(&self) -> Outcome<'_> {
        let Self { reason, ref detail, at_peer, ref message, .. } = *self;
        Outcome::Failed { reason, has_vanished: false, detail, at_peer, message }
    }
}
