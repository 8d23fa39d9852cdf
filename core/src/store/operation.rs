//! Operations: a sender looks at a path of the receiver, removes or renames it (`PROTOCOL.md`, section
//! 12). The layout is in `wire`.

#[cfg(doc)]
use crate::store::{Entry, Store};
use crate::wire::operation::index_values;

/// An operation on a path of the receiver. It moves no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Operation<'a> {
    /// Return the metadata of the entry at the path.
    Stat(StatQuery),
    /// Remove the file or the empty directory at the path.
    Remove,
    /// Rename the file or directory `from` to the path.
    Rename {
        /// The old path, relative like the new one. Sound.
        from: &'a str,
    },
    /// Make the path a symbolic link. It replaces a file or a link, no directory. It succeeds if the path is that
    /// link already.
    Link {
        /// The target: 1 to 254 bytes without control characters. Hostile: it may be absolute or lead anywhere.
        target: &'a str,
    },
    /// Make the path another name of the file `from`. It replaces a file or a link, no directory. It succeeds if
    /// both are names of one file already.
    HardLink {
        /// The path of the file, relative like the new name. Sound.
        from: &'a str,
    },
}

/// The arguments of [`Operation::Stat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatQuery {
    /// The facts of an entry that count, as bits: 1 size, 2 time, 4 permission bits, 8 CRC-64 of the
    /// content. Its name and kind always count. 16: symbolic links are entries. Or [`StatQuery::SPACE`].
    pub facts: u8,
    /// The unit of times: 10^n ns for 0 to 9; 10: 2 s.
    pub granularity: u8,
    /// How many upmost bits of an entry's hash must be those of `prefix`; 0 to 32.
    pub bits: u8,
    /// The range of hashes, in its lowest `bits` bits.
    pub prefix: u32,
    /// Makes the hashes of this request unlike those of others.
    pub salt: u32,
    /// The sender's own digest, if it has computed it: where the receiver's is the same, it returns
    /// no index.
    pub digest: Option<u64>,
}

impl StatQuery {
    /// The fact that asks, alone, for the space of the file system that a directory is on.
    pub const SPACE: u8 = 0x80;
}

/// The answer to an operation; to all but [`Operation::Stat`] it is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stat {
    /// Of a file, its size in bytes; of a directory, the number of its entries in the range; of space, the bytes
    /// that are free.
    pub size: u64,
    /// Of a directory, the digest of its entries in the range; of a file, its CRC-64 if that fact counts,
    /// else its time of last modification in nanoseconds since 1970, signed; of space, all bytes.
    pub value: u64,
    /// The facts that count for the receiver: those of the query that its store keeps.
    pub facts: u8,
    /// The unit of the receiver's times, as in [`StatQuery`]: not finer than that of the query.
    pub granularity: u8,
}

/// The operation of an [`Entry`] to send. [`Store::next`] has written the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OperationEntry {
    /// [`Operation::Stat`].
    Stat(StatQuery),
    /// [`Operation::Remove`].
    Remove,
    /// [`Operation::Rename`].
    Rename {
        /// Length of the old path in bytes, which is right behind the path of the entry.
        from: usize,
    },
    /// [`Operation::Link`].
    Link {
        /// Length of the target in bytes, which is right behind the path of the entry. See
        /// [`is_target`](crate::path::is_target).
        target: usize,
    },
    /// [`Operation::HardLink`].
    HardLink {
        /// Length of the path of the file in bytes, which is right behind the path of the entry.
        from: usize,
    },
}

/// The index in the answer to a stat: of each entry in the range the 32 bits of its hash that follow
/// those of the range, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Index<'a>(&'a [u8]);

impl<'a> Index<'a> {
    /// The fields behind the text of metadata.
    pub(crate) const fn new(fields: &'a [u8]) -> Self {
        Self(fields)
    }

    /// The values, as they came. Hostile: they may be unsorted, and more or fewer than the answer says.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        index_values(self.0)
    }
}
