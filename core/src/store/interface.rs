//! The calls of a session to its storage.

use super::*;
use crate::error::Reason;

/// Storage for sessions.
///
#[doc = include_str!("../../STORES.md")]
pub trait Store {
    /// The store that this one wraps, if any: the methods that this one does not provide are forwarded to
    /// it, but for [`Store::deferral`], [`Store::hole`] and [`Store::store_zeros`].
    fn inner(&mut self) -> Option<&mut dyn Store> {
        None
    }

    /// The calls that may take long, if this store defers any. Without it the session calls
    /// [`Store::offer`] and [`Store::commit`], and no commit is deferred: so it is with a wrapper that
    /// does not provide it, even if the store inside has one. The answer must be the same at each call.
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        None
    }

    /// Opens an offered file, directory or tree, to receive it. Returns the part of it that is here already,
    /// and whether its bytes must come in order.
    ///
    /// Nothing may change under the file's name before [`Store::commit`].
    ///
    /// # Errors
    /// The entry is refused, and is not open. The reason is sent to the sender; the other entries of a tree
    /// go on.
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.inner().map_or(Err(Reason::ReadOnly), |inner| inner.offer(offer))
    }

    /// The session has refused an offer: its path is not allowed, or a required field of its metadata
    /// is unknown. `path` is hostile, and need not be UTF-8.
    fn rejected(&mut self, path: &[u8], reason: Reason) {
        if let Some(inner) = self.inner() {
            inner.rejected(path, reason);
        }
    }

    /// Whether the next content of the open file can be stored, or read from its end on, without long waiting. If
    /// not, the session asks again a few milliseconds later; a store that can wait should wait at most 50 ms. Once it
    /// is ready, it is asked again after the next [`Store::load`] of a chunk (1024 bytes) or [`Store::store`]. Called
    /// with [`Profile::PIPES`](crate::Profile::PIPES).
    fn is_ready(&mut self) -> bool {
        self.inner().is_none_or(|inner| inner.is_ready())
    }

    /// Whether the next [`Store::load`] has content or the end of the file, after one that has filled a part of a chunk of
    /// a file without a size. If not, as of a log that grows, the bytes so far are sent, and [`Store::is_ready`] is asked
    /// before the next ones. Called with [`Profile::PIPES`](crate::Profile::PIPES), on a reliable link, and on a lossy one if the
    /// receiver follows the file ([`RequestOptions::follow`]). Else only whole chunks can be sent on a lossy link: there
    /// [`Store::is_ready`] should be true when 1024 bytes, or the end, can be loaded.
    fn has_more(&mut self) -> bool {
        self.inner().is_none_or(|inner| inner.has_more())
    }

    /// The CRC-64/NVME of the open file's [`Accepted::prefix`], if it cannot be read again. `None`: the session reads
    /// it by [`Store::load`]. Called with [`Profile::PIPES`](crate::Profile::PIPES), but not in a session with
    /// SHA-256.
    fn prefix_digest(&mut self) -> Option<u64> {
        self.inner().and_then(|inner| inner.prefix_digest())
    }

    /// Writes bytes at `position` of the open file. Returns the number of bytes written, at least
    /// one; the next call has the others.
    ///
    /// Positions come in any order, up to 97 blocks past the first gap, and bytes that were taken may come
    /// again, the same ones; with [`Accepted::in_order`] each byte comes once and in order. Where the offer
    /// had no size, the store limits it.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.inner().map_or(Err(Reason::ReadOnly), |inner| inner.store(position, bytes))
    }

    /// Continues the CRC-64/NVME `start` over the bytes from `position` to `end`, the last ones that
    /// [`Store::store`] took. For a store that has many of them in one buffer, where checksums are
    /// fast. `None`: the session computes it from the chunks.
    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.inner().and_then(|inner| inner.digest(start, position, end))
    }

    /// Reads from `position` of the open file, which is sent or received. Returns the number of bytes: as
    /// many as there is room for, or fewer, but 0 only at or past the end.
    ///
    /// A file that is sent is read from its beginning, in order, and on a reliable link each byte once. On a lossy link
    /// lost parts are read again: from 97 blocks before the end of the loaded content on, or later. A block has 256 bytes,
    /// or as many as [`Config::block`](crate::Config) of either end says: at most 97 KiB.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        self.inner().map_or(Err(Reason::Storage), |inner| inner.load(position, into))
    }

    /// The number of zeros at `position` of the open file, which is sent or received, if there is a hole:
    /// then they are not read, and [`Store::load`] is next called behind them. Called before each
    /// [`Store::load`], with [`Profile::HOLES`](crate::Profile::HOLES). A wrapper is asked itself, as it may
    /// load other bytes than the store inside.
    fn hole(&mut self, position: u64) -> Option<u64> {
        let _ = position;
        None
    }

    /// Writes `length` zeros at `position` of the open file, as [`Store::store`] does: a hole came in. Returns
    /// the number of zeros written, at least one; the next call has the others. By default it calls
    /// [`Store::store`] for a piece of at most 64 bytes, which is slow for large holes. Called with [`Profile::HOLES`](crate::Profile::HOLES).
    ///
    /// # Errors
    /// Those of [`Store::store`].
    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        self.store(position, zeros::zeros(length)).map(|count| count as u64)
    }

    /// Tells the digests of the open file, once all of it was read, or was received and verified.
    /// [`Store::check`] or [`Store::commit`] follows. On a lossy link a sender's store may be told, and
    /// asked to check, more than once.
    fn verified(&mut self, digests: &Digests) {
        if let Some(inner) = self.inner() {
            inner.verified(digests);
        }
    }

    /// Puts the open file or directory, or else the open tree, in place under its name, whole or not at
    /// all, and closes it: it is complete and verified. If [`Accepted::prefix`] was the whole size,
    /// no [`Store::store`] came before, and the file in place may stay as it is.
    ///
    /// # Errors
    /// It is then closed, and the old file of its name is still there.
    fn commit(&mut self) -> Result<(), Reason> {
        self.inner().map_or(Err(Reason::ReadOnly), |inner| inner.commit())
    }

    /// The message for a person about the refusal that a method has just returned, or about
    /// [`Config::refuse`](crate::Config): the detail that the reason lacks, or nothing. It is cut at 240 bytes and at
    /// the first NUL. Called with [`Profile::MESSAGES`](crate::Profile::MESSAGES), if an offer, a write, a commit, a
    /// [`Store::open`], a [`Store::next`] or a hello is refused and the buffer has room. On a lossy link the message
    /// about an offer may be lost.
    fn refusal_message(&mut self) -> &str {
        self.inner().map_or("", |inner| inner.refusal_message())
    }

    /// Closes the open file, if there is one, whether it was received or sent: it will not be completed now.
    /// Its received part may stay for a resume, but not if [`Reason::wants_reoffer`]. `all`: the tree around
    /// it, or the whole request, ends as well.
    fn abandon(&mut self, reason: Reason, all: bool) {
        if let Some(inner) = self.inner() {
            inner.abandon(reason, all);
        }
    }

    /// Performs an operation on `path`, which is relative as that of an offer, and may be empty: the root
    /// of the tree. `kind` is [`Kind::Directory`] where the path was given as that of a directory.
    ///
    /// # Errors
    /// The reason is sent to the sender; the other entries of a tree go on.
    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.inner().map_or(Err(Reason::Unsupported), |inner| inner.operate(path, kind, operation))
    }

    /// The next value of the index of the last [`Operation::Stat`]; `None` if there are no more, or the range
    /// has too many entries for one.
    fn index(&mut self) -> Option<u32> {
        self.inner().and_then(|inner| inner.index())
    }

    /// Prepares to give `path`, which the other end requests, by [`Store::next`]. `tree`: a tree is
    /// requested; else a file. The empty path is the root.
    ///
    /// # Errors
    /// The reason is sent to the other end: [`Reason::NotFound`] if nothing has that path,
    /// [`Reason::IsDirectory`] if a file is requested and it is a directory, [`Reason::NotDirectory`] if a
    /// tree is requested and it is a file.
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.inner().map_or(Err(Reason::WriteOnly), |inner| inner.open(path, tree))
    }

    /// Tells whether only the offers of the next [`Store::open`] are requested: then nothing will be
    /// loaded or checked.
    fn names_only(&mut self, names_only: bool) {
        if let Some(inner) = self.inner() {
            inner.names_only(names_only);
        }
    }

    /// Tells the options of the next [`Store::open`], if there are any.
    ///
    /// # Errors
    /// [`Reason::Unsupported`], if the store cannot do that.
    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        self.inner().map_or(Err(Reason::Unsupported), |inner| inner.options(options))
    }

    /// Closes the entry before, opens the next one to send and writes its path into the buffer. `None`: there is none.
    /// The buffer has [`PATH_MAX`](crate::path::PATH_MAX) bytes, or fewer ([`crate::buffer`]). An entry with a
    /// longer path is omitted: [`Store::omitted`].
    ///
    /// The path of an entry is relative to the tree. That of a tree or of a lone file is its path at
    /// the other end; a client that requested it need not look at it. It obeys
    /// [`is_sound`](crate::path::is_sound), and has no `/` at the end.
    ///
    /// A file of which [`Store::refused`] returned true is given once more, with [`Entry::resumable`] false.
    /// So in a tree it may be called again after `None`.
    ///
    /// # Errors
    /// The whole request ends with this reason, and nothing is open.
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.inner().map_or(Ok(None), |inner| inner.next(path))
    }

    /// The number of entries that [`Store::next`] has omitted from the tree, because their paths are
    /// not allowed. The tree's `DON` tells it to the other end.
    fn omitted(&mut self) -> u32 {
        self.inner().map_or(0, |inner| inner.omitted())
    }

    /// Checks that the open file, all of which was read, has not changed meanwhile.
    ///
    /// # Errors
    /// [`Reason::SourceChanged`]: the other end then drops it. The next [`Store::next`] closes it.
    fn check(&mut self) -> Result<(), Reason> {
        self.inner().map_or(Ok(()), |inner| inner.check())
    }

    /// Tells that the other end has refused an entry, or this end has given it up. `entry` counts from 0 in
    /// the order of [`Store::next`], without trees; `message` is hostile, and often empty. It may be an
    /// entry before the open one.
    ///
    /// Returns whether the refusal is not counted in [`Outcome::refused`](crate::Outcome::refused). An excluded
    /// entry never counts ([`Reason::counts_as_refused`]). Return true in three cases:
    ///
    /// - [`Store::next`] will give that file once more. Do so only if [`Reason::wants_reoffer`], and the
    ///   file was given with [`Entry::resumable`] and is not empty. Else the entry is not transferred.
    /// - The entry was counted before: it was given with [`Entry::broken`], or this is the second refusal
    ///   of it. Both ends may give up the same entry.
    /// - The entry is an operation whose refusal is no failure of the request.
    ///
    /// False is always allowed: such an entry is then counted.
    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        self.inner().is_some_and(|inner| inner.refused(entry, reason, message))
    }

    /// Reports that the other end has refused the tree that is sent. [`Store::abandon`] follows, and then the
    /// request ends. `message` is hostile, and often empty. Called with
    /// [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn tree_refused(&mut self, reason: Reason, message: &str) {
        if let Some(inner) = self.inner() {
            inner.tree_refused(reason, message);
        }
    }

    /// Tells that the other end sends no more of the open file or tree. [`Store::abandon`] follows. `message` is
    /// hostile, and often empty. Called with [`Profile::REPORTS`](crate::Profile::REPORTS) and
    /// [`Profile::MESSAGES`](crate::Profile::MESSAGES).
    fn given_up(&mut self, reason: Reason, message: &str) {
        if let Some(inner) = self.inner() {
            inner.given_up(reason, message);
        }
    }

    /// Tells that the receiver had everything before `position` of an entry when it was offered. That
    /// may come after the entry was sent, and more than once. If the prefix differs,
    /// [`Store::refused`] follows. Called with [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn resumed(&mut self, entry: u32, position: u64) {
        if let Some(inner) = self.inner() {
            inner.resumed(entry, position);
        }
    }

    /// Tells the answer to an entry that is an operation. [`Store::refused`] tells its refusal. After all
    /// answers [`Store::next`] is called again, also where it has returned `None` before.
    fn answered(&mut self, entry: u32, stat: &Stat, index: Index<'_>) {
        if let Some(inner) = self.inner() {
            inner.answered(entry, stat, index);
        }
    }

    /// Tells that the request is completed: the receiver has every entry in place that was not refused.
    /// Called with [`Profile::REPORTS`](crate::Profile::REPORTS).
    fn completed(&mut self) {
        if let Some(inner) = self.inner() {
            inner.completed();
        }
    }
}

/// Gives nothing and takes nothing: for tasks that move nothing.
impl Store for () {}
