//! The sending half: offers, chunks, and what to send again (`PROTOCOL.md`, sections 6.2 to 6.4).
//!
//! Decides only; it holds no buffer, and the session carries its intents out.

use core::marker::PhantomData;

use crate::error::Reason;
use crate::machine::Outcome;
use crate::profile::Profile;
use crate::serial::next_number;
use crate::shared::{Intent, Shared, Todo};
use crate::store::{Entry, Kind};
use crate::terms::Terms;
use crate::wire::{Code, Signal, UNKNOWN, low_half};

use self::file::{File, clamp};
use self::flow::Flow;

mod answers;
mod file;
mod flow;
mod given;

/// While a prefix is read on without being sent, the position is asked for every 4 MiB.
const JUMP_INTERVAL_BITS: u32 = 22;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Sender<P> {
    stage: Stage,
    /// Transfer of the entry offered last.
    number: u16,
    /// Transfer of the tree around it; 0: none.
    tree: u16,
    entries: u32,
    refused: u32,
    /// Entries of the tree that the store did not give.
    omitted: u32,
    /// The request as a whole has failed.
    is_given_up: bool,
    names_only: bool,
    flow: Flow,
    file: File,
    profile: PhantomData<P>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Stage {
    Next,
    OfferTree,
    ExpectTreeAnswer,
    Offer,
    ExpectAnswer,
    Data,
    Check,
    Done,
    ExpectDone,
    GiveUp,
    ExpectGivenUp,
    TreeDone,
    ExpectTreeDone,
    GiveUpTree,
    ExpectTreeGivenUp,
    Over,
}

impl<P: Profile> Sender<P> {
    /// Sends what the store gives, as transfer `number` and those that follow.
    pub(crate) fn new(number: u16, names_only: bool, terms: &Terms) -> Self {
        Self {
            stage: Stage::Next,
            number: number.wrapping_sub(1),
            tree: 0,
            entries: 0,
            refused: 0,
            omitted: 0,
            is_given_up: false,
            names_only,
            flow: Flow::new(terms.credit),
            file: File::NONE,
            profile: PhantomData,
        }
    }

    /// Transfer of the open tree; 0: none.
    pub(crate) fn tree(&self) -> u16 {
        if P::TREES { self.tree } else { 0 }
    }

    /// The number used last.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// CRC-64 of what was read of the file in order.
    pub(crate) fn digest(&self) -> u64 {
        self.file.digest
    }

    /// Whether the receiver has said that it is busy.
    pub(crate) fn has_no_credit(&self) -> bool {
        self.flow.credit == 0
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let Self { entries, refused, omitted, .. } = *self;
        Outcome { entries, refused, omitted, closed: false }
    }

    /// Whether the description in the chunk buffer is still to be sent, perhaps again.
    pub(crate) fn holds_description(&self) -> bool {
        matches!(
            self.stage,
            Stage::OfferTree | Stage::ExpectTreeAnswer | Stage::Offer | Stage::ExpectAnswer
        )
    }

    /// The store cannot say what is next: all ends. Whoever asked for it is told.
    pub(crate) fn give_up_all(&mut self, reason: Reason, shared: &mut Shared) {
        self.file.refusal = Some(reason);
        self.is_given_up = true;
        self.stage = if self.tree() == 0 { Stage::Over } else { Stage::GiveUpTree };
        if self.tree() == 0 {
            self.number = next_number(self.number, 0);
            shared.refused(self.number, reason);
            shared.repeat_ending(0);
        }
    }

    pub(crate) fn intent(&mut self, shared: &mut Shared) -> Intent {
        let terms = &shared.terms;
        let is_lossy = terms.is_lossy::<P>();
        // Outside a tree an offer needs no credit: what was before it has ended, and nothing could
        // be asked about. Nothing comes after a tree that is given up.
        let is_free = match self.stage {
            // On a lossy link every entry was answered.
            Stage::Next if !is_lossy && self.tree() != 0 && self.flow.question_due::<P>(terms) => {
                return self.ask(shared);
            }
            Stage::Next => return Intent::Next,
            Stage::Data => return self.data(shared),
            Stage::Check => return Intent::Check,
            Stage::Over => {
                return Intent::Over(match self.file.refusal {
                    Some(reason) if self.tree() == 0 || self.is_given_up => Err(reason),
                    _ => Ok(()),
                });
            }
            Stage::Offer => self.tree() == 0,
            Stage::GiveUpTree => true,
            Stage::OfferTree | Stage::Done | Stage::GiveUp | Stage::TreeDone => false,
            _ => return Intent::AwaitAnswer,
        };
        if !is_free && !self.flow.may_send(terms) {
            return self.blocked(shared);
        }
        self.flow.sent();
        let (number, tree, count) = (self.number, self.tree(), self.flow.count);
        let File { size, modified, sent, digest, .. } = self.file;
        let resume = self.file.resume();
        let reason = self.file.refusal.unwrap_or(Reason::Cancelled);
        let awaits = |awaits, expect, next| if awaits { expect } else { next };
        let (intent, signal, stage) = match self.stage {
            Stage::OfferTree => (
                Intent::Describe,
                Signal::offer_tree(tree, UNKNOWN, size),
                awaits(is_lossy, Stage::ExpectTreeAnswer, Stage::Next),
            ),
            Stage::Offer => (
                Intent::Describe,
                Signal::offer(number, resume, size, modified),
                awaits(
                    terms.awaits_answer::<P>(size, resume),
                    Stage::ExpectAnswer,
                    self.after_offer(),
                ),
            ),
            Stage::Done => (
                Intent::Done,
                Signal::done(number, sent, count, digest),
                awaits(is_lossy || tree == 0, Stage::ExpectDone, Stage::Next),
            ),
            Stage::TreeDone => (
                Intent::Nothing,
                Signal::done(tree, self.entries.into(), count, self.omitted.into()),
                Stage::ExpectTreeDone,
            ),
            Stage::GiveUp => (
                Intent::Nothing,
                Signal::refuse(number, sent, reason, 0),
                awaits(is_lossy, Stage::ExpectGivenUp, Stage::Next),
            ),
            _ => (
                Intent::Nothing,
                Signal::refuse(tree, 0, reason, 0),
                awaits(is_lossy, Stage::ExpectTreeGivenUp, Stage::Over),
            ),
        };
        if matches!(stage, Stage::ExpectDone | Stage::ExpectTreeDone) {
            self.flow.asked = Some(count);
        }
        self.stage = stage;
        shared.reply(signal);
        intent
    }

    /// What follows an offer once it may. A list does not tell what can be read.
    fn after_offer(&self) -> Stage {
        match self.file.refusal {
            _ if self.names_only => Stage::Next,
            Some(_) => Stage::GiveUp,
            None => Stage::Data,
        }
    }

    fn data(&mut self, shared: &mut Shared) -> Intent {
        let terms = &shared.terms;
        let file = &mut self.file;
        if file.compares {
            let left = file.held.saturating_sub(file.sent);
            if left > 0 && self.flow.asked.is_none() && !terms.half_duplex {
                return self.ask(shared);
            }
            if left > 0 && terms.half_duplex && self.flow.is_awaited() {
                return Intent::AwaitAnswer;
            }
            if left > 0 {
                let length = clamp(terms.chunk, left);
                return Intent::Digest { position: file.sent, length };
            }
            file.compares = false;
            if file.digest != file.prefix {
                self.give_up(Reason::PrefixDiffers, &mut shared.todo);
                return self.intent(shared);
            }
        }
        if self.flow.question_due::<P>(terms) {
            return self.ask(shared);
        }
        if !self.flow.may_send(terms) {
            return self.blocked(shared);
        }
        let file = &mut self.file;
        if let Some(first) = file.lost.first() {
            self.flow.sent();
            let (position, length) = file.repeat(first, terms, self.flow.count);
            return Intent::Chunk { position, length };
        }
        if file.size == file.sent {
            self.stage = Stage::Check;
            return Intent::Check;
        }
        match file.new_chunk::<P>(terms) {
            0 => self.blocked(shared),
            length => {
                self.flow.sent();
                Intent::Chunk { position: file.sent, length }
            }
        }
    }

    /// Nothing may be sent: ask, or wait for the answer.
    fn blocked(&mut self, shared: &mut Shared) -> Intent {
        if self.flow.asked == Some(self.flow.count) {
            Intent::AwaitAnswer
        } else {
            self.ask(shared)
        }
    }

    fn ask(&mut self, shared: &mut Shared) -> Intent {
        shared.reply(self.question());
        Intent::Nothing
    }

    /// `PIN`, which also says that this end lives.
    pub(crate) fn question(&mut self) -> Signal {
        let count = self.flow.count;
        self.flow.asked = Some(count);
        // Between two entries nothing but the tree is open.
        let is_between = matches!(self.stage, Stage::Next | Stage::Offer | Stage::TreeDone);
        let number = if is_between && self.tree() != 0 { self.tree() } else { self.number };
        Signal::ask(number, self.file.sent, count)
    }

    /// A number that the receiver's answers change while the work gets on.
    pub(crate) fn mark(&self, terms: &Terms) -> u32 {
        let part = match self.stage {
            Stage::OfferTree | Stage::ExpectTreeAnswer | Stage::Offer | Stage::ExpectAnswer => 8,
            // On a lossy link a `DON` and the chunks that it asks for take turns.
            Stage::Data | Stage::Check | Stage::Done | Stage::ExpectDone => 9,
            Stage::Over => 10,
            _ => 11,
        };
        let echoed = if terms.is_lossy::<P>() { 0 } else { self.flow.echoed() };
        let number = self.number.wrapping_add(echoed);
        u32::from(number) << 16 ^ low_half(self.file.held) << 4 ^ part
    }

    /// The answer did not come in time: the question goes out again.
    pub(crate) fn repeat_question(&mut self) {
        self.file.send_small();
        let stage = match self.stage {
            Stage::ExpectTreeAnswer => Stage::OfferTree,
            Stage::ExpectAnswer => Stage::Offer,
            Stage::ExpectDone => Stage::Done,
            Stage::ExpectGivenUp => Stage::GiveUp,
            Stage::ExpectTreeDone => Stage::TreeDone,
            Stage::ExpectTreeGivenUp => Stage::GiveUpTree,
            stage => stage,
        };
        self.flow.unanswered(stage != self.stage);
        self.stage = stage;
    }

    /// Whether this question starts a measurement of the round trip.
    pub(crate) fn measures(&mut self, code: Code) -> bool {
        matches!(code, Code::Pin | Code::Don) && self.flow.measure()
    }
}

#[cfg(feature = "defmt")]
impl<P> defmt::Format for Sender<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Sending {}: {} at {}", self.number, self.stage, self.file.sent);
    }
}
