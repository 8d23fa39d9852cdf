//! The receiving half: what is answered, and when it is done (`PROTOCOL.md`, section 6).
//!
//! Decides only; it holds no buffer, and the session carries its intents out.

use core::marker::PhantomData;

use crate::error::Reason;
use crate::machine::Outcome;
use crate::profile::Profile;
use crate::serial::is_after;
use crate::shared::{Ending, Intent, Shared};
use crate::store::{Accepted, Late};
use crate::terms::Terms;
use crate::wire::{Code, Map, Proof, Signal, UNKNOWN};

use self::file::File;
pub(crate) use self::file::Place;

mod file;
mod heard;
mod stored;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Receiver<P> {
    stage: Stage,
    names_only: bool,
    /// So many entries of the tree are to be offered once more.
    again: u16,
    /// Its `DON` came before they did, at this count, and was answered so.
    asked_again: Option<u16>,
    /// Why the request was refused, if it was.
    refusal: Option<Reason>,
    /// Transfer of the tree; 0: none.
    tree: u16,
    /// Transfer offered last.
    number: u16,
    /// The count that the last question spoke of.
    count: u16,
    entries: u32,
    refused: u32,
    /// Entries of the tree that the sender did not offer.
    omitted: u32,
    file: File,
    profile: PhantomData<P>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Stage {
    ExpectOffer,
    Receiving,
    /// The tree was refused; what is on its way is dropped, up to the tree's end.
    RefusedTree,
    /// The tree's own `DON` came.
    CommitTree,
    Over,
}

impl<P: Profile> Receiver<P> {
    pub(crate) const fn new(names_only: bool) -> Self {
        Self {
            stage: Stage::ExpectOffer,
            names_only,
            again: 0,
            asked_again: None,
            refusal: None,
            tree: 0,
            number: 0,
            count: 0,
            entries: 0,
            refused: 0,
            omitted: 0,
            file: File::NONE,
            profile: PhantomData,
        }
    }

    /// Transfer of the open tree; 0: none.
    fn tree(&self) -> u16 {
        if P::TREES { self.tree } else { 0 }
    }

    fn is_receiving(&self) -> bool {
        self.stage == Stage::Receiving
    }

    /// Whether chunks of the open file are missing.
    pub(crate) fn expects_chunks(&self) -> bool {
        self.is_receiving() && !self.file.is_whole()
    }

    /// CRC-64 of what is held of the open file in order; `None` where no file is open.
    pub(crate) fn digest(&self) -> Option<u64> {
        self.is_receiving().then_some(self.file.digest)
    }

    /// The digest goes on over what was stored without it: from what it was, to the position.
    pub(crate) fn sum_up(&mut self, digest: impl FnOnce(u64, u64) -> u64) {
        self.file.sum_up(digest);
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let Self { entries, refused, omitted, .. } = *self;
        Outcome { entries, refused, omitted, closed: false }
    }

    /// Whether only the offers were asked for: by a client.
    pub(crate) fn names_only(&self) -> bool {
        P::CLIENT && self.names_only
    }

    /// Whether a lone file is to be offered once more, and nothing has come of that yet.
    pub(crate) fn awaits_fresh_offer(&self) -> bool {
        self.tree() == 0 && self.number != 0 && self.stage == Stage::ExpectOffer
    }

    /// Whether a tree is open.
    pub(crate) fn is_in_tree(&self) -> bool {
        self.tree() != 0
    }

    /// Whether the store may still be busy with files that it has committed: those of a tree on a
    /// reliable link, which are not answered one by one.
    pub(crate) fn may_be_late(&self, terms: &Terms) -> bool {
        self.is_in_tree() && !self.names_only() && !terms.is_lossy::<P>()
    }

    /// Whether what was sent is being put in place: nothing can be taken before that is done.
    fn is_completing(&self) -> bool {
        self.stage == Stage::CommitTree || (self.is_receiving() && self.file.is_sent())
    }

    /// What the sender's signals change while the work gets on.
    pub(crate) fn mark(&self) -> u32 {
        let stage = 8 | self.stage as u32 | u32::from(self.is_completing()) << 4;
        u32::from(self.number) << 16 | stage
    }

    /// Whether what comes in may be read now: in a tree on a reliable link the next entry may follow
    /// while the one before is put in place.
    pub(crate) fn may_read(&self, terms: &Terms) -> bool {
        !self.is_completing() || !self.is_in_tree() || terms.is_lossy::<P>()
    }

