//! An entry that is being put in place, for the report about it.

use tinyferry_core::store::Kind;

use crate::fs::{Event, Observer};

/// What is reported when an entry is in place.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) prefix: u64,
    /// Whether a client made the directory by itself.
    pub(super) is_alone: bool,
    /// The number of the commit, if it may be deferred.
    pub(super) commit_id: Option<u16>,
}

impl Done {
    pub(super) fn report(&self, observer: &mut impl Observer) {
        let Self { path, kind, size, prefix, is_alone, .. } = self;
        let (kind, size, prefix) = (*kind, *size, *prefix);
        observer.event(Event::Done { path, kind, size, prefix, sha256: None });
        if *is_alone {
            observer.event(Event::Made { path });
        }
    }
}
