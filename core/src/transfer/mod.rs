//! Transfers: the sending and the receiving half, which decide and own no buffer.
//!
//! A half is called with a signal or a reply of the store. It leaves output for the session in the
//! [`Outbox`], and says by [`Next`] how it goes on once the outbox is empty.

use core::num::NonZeroU16;

use crate::error::Reason;
use crate::wire::{Code, Signal};

mod completed;
pub(crate) mod flow;
pub(crate) mod recv;
mod recv_file;
pub(crate) mod send;
mod send_file;

pub(crate) use self::completed::Completed;

/// The result of a session or of a client's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// Of a client's task: files and directories offered, including those refused. Of a server: 0; its
    /// store is told about each of them.
    pub entries: u32,
    /// Entries that were refused or given up, but for those that their receiver excludes
    /// ([`Reason::counts_as_refused`]). A sender counts each of them once if its store returns the right
    /// value from [`Store::refused`](crate::Store::refused).
    pub refused: u32,
    /// Of a received tree: entries that its sender could not offer, because their paths are not
    /// allowed.
    pub omitted: u32,
    /// Whether the client asked this server to close, and it was allowed.
    pub closed: bool,
}

/// The result of a call of [`Session::cancel`](crate::Session::cancel).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cancelled {
    /// The other end is told by an `ERR`, and the store closes the open file and tree.
    Done,
    /// No request is under way that could end earlier.
    Nothing,
    /// It is not possible at this step: call it again before the next one.
    Later,
}

/// The number of a transfer; the number 0 is the session itself.
pub(crate) type TransferId = NonZeroU16;

/// The number after `id`; never 0, and never that of the open `tree`.
pub(crate) fn next_id(id: u16, tree: Option<TransferId>) -> TransferId {
    let mut next = id;
    loop {
        next = next.wrapping_add(1);
        match TransferId::new(next) {
            Some(next) if tree != Some(next) => return next,
            _ => {}
        }
    }
}

/// Whether `count` is at or past `mark`, modulo 2^16.
pub(crate) const fn is_reached(count: u16, mark: u16) -> bool {
    count.wrapping_sub(mark) < 1 << 15
}

/// Whether the transfer `id` comes after `last`, by serial comparison.
pub(crate) fn is_after(id: TransferId, last: TransferId) -> bool {
    id != last && is_reached(id.get(), last.get())
}

/// The current signal: the received one, or the next output.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
// An explicit tag: where the compiler hides the tag in a niche, each match costs more flash.
#[repr(u8)]
pub(crate) enum Slot {
    Empty,
    /// Received; its metadata is awaited.
    AwaitMetadata(Signal),
    /// A new offer with its metadata: the store decides on it next.
    Offer(Signal),
    /// A received answer to an operation, with an index in its metadata: the store receives it next.
    Answer(Signal),
    /// Output.
    Reply(Signal),
    /// Output; the store may have an index for its metadata.
    Indexed(Signal),
}

/// Output that the session performs before any other step, in the order of the fields; a sender's
/// store receives refusals first, before it closes the tree.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Outbox {
    /// The store is to close the open file.
    pub(crate) abandon: Option<Abandon>,
    /// Refused transfers. A receiver sends `ERR` for them: the one that a new offer interrupts, and that
    /// offer. A sender tells its store; the message is in the last metadata.
    refusals: [Option<(u16, Reason)>; 2],
    pub(crate) slot: Slot,
    pub(crate) completed: Option<Completed>,
}

/// The open file will not be completed.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Abandon {
    pub(crate) reason: Reason,
    /// Whether the tree around it, or the whole request, ends as well.
    pub(crate) all: bool,
}

impl Outbox {
    pub(crate) const fn new() -> Self {
        Self { abandon: None, refusals: [None, None], slot: Slot::Empty, completed: None }
    }

    /// The reply answers a stat: an index may go along.
    pub(crate) fn expect_index(&mut self) {
        if let Slot::Reply(signal) = self.slot {
            self.slot = Slot::Indexed(signal);
        }
    }

    /// Whether an index may go along with the reply.
    pub(crate) fn may_have_index(&self) -> bool {
        matches!(self.slot, Slot::Indexed(_))
    }

