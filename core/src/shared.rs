//! What a session and the half at work share: terms, the ending before, and what is left to do.

use crate::error::Reason;
use crate::profile::Profile;
use crate::terms::Terms;
use crate::wire::{Code, Signal};

/// What the half at work reads and leaves behind.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Shared {
    pub(crate) terms: Terms,
    /// The signal that was heard last; then the one that answers it, if one is to be sent.
    pub(crate) signal: Signal,
    pub(crate) ending: Ending,
    pub(crate) todo: Todo,
}

impl Shared {
    pub(crate) const fn new() -> Self {
        let signal = Signal::new(Code::Err, 0, 0);
        Self { terms: Terms::new(), signal, ending: Ending::NONE, todo: Todo::new() }
    }

    /// This is to be sent.
    pub(crate) fn reply(&mut self, signal: Signal) {
        self.signal = signal;
        self.todo.pending = false;
        self.todo.reply = true;
    }

    /// A transfer has ended with a refusal.
    pub(crate) fn refused(&mut self, number: u16, reason: Reason) {
        self.ending.number = number;
        self.ending.refusal = Some(reason);
    }

    /// Whether a transfer is the one that ended last, and may be asked about: where an answer can be
    /// lost.
    pub(crate) fn has_ended<P: Profile>(&self, number: u16) -> bool {
        self.terms.is_lossy::<P>() && number == self.ending.number
    }

    /// How the transfer before ended is to be sent.
    pub(crate) fn repeat_ending(&mut self, count: u16) {
        self.reply(self.ending.signal(count));
    }
}

/// How the transfer before ended: repeated to whoever asks (`PROTOCOL.md`, section 6.1).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Ending {
    /// 0: there was none.
    pub(crate) number: u16,
    /// Why it was refused, if it was.
    pub(crate) refusal: Option<Reason>,
    size: u64,
    digest: u64,
}

impl Ending {
    /// No transfer was before.
    pub(crate) const NONE: Self = Self::done(0, 0, 0);

    /// The transfer was done: its size in bytes, of a tree in entries, and its CRC-64.
    pub(crate) const fn done(number: u16, size: u64, digest: u64) -> Self {
        Self { number, refusal: None, size, digest }
    }

    /// The signal that says so.
    pub(crate) fn signal(&self, count: u16) -> Signal {
        match self.refusal {
            None => Signal::done(self.number, self.size, count, self.digest),
            Some(reason) => Signal::refuse(self.number, 0, reason, 0),
        }
    }
}

/// What a half leaves for the session to do before anything else, in this order.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Todo {
    /// The store is to close the open file, for this reason; the tree around it as well, if so.
    pub(crate) abandon: Option<(Reason, bool)>,
    /// The store is to hear that this entry was refused, in the words of the last description.
    pub(crate) refused: Option<(u32, Reason)>,
    /// These transfers are to be refused: the one that is dropped for a new offer, and that offer.
    refusals: [Option<(u16, Reason)>; 2],
    /// The signal is to be sent.
    pub(crate) reply: bool,
    /// The store is to hear of the offer that came last, its description at hand.
    pub(crate) offer: bool,
    /// The store is to open what the description at hand names; as a tree, if so.
    pub(crate) open: Option<bool>,
    /// The description of the signal that was heard is to come: nothing that the session can do.
    pub(crate) pending: bool,
}

impl Todo {
    pub(crate) const fn new() -> Self {
        Self {
            abandon: None,
            refused: None,
            refusals: [None; 2],
            reply: false,
            offer: false,
            open: None,
            pending: false,
        }
    }

    /// The other end is to hear that a transfer is refused. One frame causes two refusals at most.
    pub(crate) fn refuse(&mut self, number: u16, reason: Reason) {
        let [first, second] = &mut self.refusals;
        *if first.is_none() { first } else { second } = Some((number, reason));
    }

    pub(crate) fn take_refusal(&mut self) -> Option<(u16, Reason)> {
        let [first, second] = &mut self.refusals;
        core::mem::replace(first, second.take())
    }

    /// The other end knows.
    pub(crate) fn forget_refusals(&mut self) {
        self.refusals = [None; 2];
    }
}

/// What a half wants next, once nothing is left to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Intent {
    /// Describe the signal that is to be sent by what stands in the chunk buffer.
    Describe,
    /// Describe the `DON` of a file that is to be sent, if that was agreed on.
    Done,
    /// Load and send.
    Chunk { position: u64, length: u16 },
    /// Load and sum up only.
    Digest { position: u64, length: u16 },
    /// Ask the store for what is next.
    Next,
    /// Ask the store whether the source is unchanged.
    Check,
    /// Ask the store to put it in place.
    Commit,
    /// Wait for the answer to what was asked.
    AwaitAnswer,
    /// Wait for whatever comes.
    AwaitAnything,
    /// Do what is left to do.
    Nothing,
    /// The request is through.
    Over(Result<(), Reason>),
}
