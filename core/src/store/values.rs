//! The values of the calls to a store.

use crate::error::Reason;
use crate::store::OperationEntry;
#[cfg(doc)]
use crate::store::{Deferral, Store};

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
    /// The bytes that are in no hole, where the sender states them: the space for the content. Hostile, like the
    /// size. With [`Profile::HOLES`](crate::Profile::HOLES) only.
    pub content: Option<u64>,
    /// The highest position to resume from, in bytes. 0: begin anew, and drop any partial. Where the size is not known,
    /// it is 0, or with [`Profile::PIPES`](crate::Profile::PIPES) at a client 2^64−1: a store that cannot remove the
    /// bytes of a partial behind the end of the file must begin anew then.
    pub resume: u64,
    /// Whether this client has requested only the offers, of a listing: then neither [`Store::store`] nor
    /// [`Store::commit`] follows, for the tree neither.
    pub names_only: bool,
    /// Whether its commit may be deferred ([`Deferral::poll_flush_commits`]), and the number that
    /// identifies it in [`CommitFailed`] then. A store without [`Deferral`] always gets `None`.
    pub commit_id: Option<u16>,
}

/// A store's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accepted {
    /// Length of the part that is already there, from the start, in bytes: a multiple of 1024, or the
    /// whole size, or any length if the offer has no size (R58); at most the offer's `resume`. It has no holes.
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
    /// Of a file with holes, the bytes that are in none: a hint for the receiver, which may have less space than
    /// the size. With [`Profile::HOLES`](crate::Profile::HOLES) only.
    pub content: Option<u64>,
    /// Whether the receiver may resume it. It is read from its beginning all the same, for the digest. If the
    /// content differs it is refused, and is to be given once more ([`Store::refused`]): then false.
    /// Where the size is not known, without effect but with [`Profile::PIPES`](crate::Profile::PIPES).
    pub resumable: bool,
    /// Why it cannot be sent although it is offered, so that the other end can report it. It counts as
    /// refused.
    pub broken: Option<Reason>,
    /// The operation that the entry is: then no content follows, and the answer comes by
    /// [`Store::answered`] or [`Store::refused`]. With [`Profile::OPERATIONS`](crate::Profile::OPERATIONS) only.
    pub operation: Option<OperationEntry>,
}

impl Entry {
    /// A file whose path has `path` bytes, of `size` bytes, without time and permission bits. It cannot be
    /// resumed.
    #[must_use]
    pub const fn file(path: usize, size: u64) -> Self {
        Self {
            kind: Kind::File,
            path,
            size: Some(size),
            modified: None,
            mode: None,
            content: None,
            resumable: false,
            broken: None,
            operation: None,
        }
    }

    /// An operation on the file or directory whose path has `path` bytes. The empty path is the root of the
    /// tree.
    #[must_use]
    pub const fn operation(kind: Kind, path: usize, operation: OperationEntry) -> Self {
        Self { kind, operation: Some(operation), ..Self::file(path, 0) }
    }
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
