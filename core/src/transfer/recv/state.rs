//! The stages of a receiver, and the transitions between them: [`Receiver::enter`] is the only place
//! that assigns the stage.
//!
//! ```text
//!             SAF accepted                  DON, digest is right, committed
//! AwaitOffer ────────────► File ───────────────────────────────┐
//!     ▲  ▲                  │ │ refused, to be offered again   │
//!     │  └──────────────────┘ │ (or: any end, within a tree)   ▼
//!     │ SAR accepted          └──────────────────────────► Finished
//!     ├──► (a tree is open)                                    ▲
//!     │        └─ DON of the tree ──► CommitTree ──────────────┤ committed
//!     └─ SAR refused, reliable link ► DrainRejectedTree ───────┘ DON or ERR of the tree
//! ```
//!
//! | state | event | next state | output |
//! |---|---|---|---|
//! | AwaitOffer | TreeAccepted: The store accepts a tree | AwaitOffer | lossy: `PON` |
//! | AwaitOffer, CommitTree | FileAccepted: The store accepts a file | File | lossy: `PON` |
//! | AwaitOffer, File, CommitTree | Ended: An entry or the tree has ended, in place, refused or given up | AwaitOffer | `ERR`; lossy: `DON` |
//! | AwaitOffer, File, CommitTree | Ended: An entry or the tree has ended, in place, refused or given up | Finished | `DON`, `ERR` |
//! | AwaitOffer, Finished | Reoffered: The sender offers the refused file again | AwaitOffer |  |
//! | Finished | TreeRefused: The tree was refused on a reliable link, where its entries are on their way | DrainRejectedTree |  |
//! | AwaitOffer, CommitTree | TreeSent: `DON`: everything in the tree was sent | CommitTree | `Store::commit` |
//! | DrainRejectedTree | Drained: `DON` or `ERR`: the last entry of the refused tree came | Finished |  |

use super::*;

#[cfg(any(test, debug_assertions))]
mod table;
#[cfg(test)]
mod tests;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
// An explicit tag: where the compiler hides the tag in a niche, each match costs more flash.
#[repr(u8)]
pub(super) enum Stage {
    AwaitOffer,
    /// A file is open.
    File(RecvFile),
    /// The tree was refused; its entries, which are on their way, are dropped.
    DrainRejectedTree(Reason),
    /// The tree's `DON` came.
    CommitTree,
    Finished(Result<(), Reason>),
}

/// The event of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The store accepts a tree.
    TreeAccepted,
    /// The store accepts a file.
    FileAccepted,
    /// An entry or the tree has ended, in place, refused or given up.
    Ended,
    /// The sender offers the refused file again.
    Reoffered,
    /// The tree was refused on a reliable link, where its entries are on their way.
    TreeRefused,
    /// `DON`: everything in the tree was sent.
    TreeSent,
    /// `DON` or `ERR`: the last entry of the refused tree came.
    Drained,
}

impl<P: Profile> Receiver<P> {
    /// Enters a stage. In a build with debug assertions the table must have the transition.
    #[inline(always)]
    pub(super) fn enter(&mut self, event: Event, stage: Stage) {
        #[cfg(any(test, debug_assertions))]
        crate::transition::check(table::TRANSITIONS, self.stage.name(), event, stage.name());
        let _ = event;
        self.stage = stage;
    }
}
