//! The receiving half: what is held, what is answered, when it is done (`PROTOCOL.md`, section 6).
//!
//! Decides only; it holds no buffer, and the session carries its intents out.

use core::marker::PhantomData;

use crate::error::Reason;
use crate::profile::Profile;
use crate::sender::is_reached;
use crate::store::Accepted;
use crate::terms::{Intent, Terms, Todo};
use crate::wire::{Code, Map, Proof, Signal, low_half};

#[derive(Debug, Clone)]
pub(crate) struct Receiver<P> {
    stage: Stage,
    /// Transfer of the tree; 0: none.
    tree: u16,
    /// Transfer offered last.
    number: u16,
    entries: u32,
    refused: u32,
    names_only: bool,
    /// The count that the last question spoke of.
    count: u16,
    /// Entries of the tree that will be offered once more.
    again: bool,
    profile: PhantomData<P>,
}

#[derive(Debug, Clone)]
enum Stage {
    ExpectOffer,
    Receiving(File),
    /// The tree was refused; what is on its way is dropped, up to the tree's end.
    RefusedTree(Reason),
    /// The tree's own `DON` came.
    CommitTree {
        size: u64,
    },
    Over(Result<(), Reason>),
}

/// A file being received.
#[derive(Debug, Clone)]
struct File {
    size: Option<u64>,
    resume: u64,
    in_order: bool,
    /// Everything before is held.
    position: u64,
    /// Units that are held already, from the one after the position on.
    have: Map,
    /// CRC-64 of everything before `digested`.
    digest: u64,
    digested: u64,
    prefix: Prefix,
    /// The digest of the sender's `DON`, once all is held.
    done: Option<u64>,
    /// Whether the line was looked at since the digest went on.
    glanced: bool,
}

/// What was held when the offer came.
#[derive(Debug, Clone, Copy)]
enum Prefix {
    /// Nothing.
    None,
    /// So many bytes, and their digest is being made.
    Proving(u64),
    /// So many bytes with this CRC-64.
    Proven(u64, u64),
}

/// How the transfer before ended: repeated to whoever asks (`PROTOCOL.md`, section 6.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) number: u16,
    pub(crate) result: Result<(u64, u64), Reason>,
}

impl Ending {
    /// No transfer was before.
    pub(crate) const NONE: Self = Self { number: 0, result: Ok((0, 0)) };

    /// The signal that says so.
    pub(crate) fn signal(&self, count: u16) -> Signal {
        match self.result {
            Ok((size, digest)) => Signal::done(self.number, size, count, digest),
            Err(reason) => Signal::refuse(self.number, 0, reason, 0),
        }
    }
}

/// Where a chunk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: u64,
    /// Bytes at the front that are held already.
    pub(crate) skip: u16,
}

impl<P: Profile> Receiver<P> {
    pub(crate) const fn new(names_only: bool) -> Self {
        Self {
            stage: Stage::ExpectOffer,
            tree: 0,
            number: 0,
            entries: 0,
            refused: 0,
            names_only,
            count: 0,
            again: false,
            profile: PhantomData,
        }
    }

    /// Transfer of the open tree; 0: none.
    fn tree(&self) -> u16 {
        if P::TREES { self.tree } else { 0 }
    }

