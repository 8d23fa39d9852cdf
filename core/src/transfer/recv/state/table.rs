//! The transition table, as data: debug builds check each transition by it, and a test compares it
//! with the documentation.

use super::*;
use crate::transition::{Transition, row};

/// A stage without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    AwaitOffer,
    File,
    DrainRejectedTree,
    CommitTree,
    Finished,
}

use Name::*;

impl Stage {
    pub(super) fn name(&self) -> Name {
        match self {
            Self::AwaitOffer => AwaitOffer,
            Self::File(_) => File,
            Self::DrainRejectedTree(_) => DrainRejectedTree,
            Self::CommitTree => CommitTree,
            Self::Finished(_) => Finished,
        }
    }
}

pub(crate) const TRANSITIONS: &[Transition<Name, Event>] = &[
    row(&[AwaitOffer], Event::TreeAccepted, AwaitOffer, "lossy: `PON`"),
    row(&[AwaitOffer, CommitTree], Event::FileAccepted, File, "lossy: `PON`"),
    row(&[AwaitOffer, File, CommitTree], Event::Ended, AwaitOffer, "`ERR`; lossy: `DON`"),
    row(&[AwaitOffer, File, CommitTree], Event::Ended, Finished, "`DON`, `ERR`"),
    row(&[AwaitOffer, Finished], Event::Reoffered, AwaitOffer, ""),
    row(&[Finished], Event::TreeRefused, DrainRejectedTree, ""),
    row(&[AwaitOffer, CommitTree], Event::TreeSent, CommitTree, "`Store::commit`"),
    row(&[DrainRejectedTree], Event::Drained, Finished, ""),
];
