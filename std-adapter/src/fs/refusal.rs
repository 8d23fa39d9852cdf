//! What the other end and the observer learn of a refusal, in each store.

use tinyferry_core::error::Reason;

use super::{Direction, Event, Links, Observer};
use crate::fs::error::StoreError;

/// The reason for the other end, and the message. An end that may not read here receives the details of limits and refused
/// links only: other details may contain the names of existing files.
pub(crate) fn for_peer(error: StoreError, may_read: bool) -> (Reason, String) {
    let StoreError { reason, detail } = error;
    let is_limit = matches!(reason, Reason::TooLarge | Reason::TooDeep | Reason::NoSpace);
    let is_told = may_read || is_limit || Links::is_detail(&detail);
    (reason, if is_told { detail } else { String::new() })
}

/// Reports that the session has refused an offer by itself.
pub(crate) fn rejected(path: &[u8], reason: Reason, observer: &mut impl Observer) {
    let direction = Direction::Receiving;
    let (detail, at_peer) = ("", false);
    observer.event(match std::str::from_utf8(path) {
        Ok(path) => Event::Failed { path, direction, reason, detail, at_peer },
        Err(_) => Event::NotUtf8 { path, direction, reason },
    });
}
