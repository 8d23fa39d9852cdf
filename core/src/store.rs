//! Storage as a session sees it: it takes or gives offers, bytes and commits.
//!
//! A directory on a desktop, a FAT card, a flash partition and a `Vec` in a test are equals. It knows
//! nothing of frames. One store serves one session; at most one file is open in it.

use crate::error::Reason;

mod deferral;
mod forward;
mod request;
#[cfg(test)]
mod tests;
mod values;

pub use self::deferral::Deferral;
pub use self::request::{Reply, Request, answer};
pub use self::values::{Accepted, CommitFailed, Digests, Entry, Kind, Offer};

/// Storage for one session. The default of each method refuses. A session calls
///
/// - to receive a file: [`Store::offer`], then [`Store::store`] for each chunk, [`Store::verified`] with
///   its digests and [`Store::commit`]; or [`Store::abandon`] at any time after the offer;
/// - to send: [`Store::next`] for each entry until it returns `None`, also after a lone file; for each
///   file [`Store::load`] for its chunks and [`Store::check`]. If the other end requested it,
///   [`Store::open`] comes first. A client that puts has no `open`: its store knows what to send.
///
/// A directory of a tree, and the tree itself, have an offer and a commit too. A store for files only refuses
/// all but [`Kind::File`].
///
/// A receiver needs [`Store::load`] too if it accepts chunks out of order, or a prefix: their digests are
/// computed from storage.
///
/// None of the methods may panic, whatever the other end sends.
///
/// A store that receives one file:
///
/// ```
/// use tinyferry_core::store::{Accepted, Kind, Offer};
/// use tinyferry_core::{Reason, Store};
///
/// #[derive(Default)]
/// struct OneFile {
///     new: Vec<u8>,
///     file: Vec<u8>,
/// }
///
/// impl Store for OneFile {
///     fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
///         if offer.kind != Kind::File {
///             return Err(Reason::IsDirectory);
///         }
///         self.new.clear();
///         Ok(Accepted { prefix: 0, in_order: true })
///     }
///
///     fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
///         self.new.extend(bytes);
///         Ok(bytes.len())
///     }
///
///     fn commit(&mut self) -> Result<(), Reason> {
///         self.file = std::mem::take(&mut self.new);
///         Ok(())
///     }
/// }
/// ```
///
/// A store that sends one file:
///
/// ```
/// use tinyferry_core::store::Entry;
/// use tinyferry_core::{Reason, Store};
///
/// struct Outgoing {
///     bytes: &'static [u8],
///     is_next: bool,
/// }
///
/// impl Store for Outgoing {
///     fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
///         if !core::mem::take(&mut self.is_next) {
///             return Ok(None);
///         }
///         path[..5].copy_from_slice(b"a.txt");
///         Ok(Some(Entry::file(5, self.bytes.len() as u64)))
///     }
///
///     fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
///         let rest = self.bytes.get(position as usize..).unwrap_or_default();
///         let count = rest.len().min(into.len());
///         into[..count].copy_from_slice(&rest[..count]);
///         Ok(count)
///     }
/// }
/// # let mut path = [0; 960];
/// # let mut store = Outgoing { bytes: b"hello", is_next: true };
/// # assert_eq!(store.next(&mut path).unwrap().unwrap().size, Some(5));
/// # assert_eq!((store.next(&mut path), store.load(3, &mut path)), (Ok(None), Ok(2)));
/// ```
///
/// # Wrappers
/// A store around another one provides [`Store::inner`] and the methods that it changes; all others are
/// forwarded, those of later versions as well:
///
/// ```
/// # use tinyferry_core::{Reason, Store};
/// struct Counted<S> {
///     store: S,
///     commits: u32,
/// }
///
/// impl<S: Store> Store for Counted<S> {
///     fn inner(&mut self) -> Option<&mut dyn Store> {
///         Some(&mut self.store)
///     }
///
///     fn commit(&mut self) -> Result<(), Reason> {
///         self.commits += 1;
///         self.store.commit()
///     }
/// }
/// # let mut counted = Counted { store: (), commits: 0 };
/// # assert_eq!((counted.open("f", false), counted.commit()), (Err(Reason::WriteOnly), Err(Reason::ReadOnly)));
/// # assert_eq!(counted.commits, 1);
/// ```
///
/// # Long work
/// A session does nothing else while a method runs. A store whose offers or commits take long provides
/// [`Store::deferral`].
pub trait Store {
    /// The store that this one wraps, if any: the methods that this one does not provide are forwarded to
    /// it, but for [`Store::deferral`].
    fn inner(&mut self) -> Option<&mut dyn Store> {
        None
    }

