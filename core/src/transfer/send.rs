//! The sending half of a request (`PROTOCOL.md`, R31 to R67; the states are those of 9.3).
//!
//! `state` has the stages and all transitions between them.
//!
//! It decides only: it owns no buffer, and the session carries out its output.

use core::marker::PhantomData;

use super::flow::Flow;
use super::send_file::{Phase, SendFile, UNASKED_MAX, Unaligned, clamp};
use super::{Cancelled, Completed, Next, Outbox, Outcome, Slot, TransferId, next_id};
use crate::error::Reason;
use crate::link::Negotiated;
use crate::profile::{Capabilities, Profile};
use crate::store::{Entry, Kind};
use crate::wire::{AckInfo, Code, Signal, UNKNOWN, UNKNOWN_TIME, low_half};

mod next;
mod signals;
mod state;
mod storage;
#[cfg(test)]
mod tests;

/// While a prefix is read without being sent, the position is queried every 4 MiB.
const PREFIX_INTERVAL_BITS: u32 = 22;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Sender<P> {
    stage: Stage,
    /// Transfer of the entry offered last, or the number before the first one.
    last: u16,
    /// Transfer of the open tree.
    tree: Option<TransferId>,
    scope: Scope,
    /// Why the request as a whole has failed.
    failure: Option<Reason>,
    /// Length of the metadata of the entry, in bytes.
    metadata: u16,
    flow: Flow,
    entries: u32,
    refused: u32,
    /// Entries of the tree that the store could not give.
    omitted: u32,
    /// The entry offered last.
    file: SendFile,
    profile: PhantomData<P>,
}

/// The part of the entries that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum Scope {
    /// Only the offers were requested.
    Names,
    Content,
    /// The same; further content of the file is awaited at its end (R99).
    Followed,
    /// The same as `Content`; an operation of the tree may be unanswered, on a reliable link.
    Unsettled,
}

use self::state::Question::{
    FileDone, FileError, OfferFile, OfferTree, Operate, TreeDone, TreeError,
};
use self::state::{Event, Question, Stage};

impl<P: Profile> Sender<P> {
    /// Sends the entries of the store, as transfer `first` and those that follow.
    pub(crate) fn new(first: u16, names_only: bool, link: &Negotiated) -> Self {
        Self {
            stage: Stage::NextEntry,
            last: first.wrapping_sub(1),
            tree: None,
            scope: if names_only { Scope::Names } else { Scope::Content },
            failure: None,
            metadata: 0,
            flow: Flow::new(link.send_credit),
            entries: 0,
            refused: 0,
            omitted: 0,
            file: SendFile::EMPTY,
            profile: PhantomData,
        }
    }

    /// The receiver follows the file.
    pub(crate) fn follow(&mut self) {
        if self.scope == Scope::Content {
            self.scope = Scope::Followed;
        }
    }

    /// Whether the receiver follows the file.
    pub(crate) fn is_followed(&self) -> bool {
        P::has_pipes() && self.scope == Scope::Followed
    }

    /// Transfer of the open tree.
    pub(crate) fn tree(&self) -> Option<TransferId> {
        if P::has_trees() { self.tree } else { None }
    }

    /// Transfer of the open tree; 0 where none is open.
    fn tree_id(&self) -> u16 {
        self.tree().map_or(0, TransferId::get)
    }

    /// The number used last.
    pub(crate) fn last_id(&self) -> u16 {
        self.last
    }

    /// CRC-64 of the part of the file that was read in order.
    pub(crate) fn digest(&self) -> u64 {
        self.file.digest
    }

    /// The position up to which the open file was sent, and its size, in bytes.
    pub(crate) const fn progress(&self) -> (u64, u64) {
        (self.file.sent, self.file.size)
    }

    /// Why the request, or the entry that was offered last, is refused or given up.
    pub(crate) fn refusal(&self) -> Option<Reason> {
        self.failure.or(self.file.error)
    }

    /// Whether the receiver has said that it is busy.
    pub(crate) fn is_peer_busy(&self) -> bool {
        self.flow.credit == 0
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let Self { entries, refused, omitted, .. } = *self;
        Outcome { entries, refused, omitted, closed: false }
    }

    /// The length of the metadata in the chunk buffer, while it may have to be sent.
    pub(crate) fn buffered_metadata(&self) -> Option<u16> {
        let holds = matches!(
            self.stage,
            Stage::Ask(OfferTree | OfferFile | Operate)
                | Stage::Await(OfferTree | OfferFile | Operate)
        );
        holds.then_some(self.metadata)
    }

