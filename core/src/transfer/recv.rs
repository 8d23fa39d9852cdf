//! The receiving half of a request (`PROTOCOL.md`, R31 to R67; the states are those of 9.4).
//!
//! `state` has the stages and all transitions between them.
//!
//! It decides only: it owns no buffer, and the session carries out its output.

use core::marker::PhantomData;

use super::recv_file::DoneCheck;
use super::{Cancelled, Completed, Next, Outbox, Outcome, Slot, TransferId, is_after};
use crate::error::Reason;
use crate::link::Negotiated;
use crate::profile::{Capabilities, Profile};
use crate::store::{Accepted, CommitFailed, Stat};
use crate::wire::reader::ExpectFile;
use crate::wire::{AckInfo, Code, SackMap, Signal, UNKNOWN, low_byte};

use self::state::{Event, Stage};
pub(crate) use super::recv_file::{Placement, RecvFile};

mod refusal;
mod signals;
mod state;
mod storage;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Receiver<P> {
    stage: Stage,
    /// Whether only the offers were requested.
    names_only: bool,
    tree: Option<Tree>,
    /// The transfer offered last.
    last: Option<TransferId>,
    /// Count of the last `PIN` or `DON`; 0 before the first.
    acked_count: u16,
    /// Files that are to be offered again.
    reoffers_pending: u16,
    /// Files that the store has committed since it completed the deferred commits.
    deferred: u16,
    entries: u32,
    refused: u32,
    /// Entries of the tree that the sender could not offer.
    omitted: u32,
    profile: PhantomData<P>,
}

/// The tree that is open.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Tree {
    id: TransferId,
    /// The tree's `DON` came before the files that are to be offered again: its count.
    early_done: Option<u16>,
}

/// The maximum number of files whose commits are deferred past the prefix of another one (R40).
const MAX_DEFERRED: u16 = 1024;

const NO_BLOCKS: AckInfo = AckInfo::Sack(SackMap::EMPTY);

impl<P: Profile> Receiver<P> {
    pub(crate) const fn new(names_only: bool) -> Self {
        Self {
            stage: Stage::AwaitOffer,
            names_only,
            tree: None,
            last: None,
            acked_count: 0,
            reoffers_pending: 0,
            deferred: 0,
            entries: 0,
            refused: 0,
            omitted: 0,
            profile: PhantomData,
        }
    }

    /// The transfer of the open tree.
    fn tree(&self) -> Option<TransferId> {
        if P::has_trees() { self.tree.map(|tree| tree.id) } else { None }
    }

    /// The open file.
    pub(crate) fn file(&self) -> Option<&RecvFile> {
        if let Stage::File(file) = &self.stage { Some(file) } else { None }
    }

    pub(crate) fn file_mut(&mut self) -> Option<&mut RecvFile> {
        if let Stage::File(file) = &mut self.stage { Some(file) } else { None }
    }

    /// The open file, if it is this transfer.
    fn file_of(&self, id: TransferId) -> Option<&RecvFile> {
        self.file().filter(|file| file.id == id)
    }

    /// Whether chunks of the open file are missing.
    pub(crate) fn expects_chunks(&self) -> bool {
        self.file().is_some_and(|file| !file.is_complete())
    }

    /// CRC-64 of the received part of the open file; `None` where no file is open.
    pub(crate) fn digest(&self) -> Option<u64> {
        self.file().map(|file| file.digest)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let Self { entries, refused, omitted, .. } = *self;
        Outcome { entries, refused, omitted, closed: false }
    }

    /// Whether only the offers were requested, by this client.
    pub(crate) fn names_only(&self) -> bool {
        P::can_be_client() && self.names_only
    }

    /// Whether a lone file is to be offered again, and nothing of that came yet.
    pub(crate) fn awaits_reoffer(&self) -> bool {
        self.tree().is_none() && self.last.is_some() && matches!(self.stage, Stage::AwaitOffer)
    }

    pub(crate) fn is_in_tree(&self) -> bool {
        self.tree().is_some()
    }

    /// Whether commits of earlier files may be deferred: in a tree on a reliable link, where they are
    /// not answered one by one.
    pub(crate) fn may_defer_commits(&self, link: &Negotiated) -> bool {
        self.is_in_tree() && !self.names_only() && !link.is_lossy::<P>()
    }

    /// Whether the reply acknowledges earlier files: their refusals are sent before it (R40). The prefix of
    /// an offered file acknowledges no file: else each unchanged file would end the batch of deferred
    /// commits. It acknowledges frames, so that a half-duplex sender may never query: the batch has a limit.
    pub(crate) fn covers_commits(&self, reply: &Signal) -> bool {
        let is_prefix =
            reply.code == Code::Pon && matches!(reply.ack_info(), AckInfo::PrefixDigest(_));
        !is_prefix || self.deferred >= MAX_DEFERRED
    }

    /// The store has completed the deferred commits.
    pub(crate) fn commits_flushed(&mut self) {
        self.deferred = 0;
    }

