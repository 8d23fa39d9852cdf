//! The sending half: offers, chunks, and what to send again (`PROTOCOL.md`, sections 6.2 to 6.4).
//!
//! Decides only; it holds no buffer, and the session carries its intents out.

use core::marker::PhantomData;

use crate::error::Reason;
use crate::profile::Profile;
use crate::store::{Entry, Kind};
use crate::terms::{Intent, Terms, Todo};
use crate::wire::{Code, MAP_UNITS, Map, Proof, Signal, low_half};

/// Frames that half-duplex ends keep unanswered at most, so that the answers fit unread into the
/// smallest buffer.
const HALF_DUPLEX_FRAMES: u16 = 8;
/// On a lossy link the position is asked for every so many frames.
const LOSSY_INTERVAL: u16 = 8;
/// After a loss, chunks are one unit long for so many chunks of new data.
const CAREFUL_CHUNKS: u8 = 128;

/// While a prefix is read on without being sent, the position is asked for every 4 MiB.
const JUMP_INTERVAL_BITS: u32 = 22;

#[derive(Debug, Clone)]
pub(crate) struct Sender<P> {
    stage: Stage,
    /// Transfer of the entry offered last.
    number: u16,
    /// Transfer of the tree around it; 0: none.
    tree: u16,
    entries: u32,
    refused: u32,
    /// The entry offered last was refused.
    last_refusal: Option<Reason>,
    /// The request as a whole has failed.
    is_given_up: bool,
    names_only: bool,
    flow: Flow,
    file: File,
    profile: PhantomData<P>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Stage {
    Next,
    OfferTree,
    ExpectTreeAnswer,
    Offer { broken: Option<Reason> },
    ExpectAnswer { broken: Option<Reason> },
    Data,
    Check,
    Done,
    ExpectDone,
    GiveUp { reason: Reason },
    ExpectGivenUp { reason: Reason },
    TreeDone,
    ExpectTreeDone,
    GiveUpTree { reason: Reason },
    ExpectTreeGivenUp { reason: Reason },
    Over,
}

/// Counts of frames; all modulo 2^16.
#[derive(Debug, Clone)]
struct Flow {
    count: u16,
    /// The count that the last position spoke of.
    echoed: u16,
    credit: u16,
    /// The count at the last question; `None` when one is to be asked in any case.
    asked: Option<u16>,
    /// The count at the question whose answer measures the round trip.
    measured: Option<u16>,
    /// The next frame is one that was sent before: it is counted already, and has had its credit.
    repeats: bool,
}

#[derive(Debug, Clone)]
struct File {
    size: Option<u64>,
    modified: Option<i64>,
    resume: u64,
    /// The receiver holds everything before.
    held: u64,
    /// Everything before was sent once.
    sent: u64,
    /// CRC-64 of everything before `sent`.
    digest: u64,
    /// Units from `held` on: to be repeated, repeated before.
    lost: Map,
    repeated: Map,
    /// The count after the last repeat.
    repeated_at: u16,
    careful: u8,
    jump: Option<Jump>,
}

/// The receiver holds a prefix: read on without sending, and compare.
#[derive(Debug, Clone, Copy)]
struct Jump {
    to: u64,
    prefix: u64,
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
            last_refusal: None,
            is_given_up: false,
            names_only,
            flow: Flow {
                count: 0,
                echoed: 0,
                credit: terms.credit,
                asked: Some(0),
                measured: None,
                repeats: false,
            },
            file: File::new(None),
            profile: PhantomData,
        }
    }

    /// Transfer of the open tree; 0: none.
    fn tree(&self) -> u16 {
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

    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.entries, self.refused)
    }

    /// Whether the description in the chunk buffer is still to be sent, perhaps again.
    pub(crate) fn holds_description(&self) -> bool {
        matches!(
            self.stage,
            Stage::OfferTree
                | Stage::ExpectTreeAnswer
                | Stage::Offer { .. }
                | Stage::ExpectAnswer { .. }
        )
    }

    /// The store cannot say what is next: all ends. Whoever asked for a file is told by the signal.
    pub(crate) fn give_up_all(&mut self, reason: Reason) -> Option<Signal> {
        self.last_refusal = Some(reason);
        self.is_given_up = true;
        if self.tree() != 0 {
            self.stage = Stage::GiveUpTree { reason };
            return None;
        }
        self.stage = Stage::Over;
        let number = next_number(self.number, 0);
        Some(Signal::refuse(number, 0, reason, 0))
    }

    pub(crate) fn intent(&mut self, terms: &Terms, todo: &mut Todo) -> Intent {
        match self.stage {
            // On a lossy link every entry was answered.
            Stage::Next
                if !terms.is_lossy::<P>()
                    && self.tree() != 0
                    && self.flow.question_due::<P>(terms) =>
            {
                self.ask()
            }
            Stage::Next => Intent::Next,
            Stage::OfferTree if self.flow.may_send(terms) => {
                self.flow.sent();
                self.stage =
                    if terms.is_lossy::<P>() { Stage::ExpectTreeAnswer } else { Stage::Next };
                Intent::Describe(Signal::offer_tree(self.tree(), None, self.file.size))
            }
            // Outside a tree no credit is needed: what was before it has ended, and nothing could be
            // asked about.
            Stage::Offer { broken } if self.tree() == 0 || self.flow.may_send(terms) => {
                self.flow.sent();
                let File { size, modified, resume, .. } = self.file;
                self.stage = if terms.awaits_answer::<P>(size, resume) {
                    Stage::ExpectAnswer { broken }
                } else {
                    self.after_offer(broken)
                };
                Intent::Describe(Signal::offer(self.number, resume, size, modified))
            }
            Stage::Data => self.data(terms, todo),
            Stage::Check => Intent::Check,
            Stage::Done if self.flow.may_send(terms) => {
                self.flow.sent();
                self.stage = if terms.is_lossy::<P>() || self.tree() == 0 {
                    self.flow.asked = Some(self.flow.count);
                    Stage::ExpectDone
                } else {
                    Stage::Next
                };
                let (size, digest) = (self.file.sent, self.file.digest);
                Intent::Done(Signal::done(self.number, size, self.flow.count, digest))
            }
            Stage::GiveUp { reason } if self.flow.may_send(terms) => {
                self.flow.sent();
                self.stage = if terms.is_lossy::<P>() {
                    Stage::ExpectGivenUp { reason }
                } else {
                    Stage::Next
                };
                Intent::Signal(Signal::refuse(self.number, self.file.sent, reason, 0))
            }
            Stage::TreeDone if self.flow.may_send(terms) => {
                self.flow.sent();
                self.flow.asked = Some(self.flow.count);
                self.stage = Stage::ExpectTreeDone;
                let size = self.entries.into();
                Intent::Signal(Signal::done(self.tree(), size, self.flow.count, 0))
            }
            Stage::OfferTree
            | Stage::Offer { .. }
            | Stage::Done
            | Stage::GiveUp { .. }
            | Stage::TreeDone => self.blocked(),
            // It needs no credit: nothing comes after it.
            Stage::GiveUpTree { reason } => {
                self.flow.repeats = false;
                self.stage = if terms.is_lossy::<P>() {
                    Stage::ExpectTreeGivenUp { reason }
                } else {
                    Stage::Over
                };
                Intent::Signal(Signal::refuse(self.tree(), 0, reason, 0))
            }
            Stage::ExpectTreeAnswer
            | Stage::ExpectAnswer { .. }
            | Stage::ExpectDone
            | Stage::ExpectGivenUp { .. }
            | Stage::ExpectTreeDone
            | Stage::ExpectTreeGivenUp { .. } => Intent::AwaitAnswer,
            Stage::Over => Intent::Over(match self.last_refusal {
                Some(reason) if self.tree() == 0 || self.is_given_up => Err(reason),
                _ => Ok(()),
            }),
        }
    }

    /// What follows an offer once it may. A list does not tell what can be read.
    fn after_offer(&self, broken: Option<Reason>) -> Stage {
        match broken {
            _ if self.names_only => Stage::Next,
            Some(reason) => Stage::GiveUp { reason },
            None => Stage::Data,
        }
    }

    fn data(&mut self, terms: &Terms, todo: &mut Todo) -> Intent {
        let file = &mut self.file;
        if let Some(jump) = file.jump {
            let left = jump.to.saturating_sub(file.sent);
            if left > 0 && self.flow.asked.is_none() && !terms.half_duplex {
                return self.ask();
            }
            if left > 0 {
                let length = clamp(terms.chunk, left);
                return Intent::Digest { position: file.sent, length, glance: false };
            }
            file.jump = None;
            if file.digest != jump.prefix {
                self.give_up(Reason::PrefixDiffers, todo);
                return self.intent(terms, todo);
            }
        }
        if self.flow.question_due::<P>(terms) {
            return self.ask();
        }
        if !self.flow.may_send(terms) {
            return self.blocked();
        }
        let file = &mut self.file;
        if let Some(first) = file.lost.first() {
            self.flow.sent();
            let (position, length) = file.repeat(first, terms, self.flow.count);
            return Intent::Chunk { position, length };
        }
        if file.size == Some(file.sent) {
            self.stage = Stage::Check;
            return Intent::Check;
        }
        match file.new_chunk::<P>(terms) {
            0 => self.blocked(),
            length => {
                self.flow.sent();
                Intent::Chunk { position: file.sent, length }
            }
        }
    }

    /// Nothing may be sent: ask, or wait for the answer.
    fn blocked(&mut self) -> Intent {
        if self.flow.asked == Some(self.flow.count) { Intent::AwaitAnswer } else { self.ask() }
    }

    fn ask(&mut self) -> Intent {
        let count = self.flow.count;
        self.flow.asked = Some(count);
        // Between two entries nothing but the tree is open.
        let is_between = matches!(self.stage, Stage::Next | Stage::Offer { .. } | Stage::TreeDone);
        let number = if is_between && self.tree() != 0 { self.tree() } else { self.number };
        Intent::Signal(Signal::ask(number, self.file.sent, count))
    }

    /// The answer did not come in time: the question goes out again.
    pub(crate) fn repeat_question(&mut self) {
        self.flow.measured = None;
        self.stage = match self.stage {
            Stage::ExpectTreeAnswer => Stage::OfferTree,
            Stage::ExpectAnswer { broken } => Stage::Offer { broken },
            Stage::ExpectDone => Stage::Done,
            Stage::ExpectGivenUp { reason } => Stage::GiveUp { reason },
            Stage::ExpectTreeDone => Stage::TreeDone,
            Stage::ExpectTreeGivenUp { reason } => Stage::GiveUpTree { reason },
            _ => {
                self.flow.asked = None;
                return;
            }
        };
        self.flow.repeats = true;
    }

    /// Whether this question starts a measurement of the round trip.
    pub(crate) fn measures(&mut self, code: Code) -> bool {
        let asks = matches!(code, Code::Pin | Code::Don);
        let starts = asks && self.flow.measured.is_none();
        if starts {
            self.flow.measured = Some(self.flow.count);
        }
        starts
    }

    /// What the store gave.
    pub(crate) fn entry(&mut self, entry: Option<&Entry>) {
        let Some(entry) = entry else {
            self.stage = if self.tree() != 0 { Stage::TreeDone } else { Stage::Over };
            return;
        };
        self.number = next_number(self.number, self.tree());
        if entry.kind == Kind::Tree {
            self.tree = self.number;
            self.file.size = entry.size;
            self.stage = Stage::OfferTree;
            return;
        }
        self.entries = self.entries.saturating_add(1);
        self.flow.repeats = false;
        self.last_refusal = entry.broken.filter(|_| !self.names_only);
        if self.last_refusal.is_some() {
            self.refused = self.refused.saturating_add(1);
        }
        self.file = File::new(Some(entry));
        self.stage = Stage::Offer { broken: entry.broken };
    }

    /// So many bytes were read at `position`; new ones go into the digest.
    pub(crate) fn loaded(&mut self, position: u64, bytes: u64, digest: impl FnOnce(u64) -> u64) {
        let file = &mut self.file;
        if position == file.sent {
            file.digest = digest(file.digest);
            file.sent = file.sent.saturating_add(bytes);
            // Reading on takes long: the receiver is to hear that this end lives.
            if file.jump.is_some() && file.sent.trailing_zeros() >= JUMP_INTERVAL_BITS {
                self.flow.asked = None;
            }
        }
    }

    /// The source ended here. Whether that is where it may end.
    pub(crate) fn ended(&mut self, at: u64) -> bool {
        match self.file.size {
            None if at >= self.file.sent => {
                self.file.size = Some(at);
                true
            }
            None => false,
            Some(size) => size == at,
        }
    }

    /// The store answered the check, or failed while reading.
    pub(crate) fn checked(&mut self, result: Result<(), Reason>, todo: &mut Todo) {
        match result {
            Ok(()) => self.stage = Stage::Done,
            Err(reason) => self.give_up(reason, todo),
        }
    }

    /// This end cannot go on with the entry.
    fn give_up(&mut self, reason: Reason, todo: &mut Todo) {
        self.last_refusal = Some(reason);
        todo.refused = Some((self.entries.saturating_sub(1), reason));
        self.stage = Stage::GiveUp { reason };
    }

    /// An entry was refused for good.
    pub(crate) fn count_refusal(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// `PON`. Returns whether it answers the question that measures the round trip.
    pub(crate) fn on_held(&mut self, signal: &Signal, terms: &Terms) -> bool {
        let (number, position) = (signal.transfer, signal.position);
        let (credit, count) = (signal.credit(), signal.count());
        let Some(_) = self.entry_of(number) else { return false };
        let flow = &mut self.flow;
        if flow.echo(count) {
            flow.credit = credit;
        }
        let measured = flow.measured.take_if(|measured| is_reached(count, *measured)).is_some();
        if number == self.tree() {
            match self.stage {
                Stage::ExpectTreeAnswer => self.stage = Stage::Next,
                // The receiver waits for a file to be offered once more.
                Stage::ExpectTreeDone if count == self.flow.count => self.stage = Stage::Next,
                _ => {}
            }
            return measured;
        }
        // No credit: the other end is alive and busy.
        if number != self.number || credit == 0 {
            return measured;
        }
        match self.stage {
            Stage::ExpectAnswer { broken } => {
                self.stage = self.after_offer(broken);
            }
            Stage::Data | Stage::Check | Stage::Done => {}
            Stage::ExpectDone if terms.is_lossy::<P>() => {}
            _ => return measured,
        }
        let everything_counted = count == self.flow.count;
        self.file.on_held::<P>(position, signal.proof(), everything_counted, count, terms);
        if self.stage == Stage::ExpectDone && !self.file.lost.is_empty() {
            self.stage = Stage::Data;
        }
        measured
    }

    /// `DON` back. Returns whether it answers the question that measures the round trip.
    pub(crate) fn on_done(&mut self, number: u16, count: u16) -> bool {
        self.flow.echo(count);
        let flow = &mut self.flow;
        let measured = flow.measured.take_if(|measured| is_reached(count, *measured)).is_some();
        match self.stage {
            Stage::ExpectTreeDone if number == self.tree() => self.stage = Stage::Over,
            Stage::ExpectDone | Stage::ExpectAnswer { .. } if number == self.number => {
                self.last_refusal = None;
                self.stage = Stage::Next;
            }
            _ => {}
        }
        measured
    }

    /// `ERR`.
    pub(crate) fn on_refused(
        &mut self,
        number: u16,
        reason: Reason,
        terms: &Terms,
        todo: &mut Todo,
    ) {
        if number == self.tree() && number != 0 {
            if self.stage == Stage::Over {
                return;
            }
            // Where entries are on their way already, this end says when the last has come.
            let is_through = matches!(
                self.stage,
                Stage::ExpectTreeDone | Stage::GiveUpTree { .. } | Stage::ExpectTreeGivenUp { .. }
            );
            if !self.is_given_up && !matches!(self.stage, Stage::ExpectTreeGivenUp { .. }) {
                todo.abandon = Some((reason, true));
            }
            self.last_refusal = Some(reason);
            self.is_given_up = true;
            self.stage = if terms.is_lossy::<P>() || is_through {
                Stage::Over
            } else {
                Stage::GiveUpTree { reason }
            };
            return;
        }
        // On a lossy link an earlier ending may only be repeated.
        let Some(entry) =
            self.entry_of(number).filter(|_| !terms.is_lossy::<P>() || number == self.number)
        else {
            return;
        };
        if number == self.number {
            match self.stage {
                // It only repeats what this end said.
                Stage::ExpectGivenUp { .. } => {
                    self.stage = Stage::Next;
                    return;
                }
                Stage::GiveUp { .. }
                | Stage::GiveUpTree { .. }
                | Stage::ExpectTreeGivenUp { .. }
                | Stage::Over => return,
                // There it is awaited with the entry, and can only be a repeated one now.
                Stage::TreeDone | Stage::ExpectTreeDone if terms.is_lossy::<P>() => return,
                Stage::TreeDone | Stage::ExpectTreeDone => {}
                _ => self.stage = Stage::Next,
            }
        }
        self.last_refusal = Some(reason);
        todo.refused = Some((entry, reason));
    }

    /// Which entry a transfer is, if it is one of the 2^15 last; of the tree, the first.
    fn entry_of(&self, number: u16) -> Option<u32> {
        let back = self.number.wrapping_sub(number);
        if number == 0 || back >= 1 << 15 {
            return None;
        }
        let is_between = |skipped: u16| self.number.wrapping_sub(skipped) < back;
        let skipped = u32::from(is_between(0))
            .saturating_add(u32::from(self.tree() != 0 && is_between(self.tree())));
        let back = u32::from(back).saturating_sub(skipped);
        if number == self.tree() {
            return Some(0);
        }
        self.entries.checked_sub(back.saturating_add(1))
    }
}

