//! Storage, as a machine sees it: something that takes offers, bytes and commits, or gives them.
//!
//! A desktop directory, a FAT card, a flash partition and a `Vec` in a test are equals. Knows
//! nothing of frames. One store serves one session; at any time at most one file is open in it.

use core::task::Poll;

use crate::error::Reason;

mod request;

pub use self::request::{Reply, Request, answer};

/// What an offer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// One file.
    File,
    /// An entry of a tree that is a directory; it has no content.
    Directory,
    /// A whole tree; its entries follow as offers of their own.
    Tree,
}

/// An offer as it came from the other end. The path is sound ([`crate::path::is_sound`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer<'a> {
    /// Where it should go: inside a tree relative to the tree's own path, else to the root. A
    /// directory's path has no `/` at its end here.
    pub path: &'a str,
    /// What it is.
    pub kind: Kind,
    /// Size in bytes, where known.
    pub size: Option<u64>,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    /// Permission bits, where known.
    pub mode: Option<u32>,
    /// The highest position to resume from, in bytes. 0: begin anew, drop any partial.
    pub resume: u64,
    /// Whether only the offer itself was asked for: nothing will be stored or committed.
    pub names_only: bool,
    /// Whether it may be put in place later than it is committed, see [`Store::settle`], and what
    /// [`Late`] names it by then.
    pub later: Option<u16>,
}

/// A store's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accepted {
    /// How much from the start is already there, in bytes: a multiple of 1024, or the whole
    /// size; at most the offer's `resume`. With holes only past it.
    pub held: u64,
    /// Whether bytes must come in order: the store cannot write at a position and read back.
    pub in_order: bool,
}

/// Something to send: what [`Store::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// What it is. A [`Kind::Tree`] comes first, and what follows it are its entries.
    pub kind: Kind,
    /// Length in bytes of the path that was written.
    pub path: usize,
    /// Size in bytes; of a tree, the bytes in all its entries. `None` where it is not known.
    pub size: Option<u64>,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    /// Permission bits, where known.
    pub mode: Option<u32>,
    /// Whether it can be resumed: read from any position, and not refused for its prefix before.
    pub resumable: bool,
    /// Why it cannot be sent although it is offered: the other end is to hear of it.
    pub broken: Option<Reason>,
}

/// The digests of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Digests {
    /// CRC-64/NVME; 0 of a directory and of a tree.
    pub crc64: u64,
    /// SHA-256, where both ends agreed on it.
    pub sha256: Option<[u8; 32]>,
}

/// A file of a tree that was committed and could not be put in place after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Late {
    /// The number that its offer gave it.
    pub later: u16,
    /// Why: none that [`Reason::wants_fresh_offer`].
    pub reason: Reason,
}