    /// `PON` without credit, and without being asked: this end lives and is busy with transfer
    /// `number`.
    pub(crate) fn life_sign(&self, number: u16) -> Signal {
        Signal::held(number, 0, 0, self.count, Proof::Map(Map::EMPTY))
    }

    /// `PON` for the open file, to be said without being asked: chunks are stored, and the sender
    /// of many may not ask for long. Where bytes are lost it asks often.
    pub(crate) fn progress(&self, terms: &Terms) -> Option<Signal> {
        let is_told = self.expects_chunks() && !terms.is_lossy::<P>() && !terms.half_duplex;
        is_told.then(|| self.position(self.number, false, terms))
    }

    /// The transfer numbered highest so far.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The file being received, for [`crate::frame::Belief`]: low byte of its transfer, position.
    pub(crate) fn file(&self) -> Option<(u8, u64)> {
        let [low, _] = self.number.to_le_bytes();
        self.is_receiving().then_some((low, self.file.position))
    }

    /// The same, if nothing is held past the position.
    pub(crate) fn file_without_gaps(&self) -> Option<(u8, u64)> {
        self.file().filter(|_| self.file.has_no_gaps())
    }

    /// Whether the digest covers all that is held of the open file.
    pub(crate) fn is_summed_up(&self) -> bool {
        self.file.is_summed_up()
    }

    pub(crate) fn intent(&mut self, line_is_empty: bool, shared: &mut Shared) -> Intent {
        match self.stage {
            Stage::Receiving => match self.file.is_as_claimed() {
                Some(true) => Intent::Commit,
                Some(false) => {
                    self.drop_file(Reason::DigestDiffers, shared);
                    Intent::Nothing
                }
                None if line_is_empty => self.file.digest_on().unwrap_or(Intent::AwaitAnything),
                None => Intent::AwaitAnything,
            },
            Stage::ExpectOffer | Stage::RefusedTree => Intent::AwaitAnything,
            Stage::CommitTree => Intent::Commit,
            Stage::Over => Intent::Over(self.refusal.map_or(Ok(()), Err)),
        }
    }

    /// Where a chunk goes that begins `ahead` (wrapping) of the position; `None` if it is not
    /// wanted.
    pub(crate) fn place(&self, ahead: u32, length: u16, terms: &Terms) -> Option<Place> {
        if self.is_receiving() { self.file.place(ahead, length, terms) } else { None }
    }

    /// Closes the open file, and says why.
    pub(crate) fn drop_file(&mut self, reason: Reason, shared: &mut Shared) {
        shared.todo.abandon = Some((reason, false));
        let again = self.file.resumable && reason.wants_fresh_offer();
        self.refuse(self.number, reason, again, shared);
    }

    /// Refuses a transfer, for good unless it is to be offered `again`.
    fn refuse(&mut self, number: u16, reason: Reason, again: bool, shared: &mut Shared) {
        shared.todo.refuse(number, reason);
        shared.refused(number, reason);
        self.end(shared);
        if again {
            self.again = self.again.saturating_add(1);
            self.stage = Stage::ExpectOffer;
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    /// A transfer has ended: with a lone file, or with the tree itself, so has the request.
    fn end(&mut self, shared: &Shared) {
        let ending = &shared.ending;
        if self.tree() != 0 && self.tree() != ending.number {
            self.stage = Stage::ExpectOffer;
        } else {
            self.stage = Stage::Over;
            self.refusal = ending.refusal;
            self.tree = 0;
        }
    }

    /// `PON`: to an offer, or to a question.
    fn answer(&self, number: u16, to_offer: bool, shared: &mut Shared) {
        let signal = self.position(number, to_offer, &shared.terms);
        shared.reply(signal);
    }

    fn position(&self, number: u16, to_offer: bool, terms: &Terms) -> Signal {
        let granted = if self.is_completing() { 0 } else { terms.granted };
        let none = Proof::Map(Map::EMPTY);
        let (position, credit, proof) = if self.is_receiving() && number == self.number {
            match self.file.held(to_offer) {
                Some((position, proof)) => (position, granted, proof),
                // Alive, but nothing is proven yet.
                None => (0, 0, none),
            }
        } else if P::TREES && number == self.tree {
            (self.entries.into(), granted, none)
        } else {
            (0, granted, none)
        };
        Signal::held(number, position, credit, self.count, proof)
    }
}

#[cfg(feature = "defmt")]
impl<P> defmt::Format for Receiver<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Receiving {}: {} at {}", self.number, self.stage, self.file.position);
    }
}