    /// Whether everything that was sent is being verified and committed.
    fn is_completing(&self) -> bool {
        match &self.stage {
            Stage::CommitTree => true,
            Stage::File(file) => file.is_verifying(),
            _ => false,
        }
    }

    /// A number that the sender's signals change where they make progress.
    pub(crate) fn mark(&self) -> u32 {
        match &self.stage {
            Stage::AwaitOffer => 8,
            Stage::File(file) if file.is_verifying() => 9,
            Stage::File(_) => 10,
            Stage::DrainRejectedTree(_) => 11,
            Stage::CommitTree => 12,
            Stage::Finished(_) => 13,
        }
    }

    /// Whether input may be read now. In a tree on a reliable link the next entry, which follows
    /// at once, stays unread while a file is committed.
    pub(crate) fn may_read(&self, link: &Negotiated) -> bool {
        !self.is_completing() || !self.is_in_tree() || link.is_lossy::<P>()
    }

    /// `PON` without credit for transfer `id`: this end is busy.
    pub(crate) fn keepalive(&self, id: u16) -> Signal {
        Signal::ack(id, 0, 0, self.acked_count, NO_BLOCKS)
    }

    /// `PON` for the open file without a query, on a reliable link, where the sender queries seldom.
    pub(crate) fn unsolicited_ack(&self, link: &Negotiated) -> Option<Signal> {
        let id = self.file().filter(|file| !file.is_complete())?.id;
        let is_sent = !link.is_lossy::<P>() && !link.is_half_duplex::<P>();
        is_sent.then(|| self.ack(id, false, link))
    }

    /// The number of bytes of the open file that are to be loaded back for the digest.
    pub(crate) fn undigested(&self) -> u64 {
        self.file().map_or(0, RecvFile::undigested::<P>)
    }

    /// The transfer offered last; 0 before the first.
    pub(crate) fn last_id(&self) -> u16 {
        self.last.map_or(0, TransferId::get)
    }

    /// The chunks that are expected.
    pub(crate) fn expected_file(&self, link: &Negotiated) -> Option<ExpectFile> {
        let file = self.file()?;
        let (transfer, window) = (low_byte(file.id.get()), link.window());
        Some(ExpectFile { transfer, position: file.position, window })
    }

    /// How the receiver goes on. `line_is_empty`: no input is buffered.
    pub(crate) fn next(&mut self, line_is_empty: bool, outbox: &mut Outbox) -> Next {
        let file = match &self.stage {
            Stage::File(file) => file,
            Stage::AwaitOffer | Stage::DrainRejectedTree(_) => return Next::AwaitFrame,
            Stage::CommitTree => return Next::Commit,
            Stage::Finished(result) => return Next::Finish(*result),
        };
        match file.is_as_claimed() {
            Some(true) => Next::Commit,
            Some(false) => {
                self.drop_file(Reason::DigestDiffers, outbox);
                Next::Continue
            }
            None if line_is_empty => file.next_digest::<P>().unwrap_or(Next::AwaitFrame),
            None => Next::AwaitFrame,
        }
    }

    /// A transfer is completed. With a lone file, or with the tree itself, so is the request.
    fn complete(&mut self, completed: Completed, outbox: &mut Outbox) {
        outbox.completed = Some(completed);
        if self.tree().is_some_and(|tree| tree != completed.id) {
            self.enter(Event::Ended, Stage::AwaitOffer);
        } else {
            self.enter(Event::Ended, Stage::Finished(completed.result()));
            self.tree = None;
        }
    }

    /// Sends `PON`, in answer to an offer or to a query.
    fn answer(&self, id: TransferId, to_offer: bool, link: &Negotiated, outbox: &mut Outbox) {
        outbox.reply(self.ack(id, to_offer, link));
    }

    fn ack(&self, id: TransferId, to_offer: bool, link: &Negotiated) -> Signal {
        let credit = if self.is_completing() { 0 } else { link.recv_credit };
        let (position, credit, info) = match self.file_of(id) {
            Some(file) => match file.ack::<P>(to_offer) {
                Some((position, info)) => (position, credit, info),
                // Busy: the prefix is not proven yet.
                None => (0, 0, NO_BLOCKS),
            },
            None if self.tree() == Some(id) => (self.entries.into(), credit, NO_BLOCKS),
            None => (0, credit, NO_BLOCKS),
        };
        Signal::ack(id.get(), position, credit, self.acked_count, info)
    }
}

#[cfg(feature = "defmt")]
impl<P> defmt::Format for Receiver<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let last = self.last.map_or(0, TransferId::get);
        match &self.stage {
            Stage::AwaitOffer => defmt::write!(f, "Receiving {}: AwaitOffer", last),
            Stage::File(file) => {
                let position = file.position;
                defmt::write!(f, "Receiving {}: File at {}", last, position)
            }
            Stage::DrainRejectedTree(_) => {
                defmt::write!(f, "Receiving {}: DrainRejectedTree", last)
            }
            Stage::CommitTree => defmt::write!(f, "Receiving {}: CommitTree", last),
            Stage::Finished(_) => defmt::write!(f, "Receiving {}: Finished", last),
        }
    }
}