/// Storage for one session. A receiver needs the first group of methods, a sender the second;
/// [`Store::load`] serves both. What is not provided refuses.
///
/// None of the methods may panic, whatever the other end says.
///
/// # Work that takes long
/// A session can do nothing else while a method runs. A store whose commits take longer than a
/// moment provides [`Store::poll_commit`], and [`Store::poll_settle`] and [`Store::poll_offer`]
/// likewise: it begins the work elsewhere (a thread, a flash controller) and says that it is
/// pending. The session then answers what the other end asks, says now and then that it is busy,
/// notices where the other end has left, and asks the store again a few milliseconds later. A
/// store that can wait for its work does so, for at most 50 ms a call: then nobody loses time.
pub trait Store {
    /// An offer came: prepare to receive it, and say how much of it is there already.
    ///
    /// Nothing that others see may change before [`Store::commit`].
    ///
    /// # Errors
    /// The reason goes to the sender; in a tree the other entries go on.
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let _ = offer;
        Err(Reason::ReadOnly)
    }

    /// An offer was refused before the store could be asked: its path may not travel, or it demands
    /// what is not known here. `path` is what came in place of a path. Hostile: it need not be UTF-8.
    fn rejected(&mut self, path: &[u8], reason: Reason) {
        let _ = (path, reason);
    }

    /// [`Store::offer`] for a store that may need longer: pending, it is asked again with the same
    /// offer, or [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::offer`].
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        Poll::Ready(self.offer(offer))
    }

    /// Puts bytes at `position` of the open file; returns how many were taken, at least one.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let _ = (position, bytes);
        Err(Reason::ReadOnly)
    }

    /// CRC-64/NVME of what `start` covers followed by the bytes from `position` to `end`, those that
    /// [`Store::store`] took last: for a store that has many of them side by side, which is where
    /// checksums are fast. `None`: the session sums up what it gave.
    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let _ = (start, position, end);
        None
    }

    /// Fills `into` from `position` of the open file, being sent or being received; returns how
    /// many bytes were read, 0 only past the end.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let _ = (position, into);
        Err(Reason::Storage)
    }

    /// These are the digests of the open file: all of it was read, or has come in and is the same as
    /// at the other end. [`Store::check`] or [`Store::commit`] follows.
    fn verified(&mut self, digests: &Digests) {
        let _ = digests;
    }

    /// The open file, or else the open tree, is complete and verified: put it in place under its
    /// name, whole or not at all, and close it. If its offer says so, that may come later.
    ///
    /// # Errors
    /// The file is then closed, and what stood under its name is still there.
    fn commit(&mut self) -> Result<(), Reason> {
        Err(Reason::ReadOnly)
    }

    /// [`Store::commit`] for a store that may need longer: pending, it is asked again, or
    /// [`Store::abandon`] follows. What is under way then may be completed or dropped, but whole.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        Poll::Ready(self.commit())
    }

    /// Is all in place that was committed? A file whose offer says [`Offer::later`] need not be when
    /// [`Store::commit`] returns, so that many can be put in place at once, but now it must. What
    /// found no place is named, one at a time: it is asked again until nothing is late.
    ///
    /// It is asked before the sender is told anything that speaks for earlier files, and before the
    /// tree is committed; of a tree that is abandoned it is not.
    ///
    /// # Errors
    /// A file that is refused now; the sender hears of it first.
    fn settle(&mut self) -> Result<(), Late> {
        Ok(())
    }

    /// [`Store::settle`] for a store that may need longer: pending, it is asked again, or
    /// [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::settle`].
    fn poll_settle(&mut self) -> Poll<Result<(), Late>> {
        Poll::Ready(self.settle())
    }

    /// The open file, if there is one, will not be completed now: close it. What came in may stay
    /// for a resume. `all`: the tree around it, or the whole request, ends as well.
    fn abandon(&mut self, reason: Reason, all: bool) {
        let _ = (reason, all);
    }

    /// The other end asks for `path`: prepare to give it by [`Store::next`].
    ///
    /// # Errors
    /// The reason goes to the other end.
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let _ = (path, tree);
        Err(Reason::WriteOnly)
    }

    /// Whether only the offers are wanted of what [`Store::open`] is asked for next: then nothing of it
    /// will be loaded or checked.
    fn names_only(&mut self, names_only: bool) {
        let _ = names_only;
    }

    /// Opens the next thing to send and writes its path, at most
    /// [`PATH_MAX`](crate::path::PATH_MAX) bytes. `None` when there is no more; it may be asked
    /// again after a refusal, since a file whose prefix or digest differed is to be given once
    /// more, with `resumable` false.
    ///
    /// # Errors
    /// The whole request ends with this reason.
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let _ = path;
        Ok(None)
    }

    /// How many entries of the tree [`Store::next`] has left out so far, because no offer can name
    /// them: the other end hears of it with the end of the tree.
    fn omitted(&mut self) -> u32 {
        0
    }

    /// All of the open file was read: has it changed meanwhile?
    ///
    /// # Errors
    /// [`Reason::SourceChanged`]: the other end then drops it.
    fn check(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    /// The other end refused an entry, or this end had to give it up. Returns whether
    /// [`Store::next`] will give it once more: that is so, once, where
    /// [`Reason::wants_fresh_offer`] and it was resumable and not empty.
    fn refused(&mut self, entry: u32, reason: Reason, words: &str) -> bool {
        let _ = (entry, reason, words);
        false
    }

    /// The receiver had everything before `position` of an entry when it was offered. It may say so
    /// after the entry was sent, and more than once. The prefix may still turn out to differ: then
    /// [`Store::refused`] follows. Called where [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn resumed(&mut self, entry: u32, position: u64) {
        let _ = (entry, position);
    }

    /// The request is completed: the receiver has every entry in place that was not refused. Called
    /// where [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn completed(&mut self) {}
}

/// Nothing to give, and nothing is taken: for tasks that move nothing.
impl Store for () {}
