//! The stages of a sender, and the transitions between them: [`Sender::enter`] is the only place that
//! assigns the stage.
//!
//! ```text
//! NextEntry ─► Ask(OfferTree) ─► Await(OfferTree) ─► NextEntry
//!     ├──────► Ask(Operate) ─► Await(Operate) ─► NextEntry
//!     ├──────► Settle ─► NextEntry: operations were not answered before
//!     ├──────► Ask(OfferFile) ─► Await(OfferFile) ─► Data ─► Check ─► Ask(FileDone) ─┐
//!     │            │                                  ▲ │                            ▼
//!     │            └──────────────────────────────────┘ └► Ask(FileError)    Await(FileDone)
//!     ├◄──────────── refused, given up or in place ─────────────┴────────────────────┘
//!     ├──────► Ask(TreeDone) ─► Await(TreeDone) ─► Finished
//!     └──────► Ask(TreeError) ─► Await(TreeError) ─► Finished
//! ```
//!
//! A question is asked as soon as the credit allows. On a reliable link most answers are not
//! awaited. On a lossy link `Await` goes back to `Ask` where no answer comes in time.
//!
//! | state | event | next state | output |
//! |---|---|---|---|
//! | NextEntry | Tree: The store gives a tree | Ask(OfferTree) |  |
//! | NextEntry | Entry: The store gives a file or a directory | Ask(OfferFile) |  |
//! | NextEntry | Entry: The store gives a file or a directory | Ask(Operate) |  |
//! | NextEntry | NoEntry: The store has no further entry | Settle |  |
//! | NextEntry | NoEntry: The store has no further entry | Ask(TreeDone) |  |
//! | NextEntry | NoEntry: The store has no further entry | Finished |  |
//! | NextEntry, Ask(OfferFile), Await(OfferFile), Data, Check, Ask(FileDone), Await(FileDone), Ask(FileError), Await(FileError) | Failed: The request fails as a whole | Ask(TreeError) |  |
//! | NextEntry | Failed: The request fails as a whole | Finished | `ERR` |
//! | Ask(OfferTree) | Asked: A question is sent | Await(OfferTree) | `SAR` |
//! | Ask(OfferTree) | Asked: A question is sent | NextEntry | `SAR` |
//! | Ask(OfferFile) | Asked: A question is sent | Await(OfferFile) | `SAF` |
//! | Ask(OfferFile) | Asked: A question is sent | Data | `SAF` |
//! | Ask(OfferFile) | Asked: A question is sent | NextEntry | `SAF` |
//! | Ask(OfferFile) | Asked: A question is sent | Ask(FileError) | `SAF` |
//! | Ask(Operate) | Asked: A question is sent | Await(Operate) | `SAF` |
//! | Ask(Operate) | Asked: A question is sent | NextEntry | `SAF` |
//! | Settle | Settled: All operations are answered | NextEntry |  |
//! | Ask(FileDone) | Asked: A question is sent | Await(FileDone) | `DON` |
//! | Ask(FileDone) | Asked: A question is sent | NextEntry | `DON` |
//! | Ask(FileError) | Asked: A question is sent | Await(FileError) | `ERR` |
//! | Ask(FileError) | Asked: A question is sent | NextEntry | `ERR` |
//! | Ask(TreeDone) | Asked: A question is sent | Await(TreeDone) | `DON` |
//! | Ask(TreeError) | Asked: A question is sent | Await(TreeError) | `ERR` |
//! | Ask(TreeError) | Asked: A question is sent | Finished | `ERR` |
//! | Await(OfferTree) | NotAnswered: No answer came in time | Ask(OfferTree) |  |
//! | Await(OfferFile) | NotAnswered: No answer came in time | Ask(OfferFile) |  |
//! | Await(Operate) | NotAnswered: No answer came in time | Ask(Operate) |  |
//! | Await(FileDone) | NotAnswered: No answer came in time | Ask(FileDone) |  |
//! | Await(FileError) | NotAnswered: No answer came in time | Ask(FileError) |  |
//! | Await(TreeDone) | NotAnswered: No answer came in time | Ask(TreeDone) |  |
//! | Await(TreeError) | NotAnswered: No answer came in time | Ask(TreeError) |  |
//! | Await(OfferTree), Await(OfferFile) | Accepted: `PON` accepts an offer | NextEntry |  |
//! | Await(OfferFile) | Accepted: `PON` accepts an offer | Data |  |
//! | Await(OfferFile) | Accepted: `PON` accepts an offer | Ask(FileError) |  |
//! | Await(TreeDone) | Reoffers: `PON` for the tree asks for files that are to be offered again | NextEntry |  |
//! | Await(FileDone) | Lost: `PON` shows lost blocks | Data |  |
//! | Data | AllSent: Everything was sent | Check | `Store::check` |
//! | Check | Checked: The store finds the source unchanged | Ask(FileDone) |  |
//! | Data, Check, Ask(FileDone) | GivenUp: This end cannot go on with the entry | Ask(FileError) | `Store::refused` |
//! | Await(OfferFile), Await(Operate), Await(FileDone) | InPlace: `DON`: the entry is in place | NextEntry |  |
//! | NextEntry, Ask(OfferFile), Await(OfferFile), Ask(Operate), Await(Operate), Settle, Data, Check, Ask(FileDone), Await(FileDone), Await(FileError) | Refused: `ERR`: the receiver refuses the entry, or knows that this end has given it up | NextEntry | `Store::refused` |
//! | Await(TreeDone) | TreeInPlace: `DON`: the tree is in place | Finished |  |
//! | NextEntry, Ask(OfferTree), Await(OfferTree), Ask(OfferFile), Await(OfferFile), Ask(Operate), Await(Operate), Settle, Data, Check, Ask(FileDone), Await(FileDone), Ask(FileError), Await(FileError), Ask(TreeDone), Await(TreeDone), Ask(TreeError), Await(TreeError) | TreeRefused: `ERR`: the receiver refuses the tree | Finished | `Store::abandon` |
//! | NextEntry, Ask(OfferTree), Ask(OfferFile), Await(OfferFile), Ask(Operate), Settle, Data, Check, Ask(FileDone), Ask(FileError), Ask(TreeDone) | TreeRefused: `ERR`: the receiver refuses the tree | Ask(TreeError) | `Store::abandon` |