    /// The calls that may take long, if this store defers any. Without it the session calls
    /// [`Store::offer`] and [`Store::commit`], and no commit is deferred: so it is with a wrapper that
    /// does not provide it, whatever the store inside could do. The same at each call.
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        None
    }

    /// Prepares to receive an offer. Returns the length of the part that is already there.
    ///
    /// Nothing may change under the file's name before [`Store::commit`].
    ///
    /// # Errors
    /// The reason is sent to the sender; the other entries of a tree go on.
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        match self.inner() {
            Some(inner) => inner.offer(offer),
            None => Err(Reason::ReadOnly),
        }
    }

    /// The session has refused an offer: its path is not allowed, or a required field of its metadata
    /// is unknown. `path` is hostile, and need not be UTF-8.
    fn rejected(&mut self, path: &[u8], reason: Reason) {
        if let Some(inner) = self.inner() {
            inner.rejected(path, reason);
        }
    }

    /// Writes bytes at `position` of the open file. Returns their number, at least one.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        match self.inner() {
            Some(inner) => inner.store(position, bytes),
            None => Err(Reason::ReadOnly),
        }
    }

    /// Continues the CRC-64/NVME `start` over the bytes from `position` to `end`, the last ones that
    /// [`Store::store`] took. For a store that has many of them in one buffer, where checksums are
    /// fast. `None`: the session computes it from the chunks.
    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        match self.inner() {
            Some(inner) => inner.digest(start, position, end),
            None => None,
        }
    }

    /// Reads from `position` of the open file, which is sent or received. Returns the number of bytes,
    /// 0 only past the end.
    ///
    /// # Errors
    /// The file is then closed as by [`Store::abandon`], which is not called.
    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        match self.inner() {
            Some(inner) => inner.load(position, into),
            None => Err(Reason::Storage),
        }
    }

    /// Tells the digests of the open file, once all of it was read, or was received and verified.
    /// [`Store::check`] or [`Store::commit`] follows.
    fn verified(&mut self, digests: &Digests) {
        if let Some(inner) = self.inner() {
            inner.verified(digests);
        }
    }

    /// Puts the open file, or else the open tree, in place under its name, whole or not at all, and
    /// closes it: it is complete and verified.
    ///
    /// # Errors
    /// The file is then closed, and the old file of its name is still there.
    fn commit(&mut self) -> Result<(), Reason> {
        match self.inner() {
            Some(inner) => inner.commit(),
            None => Err(Reason::ReadOnly),
        }
    }

    /// The message for a person about the refusal that a method has just returned, or about
    /// [`Config::refuse`](crate::Config): the detail that the reason lacks, or nothing. It is cut at 240
    /// bytes and at the first NUL. Called with [`Profile::MESSAGES`](crate::Profile::MESSAGES), if an offer, a
    /// write, a commit, a [`Store::open`], a [`Store::next`] or a hello is refused and the buffer has room.
    fn refusal_message(&mut self) -> &str {
        match self.inner() {
            Some(inner) => inner.refusal_message(),
            None => "",
        }
    }

    /// Closes the open file, if there is one: it will not be completed now. Its received part may stay
    /// for a resume. `all`: the tree around it, or the whole request, ends as well.
    fn abandon(&mut self, reason: Reason, all: bool) {
        if let Some(inner) = self.inner() {
            inner.abandon(reason, all);
        }
    }

    /// Prepares to give `path`, which the other end requests, by [`Store::next`].
    ///
    /// # Errors
    /// The reason is sent to the other end.
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        match self.inner() {
            Some(inner) => inner.open(path, tree),
            None => Err(Reason::WriteOnly),
        }
    }

    /// Tells whether only the offers of the next [`Store::open`] are requested: then nothing will be
    /// loaded or checked.
    fn names_only(&mut self, names_only: bool) {
        if let Some(inner) = self.inner() {
            inner.names_only(names_only);
        }
    }

    /// Opens the next entry to send and writes its path, at most [`PATH_MAX`](crate::path::PATH_MAX)
    /// bytes. `None` where there is none. After a refusal it may be called again: a file whose prefix
    /// or digest differed is given once more, with `resumable` false.
    ///
    /// # Errors
    /// The whole request ends with this reason.
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        match self.inner() {
            Some(inner) => inner.next(path),
            None => Ok(None),
        }
    }

    /// The number of entries that [`Store::next`] has omitted from the tree, because their paths are
    /// not allowed. The tree's `DON` tells it to the other end.
    fn omitted(&mut self) -> u32 {
        match self.inner() {
            Some(inner) => inner.omitted(),
            None => 0,
        }
    }

    /// Checks that the open file, all of which was read, has not changed meanwhile.
    ///
    /// # Errors
    /// [`Reason::SourceChanged`]: the other end then drops it.
    fn check(&mut self) -> Result<(), Reason> {
        match self.inner() {
            Some(inner) => inner.check(),
            None => Ok(()),
        }
    }

    /// Tells that the other end has refused an entry, or this end has given it up. Returns whether
    /// [`Store::next`] will give it once more: once, where [`Reason::wants_reoffer`] and it was
    /// resumable and not empty.
    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        match self.inner() {
            Some(inner) => inner.refused(entry, reason, message),
            None => false,
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