/// The number after `number`; never 0 and never that of the open tree.
pub(crate) fn next_number(number: u16, tree: u16) -> u16 {
    let mut next = number.wrapping_add(1);
    while next == 0 || (next == tree && tree != 0) {
        next = next.wrapping_add(1);
    }
    next
}

/// Whether `count` is at or past `mark`, modulo 2^16.
pub(crate) const fn is_reached(count: u16, mark: u16) -> bool {
    count.wrapping_sub(mark) < 1 << 15
}

/// The smaller of a length and what is left.
fn clamp(length: u16, left: u64) -> u16 {
    u16::try_from(left).map_or(length, |left| left.min(length))
}

impl Flow {
    fn sent(&mut self) {
        let repeats = core::mem::take(&mut self.repeats);
        self.count = self.count.wrapping_add(u16::from(!repeats));
    }

    /// The other end speaks of `count`. Whether that is not older than what it spoke of before.
    fn echo(&mut self, count: u16) -> bool {
        let is_fresh = is_reached(self.count, count) && is_reached(count, self.echoed);
        if is_fresh {
            self.echoed = count;
        }
        is_fresh
    }

    fn may_send(&self, terms: &Terms) -> bool {
        let limit = if terms.half_duplex { HALF_DUPLEX_FRAMES } else { u16::MAX };
        self.repeats || self.count.wrapping_sub(self.echoed) < self.credit.min(limit)
    }