    /// CRC-64 of what is held of the open file in order; `None` where no file is open.
    pub(crate) fn digest(&self) -> Option<u64> {
        match &self.stage {
            Stage::Receiving(file) => Some(file.digest),
            _ => None,
        }
    }

    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.entries, self.refused)
    }

    pub(crate) fn names_only(&self) -> bool {
        self.names_only
    }

    /// Whether a lone file is to be offered once more, and nothing has come of that yet.
    pub(crate) fn awaits_fresh_offer(&self) -> bool {
        self.tree() == 0 && self.number != 0 && matches!(self.stage, Stage::ExpectOffer)
    }

    /// Whether a tree is open.
    pub(crate) fn is_in_tree(&self) -> bool {
        self.tree() != 0
    }

    /// The transfer numbered highest so far.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The file being received, for [`crate::frame::Belief`]: low byte of its transfer, position.
    pub(crate) fn file(&self) -> Option<(u8, u64)> {
        let [low, _] = self.number.to_le_bytes();
        match &self.stage {
            Stage::Receiving(file) => Some((low, file.position)),
            _ => None,
        }
    }

    pub(crate) fn intent(
        &mut self,
        line_is_empty: bool,
        ending: &mut Ending,
        todo: &mut Todo,
    ) -> Intent {
        match &mut self.stage {
            Stage::ExpectOffer | Stage::RefusedTree(_) => Intent::AwaitAnything,
            Stage::Receiving(file) => match file.done {
                Some(digest) if file.digested == file.position => {
                    if digest == file.digest {
                        return Intent::Commit;
                    }
                    self.drop_file(Reason::DigestDiffers, ending, todo);
                    Intent::AwaitAnything
                }
                _ if file.digested < file.position && line_is_empty => file.digest_on(),
                _ => Intent::AwaitAnything,
            },
            Stage::CommitTree { .. } => Intent::Commit,
            Stage::Over(result) => Intent::Over(*result),
        }
    }

    /// `SAF` or `SAR`. Whether its description is wanted: the offer is new.
    pub(crate) fn wants(&self, number: u16) -> bool {
        let is_new = self.number == 0 || is_after(number, self.number);
        is_new
            && self.tree() != number
            && !matches!(self.stage, Stage::Over(_) | Stage::RefusedTree(_))
    }

    /// `SAF` or `SAR`, new, its description at hand.
    pub(crate) fn on_offer(&mut self, ending: &mut Ending, todo: &mut Todo) {
        if matches!(self.stage, Stage::Receiving(_)) {
            self.drop_file(Reason::Incomplete, ending, todo);
        }
        todo.offer = true;
    }

    /// `SAF` or `SAR` of the transfer that is open: it asks for its answer.
    pub(crate) fn on_repeated_offer(&self, number: u16, terms: &Terms, todo: &mut Todo) {
        if number == self.number || number == self.tree() {
            todo.reply = Some(self.answer(number, true, terms));
        }
    }

    /// The store answered an offer.
    pub(crate) fn offered(
        &mut self,
        signal: &Signal,
        answer: Result<Accepted, Reason>,
        terms: &Terms,
        ending: &mut Ending,
        todo: &mut Todo,
    ) {
        self.number = signal.transfer;
        if signal.code == Code::Sar {
            self.stage = match answer {
                Ok(_) => {
                    self.tree = signal.transfer;
                    Stage::ExpectOffer
                }
                Err(reason) => match self.refuse(reason, false, ending, todo) {
                    Stage::Over(Err(reason)) if !terms.is_lossy::<P>() => {
                        Stage::RefusedTree(reason)
                    }
                    stage => stage,
                },
            };
            if terms.is_lossy::<P>() && self.tree() != 0 {
                todo.reply = Some(self.answer(self.tree(), true, terms));
            }
            return;
        }
        let (resume, size) = (signal.position, signal.size());
        self.entries = self.entries.saturating_add(1);
        match answer {
            Err(reason) => self.stage = self.refuse(reason, false, ending, todo),
            Ok(_) if self.names_only => {
                *ending = Ending { number: self.number, result: Ok((size.unwrap_or(0), 0)) };
                self.stage = self.after(Ok(()));
                if terms.is_lossy::<P>() {
                    todo.reply = Some(ending.signal(self.count));
                }
            }
            Ok(Accepted { held, in_order }) => {
                let held = if held <= resume { held } else { 0 };
                self.stage = Stage::Receiving(File::new(size, resume, held, in_order));
                if terms.awaits_answer::<P>(size, resume) && held == 0 {
                    todo.reply = Some(self.answer(self.number, true, terms));
                }
            }
        }
    }

    /// `DON` of the sender.
    pub(crate) fn on_done(
        &mut self,
        signal: &Signal,
        terms: &Terms,
        ending: &mut Ending,
        todo: &mut Todo,
    ) {
        let (number, size, count) = (signal.transfer, signal.position, signal.count());
        let tree = self.tree();
        match &mut self.stage {
            Stage::RefusedTree(reason) if number == self.number => {
                self.stage = Stage::Over(Err(*reason));
            }
            Stage::RefusedTree(_) => {}
            Stage::Receiving(file) if number == self.number => {
                self.count = count;
                let fits = file.size.is_none_or(|known| known == size) && file.position <= size;
                if !fits || (file.position < size && !terms.is_lossy::<P>()) {
                    self.drop_file(Reason::Incomplete, ending, todo);
                } else {
                    file.size = Some(size);
                    if file.position == size {
                        file.done = Some(signal.digest());
                    } else {
                        todo.reply = Some(self.answer(number, false, terms));
                    }
                }
            }
            _ if tree != 0 && number == tree => {
                self.count = count;
                if matches!(self.stage, Stage::Receiving(_)) {
                    self.drop_file(Reason::Incomplete, ending, todo);
                }
                if size != u64::from(self.entries) {
                    self.number = core::mem::take(&mut self.tree);
                    todo.abandon = Some((Reason::Incomplete, true));
                    self.stage = self.refuse(Reason::Incomplete, false, ending, todo);
                } else if core::mem::take(&mut self.again) {
                    todo.reply = Some(self.answer(number, false, terms));
                } else {
                    self.stage = Stage::CommitTree { size };
                    if self.names_only {
                        self.committed(terms, ending, todo);
                    }
                }
            }
            _ if terms.is_lossy::<P>() && number == ending.number => {
                self.count = count;
                todo.reply = Some(ending.signal(count));
            }
            _ => {}
        }
    }

    /// `PIN` of a transfer.
    pub(crate) fn on_ask(
        &mut self,
        number: u16,
        count: u16,
        terms: &Terms,
        ending: &Ending,
        todo: &mut Todo,
    ) {
        let is_open = matches!(self.stage, Stage::Receiving(_)) && number == self.number;
        let is_refused = matches!(self.stage, Stage::RefusedTree(_));
        if is_open
            || is_refused
            || (self.tree() != 0 && (number == self.tree() || !terms.is_lossy::<P>()))
        {
            self.count = count;
            todo.reply = Some(self.answer(number, false, terms));
        } else if number == ending.number {
            self.count = count;
            todo.reply = Some(ending.signal(count));
        }
    }

    /// `ERR` of the sender.
    pub(crate) fn on_refused(
        &mut self,
        number: u16,
        reason: Reason,
        terms: &Terms,
        ending: &mut Ending,
        todo: &mut Todo,
    ) {
        if let Stage::RefusedTree(reason) = self.stage {
            if number == self.number {
                self.stage = Stage::Over(Err(reason));
            }
        } else if self.tree() != 0 && number == self.tree() {
            self.stage = Stage::Over(Err(reason));
            *ending = Ending { number, result: Err(reason) };
            todo.abandon = Some((reason, true));
            if terms.is_lossy::<P>() {
                todo.reply = Some(ending.signal(self.count));
            }
        } else if let Stage::Receiving(file) = &self.stage
            && number == self.number
        {
            let again = file.resume > 0;
            todo.abandon = Some((reason, false));
            self.stage = self.refuse(reason, again, ending, todo);
            if !terms.is_lossy::<P>() {
                // It knows, and does not wait for an answer.
                todo.refusals.clear();
            }
        } else if terms.is_lossy::<P>() && number == ending.number {
            todo.reply = Some(ending.signal(self.count));
        }
    }

    /// Where a chunk goes that begins `ahead` (wrapping) of the position; `None` if it is not
    /// wanted.
    pub(crate) fn place(&self, ahead: u32, length: u16, terms: &Terms) -> Option<Place> {
        let Stage::Receiving(file) = &self.stage else { return None };
        if ahead >= terms.reach() {
            let behind = u16::try_from(ahead.wrapping_neg()).ok()?;
            let place = Place { position: file.position, skip: behind };
            let end = file.position.checked_add(u64::from(length.checked_sub(behind)?))?;
            return (behind < length && file.takes(end, terms)).then_some(place);
        }
        let position = file.position.checked_add(ahead.into())?;
        let end = position.checked_add(length.into())?;
        let mut units = units(ahead, length, terms);
        let is_new = ahead == 0
            || (!file.in_order
                && terms.is_whole(ahead)
                && units.any(|unit| !file.have.contains(unit)));
        (is_new && file.takes(end, terms)).then_some(Place { position, skip: 0 })
    }

    /// So many bytes were stored at the place; `digest` continues over them.
    pub(crate) fn stored(
        &mut self,
        position: u64,
        length: u16,
        terms: &Terms,
        digest: impl FnOnce(u64) -> u64,
    ) {
        let Stage::Receiving(file) = &mut self.stage else { return };
        let ahead = position.saturating_sub(file.position);
        let end = position.saturating_add(length.into());
        if terms.is_lossy::<P>() && file.size.is_none() && !terms.is_whole(low_half(end)) {
            // Only at its end does the file end within a unit.
            file.size = Some(end);
        }
        if position == file.digested {
            file.digest = digest(file.digest);
            file.digested = end;
        }
        if ahead > 0 {
            let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
            units(ahead, length, terms).for_each(|unit| file.have.set(unit, true));
            return;
        }
        file.position = end;
        if file.have.is_empty() {
            return;
        }
        // The units that came are held, and those after them that were held before.
        let mut is_held = false;
        for _ in 0..terms.units(length.into()) {
            is_held = file.have.take_first();
        }
        while is_held {
            let past = file.position.saturating_add(terms.unit().into());
            file.position = past.min(file.size.unwrap_or(u64::MAX));
            is_held = file.have.take_first();
        }
    }

    /// So many bytes at `digested` were loaded back.
    pub(crate) fn digested(
        &mut self,
        length: u16,
        terms: &Terms,
        todo: &mut Todo,
        digest: impl FnOnce(u64) -> u64,
    ) {
        let Stage::Receiving(file) = &mut self.stage else { return };
        file.digest = digest(file.digest);
        file.digested = file.digested.saturating_add(length.into());
        file.glanced = false;
        if let Prefix::Proving(end) = file.prefix
            && file.digested >= end
        {
            file.prefix = Prefix::Proven(end, file.digest);
            todo.reply = Some(self.answer(self.number, true, terms));
        }
    }

    /// The store failed on the open file and has closed it.
    pub(crate) fn failed(&mut self, reason: Reason, ending: &mut Ending, todo: &mut Todo) {
        if matches!(self.stage, Stage::CommitTree { .. }) {
            self.number = core::mem::take(&mut self.tree);
        }
        self.stage = self.refuse(reason, false, ending, todo);
    }

    /// The store put the file, or the tree, in place.
    pub(crate) fn committed(&mut self, terms: &Terms, ending: &mut Ending, todo: &mut Todo) {
        let answers = terms.is_lossy::<P>() || self.tree() == 0;
        match &self.stage {
            Stage::Receiving(file) => {
                *ending = Ending { number: self.number, result: Ok((file.position, file.digest)) };
                self.stage = self.after(Ok(()));
                if answers {
                    todo.reply = Some(ending.signal(self.count));
                }
            }
            Stage::CommitTree { size } => {
                *ending = Ending { number: self.tree(), result: Ok((*size, 0)) };
                self.stage = Stage::Over(Ok(()));
                todo.reply = Some(ending.signal(self.count));
            }
            _ => {}
        }
    }

    /// Closes the open file, and says why.
    pub(crate) fn drop_file(&mut self, reason: Reason, ending: &mut Ending, todo: &mut Todo) {
        let again = matches!(&self.stage, Stage::Receiving(file) if file.resume > 0);
        todo.abandon = Some((reason, false));
        self.stage = self.refuse(reason, again, ending, todo);
    }

    /// Refuses the transfer offered last; returns the stage after that.
    fn refuse(
        &mut self,
        reason: Reason,
        again: bool,
        ending: &mut Ending,
        todo: &mut Todo,
    ) -> Stage {
        let again = again && reason.wants_fresh_offer();
        self.again |= again;
        self.refused = self.refused.saturating_add(u32::from(!again));
        *ending = Ending { number: self.number, result: Err(reason) };
        todo.refuse(self.number, reason);
        if again { Stage::ExpectOffer } else { self.after(Err(reason)) }
    }

    /// The stage after a file has ended.
    fn after(&self, result: Result<(), Reason>) -> Stage {
        if self.tree() == 0 { Stage::Over(result) } else { Stage::ExpectOffer }
    }

    /// `PON`: to an offer, or to a question.
    fn answer(&self, number: u16, to_offer: bool, terms: &Terms) -> Signal {
        let (position, credit, proof) = match &self.stage {
            Stage::Receiving(file) if number == self.number => match file.prefix {
                // Alive, but nothing is proven yet.
                Prefix::Proving(_) => (0, 0, Proof::Map(Map::EMPTY)),
                Prefix::Proven(end, digest) if to_offer => {
                    (end, terms.granted, Proof::Prefix(digest))
                }
                _ => (file.position, terms.granted, Proof::Map(file.have)),
            },
            _ if number == self.tree() => {
                (self.entries.into(), terms.granted, Proof::Map(Map::EMPTY))
            }
            _ => (0, terms.granted, Proof::Map(Map::EMPTY)),
        };
        Signal::held(number, position, credit, self.count, proof)
    }
}

