//! Storage as a session sees it: it takes or gives offers, bytes and commits.
//!
//! A directory on a desktop, a FAT card, a flash partition and a `Vec` in a test are equals. It knows
//! nothing of frames. One store serves one session; at most one file is open in it.

use core::task::Poll;

use crate::error::Reason;

mod request;

pub use self::request::{Reply, Request, answer};

/// The kind of an entry.
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

/// An offer of the other end. The path is sound ([`crate::path::is_sound`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer<'a> {
    /// The path: inside a tree relative to the path of the tree, else to the root. Without a `/` at
    /// the end.
    pub path: &'a str,
    /// The kind.
    pub kind: Kind,
    /// Size in bytes, where known.
    pub size: Option<u64>,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    /// Permission bits, where known.
    pub mode: Option<u32>,
    /// The highest position to resume from, in bytes. 0: restart, drop any partial; so where the size is
    /// not known.
    pub resume: u64,
    /// Whether only the offer itself was requested: nothing will be stored or committed.
    pub names_only: bool,
    /// Whether its commit may be deferred ([`Store::flush_commits`]), and the number that identifies it
    /// in [`CommitFailed`] then.
    pub commit_id: Option<u16>,
}

/// A store's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accepted {
    /// Length of the part that is already there, from the start, in bytes: a multiple of 1024, or the
    /// whole size; at most the offer's `resume`. It has no holes.
    pub prefix: u64,
    /// Whether bytes must come in order: the store cannot write at any position, or cannot read back.
    pub in_order: bool,
}

/// An entry to send, from [`Store::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// The kind. A [`Kind::Tree`] comes first; its entries follow.
    pub kind: Kind,
    /// Length in bytes of the path that was written.
    pub path: usize,
    /// Size in bytes; of a tree, the bytes in all its entries. `None` where it is not known.
    pub size: Option<u64>,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    /// Permission bits, where known.
    pub mode: Option<u32>,
    /// Whether it can be resumed: it can be read from any position, and its prefix was not refused before.
    pub resumable: bool,
    /// Why it cannot be sent although it is offered, so that the other end can report it.
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

/// A deferred commit that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CommitFailed {
    /// [`Offer::commit_id`] of the file.
    pub commit_id: u16,
    /// Why: none that [`Reason::wants_reoffer`].
    pub reason: Reason,
}