    /// Whether to ask although more may be sent. Half-duplex ends do not: nobody would listen.
    fn question_due<P: Profile>(&self, terms: &Terms) -> bool {
        let interval =
            if terms.is_lossy::<P>() { LOSSY_INTERVAL } else { (self.credit / 4).max(1) };
        let asked = self.asked.unwrap_or(self.count.wrapping_sub(interval));
        !terms.half_duplex && self.count.wrapping_sub(asked) >= interval
    }
}

impl File {
    const fn new(entry: Option<&Entry>) -> Self {
        let (size, modified, resumable) = match entry {
            Some(entry) => (entry.size, entry.modified, entry.resumable),
            None => (None, None, false),
        };
        let resume = match size {
            Some(size) if resumable => size,
            _ => 0,
        };
        Self {
            size,
            modified,
            resume,
            held: 0,
            sent: 0,
            digest: 0,
            lost: Map::EMPTY,
            repeated: Map::EMPTY,
            repeated_at: 0,
            careful: 0,
            jump: None,
        }
    }

    fn chunk_length(&self, terms: &Terms) -> u16 {
        if self.careful > 0 { terms.unit() } else { terms.chunk }
    }

    /// How many bytes of new data may go now; 0 where the window is full.
    fn new_chunk<P: Profile>(&mut self, terms: &Terms) -> u16 {
        let mut length = self.chunk_length(terms);
        if terms.is_lossy::<P>() {
            let window = self.held.saturating_add(terms.reach().into()).saturating_sub(self.sent);
            length = clamp(length, window) & !terms.unit().wrapping_sub(1);
        }
        if let Some(size) = self.size {
            length = clamp(length, size.saturating_sub(self.sent));
        }
        if length > 0 {
            self.careful = self.careful.saturating_sub(1);
        }
        length
    }