impl File {
    const fn new(size: Option<u64>, resume: u64, held: u64, in_order: bool) -> Self {
        let prefix = if held > 0 { Prefix::Proving(held) } else { Prefix::None };
        Self {
            size,
            resume,
            in_order,
            position: held,
            have: Map::EMPTY,
            digest: 0,
            digested: 0,
            prefix,
            done: None,
            glanced: false,
        }
    }

    /// Whether a chunk may end at `end`.
    fn takes(&self, end: u64, terms: &Terms) -> bool {
        let whole = terms.is_whole(low_half(end));
        match self.size {
            Some(size) => end == size || (whole && end < size),
            None => true,
        }
    }

    /// The digest goes on over what is held, up to the end of the prefix first. Between two loads
    /// the line is looked at, unless the transfer only waits for its digest.
    fn digest_on(&mut self) -> Intent {
        let end = match self.prefix {
            Prefix::Proving(end) => end,
            _ => self.position,
        };
        let left = end.saturating_sub(self.digested);
        let length = u16::try_from(left).map_or(1024, |left| left.min(1024));
        let glance = !self.glanced && self.done.is_none();
        self.glanced = true;
        Intent::Digest { position: self.digested, length, glance }
    }
}

/// The units that `length` bytes at `ahead` past the position make up, counted from the one after
/// the position.
fn units(ahead: u32, length: u16, terms: &Terms) -> impl Iterator<Item = u32> {
    let first = terms.units(ahead).saturating_sub(1);
    first..first.saturating_add(terms.units(length.into()))
}

/// Whether transfer `number` comes after `last`, compared serially.
pub(crate) fn is_after(number: u16, last: u16) -> bool {
    number != last && is_reached(number, last)
}