    /// Drops all output. The completed transfer is still remembered.
    pub(crate) fn clear(&mut self) {
        *self = Self { completed: self.completed, ..Self::new() };
    }

    /// Sends this signal. Metadata that is awaited is dropped.
    pub(crate) fn reply(&mut self, signal: Signal) {
        self.slot = Slot::Reply(signal);
    }

    pub(crate) fn is_awaiting_metadata(&self) -> bool {
        matches!(self.slot, Slot::AwaitMetadata(_))
    }

    /// The signal whose metadata is awaited.
    pub(crate) fn awaiting_metadata(&self) -> Option<&Signal> {
        if let Slot::AwaitMetadata(signal) = &self.slot { Some(signal) } else { None }
    }

    /// The offer that the store is asked about.
    pub(crate) fn offer(&self) -> Option<&Signal> {
        if let Slot::Offer(signal) = &self.slot { Some(signal) } else { None }
    }

    /// The answer that the store is told.
    pub(crate) fn answer(&self) -> Option<&Signal> {
        if let Slot::Answer(signal) = &self.slot { Some(signal) } else { None }
    }

    /// The signal that is to be sent.
    pub(crate) fn pending_reply(&self) -> Option<&Signal> {
        match &self.slot {
            Slot::Reply(signal) | Slot::Indexed(signal) => Some(signal),
            _ => None,
        }
    }

    pub(crate) fn abandon(&mut self, reason: Reason, all: bool) {
        self.abandon = Some(Abandon { reason, all });
    }

    /// Refuses a transfer. One frame causes two refusals at most.
    pub(crate) fn refuse(&mut self, id: u16, reason: Reason) {
        let [first, second] = &mut self.refusals;
        debug_assert!(second.is_none(), "three refusals at once");
        *if first.is_none() { first } else { second } = Some((id, reason));
    }

    pub(crate) fn take_refusal(&mut self) -> Option<(u16, Reason)> {
        let [first, second] = &mut self.refusals;
        core::mem::replace(first, second.take())
    }

    /// Whether `ERR` is the next signal that is sent.
    pub(crate) fn refuses(&self) -> bool {
        self.refusals.first().is_some_and(Option::is_some)
            || self.pending_reply().is_some_and(|signal| signal.code == Code::Err)
    }

    /// Takes the `ERR` that is sent next.
    pub(crate) fn take_err(&mut self) -> Option<Signal> {
        if let Some((id, reason)) = self.take_refusal() {
            return Some(Signal::refuse(id, 0, reason, 0));
        }
        let signal = *self.pending_reply()?;
        self.slot = Slot::Empty;
        Some(signal)
    }

    /// The other end knows of them.
    pub(crate) fn drop_refusals(&mut self) {
        self.refusals = [None, None];
    }

    /// Whether `id` is the transfer that was completed last.
    pub(crate) fn is_last_completed(&self, id: u16) -> bool {
        self.completed.as_ref().is_some_and(|completed| completed.id.get() == id)
    }

    /// A transfer is completed, and its result is sent.
    pub(crate) fn complete(&mut self, completed: Completed) {
        self.completed = Some(completed);
        self.repeat_completed(0);
    }

    /// Sends the result of the transfer that was completed last.
    pub(crate) fn repeat_completed(&mut self, count: u16) {
        debug_assert!(self.completed.is_some(), "no transfer was completed");
        if let Some(completed) = &self.completed {
            self.slot = Slot::Reply(completed.signal(count));
        }
    }
}

/// The next action of a half with an empty outbox.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// Look into the outbox again.
    Continue,
    /// Attach the metadata in the chunk buffer, whose length is given, to the signal in the outbox.
    AttachMetadata(u16),
    /// Attach the SHA-256, if that was negotiated, to the `DON` in the outbox.
    AttachSha256,
    /// Load and send.
    Chunk { position: u64, length: u16 },
    /// Load for the digest only.
    Digest { position: u64, length: u16 },
    /// Ask the store for the next entry.
    Entry,
    /// Ask the store whether the source is unchanged.
    Check,
    /// Ask the store to commit.
    Commit,
    /// Wait for the answer to a question.
    AwaitAnswer,
    /// Wait for any frame.
    AwaitFrame,
    /// The request is completed.
    Finish(Result<(), Reason>),
}

#[cfg(test)]
mod tests;