    /// The units to be repeated, from the `first` on: their position and length in bytes.
    fn repeat(&mut self, first: u32, terms: &Terms, count: u16) -> (u64, u16) {
        self.repeated_at = count;
        let mut length = 0u16;
        let mut unit = first;
        while length < self.chunk_length(terms) && self.lost.contains(unit) {
            self.lost.set(unit, false);
            self.repeated.set(unit, true);
            length = length.saturating_add(terms.unit());
            unit = unit.saturating_add(1);
        }
        let ahead = u64::from(first.saturating_mul(terms.unit().into()));
        let position = self.held.saturating_add(ahead);
        (position, clamp(length, self.sent.saturating_sub(position)))
    }

    fn on_held<P: Profile>(
        &mut self,
        position: u64,
        proof: Proof,
        counted: bool,
        count: u16,
        terms: &Terms,
    ) {
        if position < self.held || self.size.is_some_and(|size| position > size) {
            return;
        }
        if let Proof::Prefix(prefix) = proof {
            if position > self.resume {
                return;
            }
            // What was sent meanwhile is judged by the digest at the end.
            if position > self.sent {
                self.jump = Some(Jump { to: position, prefix });
            }
            self.advance(position, terms);
            return;
        }
        if !terms.is_lossy::<P>() || position > self.sent {
            return;
        }
        self.advance(position, terms);
        let Proof::Map(map) = proof else { return };
        // Lost, or still on its way? (`PROTOCOL.md`, section 6.3)
        let sent = terms.units(low_half(self.sent.saturating_sub(self.held)));
        let settled =
            if counted { sent } else { map.last().map_or(0, |last| last.saturating_add(1)) };
        let is_fresh = is_reached(count, self.repeated_at);
        for unit in 0..=MAP_UNITS {
            let is_held = unit.checked_sub(1).is_some_and(|past| map.contains(past));
            let may_be_lost = is_fresh || !self.repeated.contains(unit);
            let is_lost = unit < sent.min(settled) && !is_held && may_be_lost;
            if is_lost && !self.lost.contains(unit) {
                self.careful = CAREFUL_CHUNKS;
            }
            self.lost.set(unit, is_lost);
        }
    }

    /// The receiver holds everything before `position`.
    fn advance(&mut self, position: u64, terms: &Terms) {
        let bytes = position.saturating_sub(self.held);
        let units = terms.units(u32::try_from(bytes).unwrap_or(u32::MAX));
        for _ in 0..units.min(MAP_UNITS + 1) {
            self.lost.take_first();
            self.repeated.take_first();
        }
        self.held = position;
    }
}