    /// Whether `id` is the transfer of the current offer, or of the tree around it. An `ERR` for either ends
    /// the offer, so that its metadata is not sent again.
    pub(crate) fn is_offered(&self, id: TransferId) -> bool {
        self.buffered_metadata().is_some() && (id.get() == self.last || self.tree() == Some(id))
    }

    /// Clears the length of metadata that is not sent again.
    #[cfg(feature = "model")]
    pub(crate) fn forget_metadata(&mut self) {
        self.metadata = self.buffered_metadata().unwrap_or(0);
    }

    /// The request as a whole has failed. A client that requested it is told.
    pub(crate) fn fail(&mut self, reason: Reason, outbox: &mut Outbox) {
        self.failure = Some(reason);
        if self.tree().is_some() {
            self.enter(Event::Failed, Stage::Ask(TreeError));
            return;
        }
        self.enter(Event::Failed, Stage::Finished);
        let id = next_id(self.last, None);
        self.last = id.get();
        outbox.complete(Completed::refused(id, reason));
    }

    /// Whether no content from `position` on was sent before.
    pub(crate) fn is_new(&self, position: u64) -> bool {
        position == self.file.sent
    }

    /// Whether lost blocks are to be sent again.
    pub(crate) fn has_losses(&self) -> bool {
        self.file.lost.first().is_some()
    }

    /// The store was not ready: the chunk is not sent.
    pub(crate) fn chunk_delayed(&mut self) {
        self.flow.unsent();
    }

    /// `PIN`: queries the position, and is a keepalive.
    pub(crate) fn keepalive(&mut self) -> Signal {
        self.flow.queried_at = Some(self.flow.frames_sent);
        self.query_of_position()
    }

    /// The same, while the store works; `None` before the first offer.
    #[cfg(feature = "async")]
    pub(crate) fn busy(&self) -> Option<Signal> {
        let is_offered = self.entries > 0 || self.tree().is_some();
        is_offered.then(|| self.query_of_position().waiting())
    }

    /// Whether the receiver is asked at once, while the store has no content: on a lossy link content may be lost.
    pub(crate) fn asks_while_waiting(&self, link: &Negotiated) -> bool {
        link.is_lossy::<P>()
            && self.file.acked < self.file.sent
            && self.flow.queried_at != Some(self.flow.frames_sent)
    }

    /// Whether the store is asked only after the answer to the last query: the answer could meet the next chunk.
    pub(crate) fn awaits_answer_while_waiting(&self, link: &Negotiated) -> bool {
        link.is_half_duplex::<P>() && self.flow.is_probing()
    }

    fn query_of_position(&self) -> Signal {
        // Between two entries only the tree is open.
        let is_between = matches!(
            self.stage,
            Stage::NextEntry | Stage::Settle | Stage::Ask(OfferFile | Operate | TreeDone)
        );
        let tree = self.tree().filter(|_| is_between);
        let id = tree.map_or(self.last, TransferId::get);
        Signal::ask(id, self.file.sent, self.flow.frames_sent)
    }

    /// A number that the receiver's answers change where they make progress.
    pub(crate) fn mark(&self, link: &Negotiated) -> u32 {
        let part = match self.stage {
            Stage::Ask(OfferTree | OfferFile | Operate)
            | Stage::Await(OfferTree | OfferFile | Operate) => 8,
            // On a lossy link a `DON` and the chunks that it asks for alternate.
            Stage::Data | Stage::Check | Stage::Ask(FileDone) | Stage::Await(FileDone) => 9,
            Stage::Finished => 10,
            _ => 11,
        };
        let acked = if link.is_lossy::<P>() { 0 } else { self.flow.acked_count() };
        let number = self.last.wrapping_add(acked);
        u32::from(number) << 16 ^ low_half(self.file.acked) << 4 ^ part
    }

    /// The answer did not come in time: the question is repeated (R73), or the position is queried.
    pub(crate) fn repeat_question(&mut self) {
        self.file.shrink_chunks();
        let question = match self.stage {
            Stage::Await(question) => Some(question),
            _ => None,
        };
        self.flow.unanswered(question.is_some());
        if let Some(question) = question {
            self.enter(Event::NotAnswered, Stage::Ask(question));
        }
    }

    /// Whether the signal with this code starts a measurement of the round trip.
    pub(crate) fn probes(&mut self, code: Code) -> bool {
        matches!(code, Code::Pin | Code::Don) && self.flow.probe()
    }
}

#[cfg(feature = "defmt")]
impl<P> defmt::Format for Sender<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let sent = self.file.sent;
        defmt::write!(f, "Sending {}: {} at {}", self.last, self.stage, sent);
    }
}