/// Storage for one session. A receiver needs the first group of methods, a sender the second;
/// [`Store::load`] serves both. The default of each method refuses.
///
/// None of the methods may panic, whatever the other end sends.
///
/// # Long work
/// A session does nothing else while a method runs. A store whose commits take long provides
/// [`Store::poll_commit`], and likewise [`Store::poll_flush_commits`] and [`Store::poll_offer`]: it
/// begins the work elsewhere (a thread, a flash controller) and returns pending. The session then
/// answers queries, sends keepalives, notices where the other end has left, and polls the store again
/// a few milliseconds later. A store that can wait for its work does so for at most 50 ms a call, so
/// that short work loses no time.
pub trait Store {
    /// Prepares to receive an offer. Returns the length of the part that is already there.
    ///
    /// Nothing may change under the file's name before [`Store::commit`].
    ///
    /// # Errors
    /// The reason is sent to the sender; the other entries of a tree go on.
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let _ = offer;
        Err(Reason::ReadOnly)
    }

    /// The session has refused an offer: its path is not allowed, or a required field of its metadata
    /// is unknown. `path` is hostile, and need not be UTF-8.
    fn rejected(&mut self, path: &[u8], reason: Reason) {
        let _ = (path, reason);
    }

    /// [`Store::offer`] for a store that may need long. While it is pending it is polled again with the
    /// same offer, or [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::offer`].
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        Poll::Ready(self.offer(offer))
    }

    /// Writes bytes at `position` of the open file. Returns their number, at least one.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let _ = (position, bytes);
        Err(Reason::ReadOnly)
    }

    /// Continues the CRC-64/NVME `start` over the bytes from `position` to `end`, the last ones that
    /// [`Store::store`] took. For a store that has many of them in one buffer, where checksums are
    /// fast. `None`: the session computes it from the chunks.
    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let _ = (start, position, end);
        None
    }

    /// Reads from `position` of the open file, which is sent or received. Returns the number of bytes,
    /// 0 only past the end.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let _ = (position, into);
        Err(Reason::Storage)
    }

    /// Tells the digests of the open file, once all of it was read, or was received and verified.
    /// [`Store::check`] or [`Store::commit`] follows.
    fn verified(&mut self, digests: &Digests) {
        let _ = digests;
    }

    /// Puts the open file, or else the open tree, in place under its name, whole or not at all, and
    /// closes it: it is complete and verified. With an [`Offer::commit_id`] that may be deferred.
    ///
    /// # Errors
    /// The file is then closed, and the old file of its name is still there.
    fn commit(&mut self) -> Result<(), Reason> {
        Err(Reason::ReadOnly)
    }

    /// [`Store::commit`] for a store that may need long. While it is pending it is polled again, or
    /// [`Store::abandon`] follows: the commit is then completed or dropped, but as a whole.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        Poll::Ready(self.commit())
    }

    /// Completes all deferred commits. Files with an [`Offer::commit_id`] need not be in place when
    /// [`Store::commit`] returns, so that many can be put in place at once; now they must be.
    ///
    /// It is called before the sender is sent anything that acknowledges earlier files, and before the
    /// tree is committed; not for a tree that is abandoned.
    ///
    /// # Errors
    /// The first file that could not be put in place. The sender is told, and it is called again until
    /// it returns `Ok`.
    fn flush_commits(&mut self) -> Result<(), CommitFailed> {
        Ok(())
    }

    /// [`Store::flush_commits`] for a store that may need long. While it is pending it is polled again,
    /// or [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::flush_commits`].
    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        Poll::Ready(self.flush_commits())
    }

    /// The message for a person about the refusal that a method has just returned, or about
    /// [`Config::refuse`](crate::Config): what the reason leaves open, or nothing. Without NUL; it is cut
    /// at 240 bytes. Called with [`Profile::MESSAGES`](crate::Profile::MESSAGES), if an offer, a write,
    /// a commit, an [`Store::open`] or a hello is refused and the buffer has room.
    fn refusal_message(&self) -> &str {
        ""
    }

    /// Closes the open file, if there is one: it will not be completed now. Its received part may stay
    /// for a resume. `all`: the tree around it, or the whole request, ends as well.
    fn abandon(&mut self, reason: Reason, all: bool) {
        let _ = (reason, all);
    }

    /// Prepares to give `path`, which the other end requests, by [`Store::next`].
    ///
    /// # Errors
    /// The reason is sent to the other end.
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let _ = (path, tree);
        Err(Reason::WriteOnly)
    }

    /// Tells whether only the offers of the next [`Store::open`] are requested: then nothing will be
    /// loaded or checked.
    fn names_only(&mut self, names_only: bool) {
        let _ = names_only;
    }

    /// Opens the next entry to send and writes its path, at most [`PATH_MAX`](crate::path::PATH_MAX)
    /// bytes. `None` where there is none. After a refusal it may be called again: a file whose prefix
    /// or digest differed is given once more, with `resumable` false.
    ///
    /// # Errors
    /// The whole request ends with this reason.
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let _ = path;
        Ok(None)
    }

    /// The number of entries that [`Store::next`] has omitted from the tree, because their paths are
    /// not allowed. The tree's `DON` tells it to the other end.
    fn omitted(&mut self) -> u32 {
        0
    }

    /// Checks that the open file, all of which was read, has not changed meanwhile.
    ///
    /// # Errors
    /// [`Reason::SourceChanged`]: the other end then drops it.
    fn check(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    /// Tells that the other end has refused an entry, or this end has given it up. Returns whether
    /// [`Store::next`] will give it once more: once, where [`Reason::wants_reoffer`] and it was
    /// resumable and not empty.
    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        let _ = (entry, reason, message);
        false
    }

    /// Tells that the receiver had everything before `position` of an entry when it was offered. That
    /// may come after the entry was sent, and more than once. If the prefix differs,
    /// [`Store::refused`] follows. Called with [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn resumed(&mut self, entry: u32, position: u64) {
        let _ = (entry, position);
    }

    /// Tells that the request is completed: the receiver has every entry in place that was not refused.
    /// Called with [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn completed(&mut self) {}
}

/// Gives nothing and takes nothing: for tasks that move nothing.
impl Store for () {}