use super::*;

#[cfg(any(test, debug_assertions))]
mod table;
#[cfg(test)]
mod tests;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Stage {
    /// The store gives the next entry.
    NextEntry,
    /// A question is to be sent.
    Ask(Question),
    /// The question was sent; its answer is to come.
    Await(Question),
    /// Chunks of the open file are sent.
    Data,
    /// The store checks that the source is unchanged.
    Check,
    /// The store gives no further entry for now: the receiver is to acknowledge all frames, and with
    /// them to have answered all operations.
    Settle,
    Finished,
}

/// A signal that the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Question {
    /// `SAR`.
    OfferTree,
    /// `SAF`.
    OfferFile,
    /// `SAF` that is an operation.
    Operate,
    /// `DON` of the file.
    FileDone,
    /// `ERR` of the file.
    FileError,
    /// `DON` of the tree.
    TreeDone,
    /// `ERR` of the tree.
    TreeError,
}

/// The event of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The store gives a tree.
    Tree,
    /// The store gives a file or a directory.
    Entry,
    /// The store has no further entry.
    NoEntry,
    /// All operations are answered.
    Settled,
    /// The request fails as a whole.
    Failed,
    /// A question is sent.
    Asked,
    /// No answer came in time.
    NotAnswered,
    /// `PON` accepts an offer.
    Accepted,
    /// `PON` for the tree asks for files that are to be offered again.
    Reoffers,
    /// `PON` shows lost blocks.
    Lost,
    /// Everything was sent.
    AllSent,
    /// The store finds the source unchanged.
    Checked,
    /// This end cannot go on with the entry.
    GivenUp,
    /// `DON`: the entry is in place.
    InPlace,
    /// `ERR`: the receiver refuses the entry, or knows that this end has given it up.
    Refused,
    /// `DON`: the tree is in place.
    TreeInPlace,
    /// `ERR`: the receiver refuses the tree.
    TreeRefused,
}

impl<P: Profile> Sender<P> {
    /// Enters a stage. In a build with debug assertions the table must have the transition.
    #[inline(always)]
    pub(super) fn enter(&mut self, event: Event, stage: Stage) {
        #[cfg(any(test, debug_assertions))]
        crate::transition::check(table::TRANSITIONS, self.stage, event, stage);
        let _ = event;
        self.stage = stage;
    }
}
