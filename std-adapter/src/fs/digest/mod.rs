//! Digests of directories: both ends compute them for the same path, and an equal digest means that the
//! receiver has all of it. Knows nothing of frames, and changes no file that was sent.
//!
//! Each entry has a record of the facts that are compared, and the record has a hash. The digest of a
//! directory is the sum of its entries' hashes; a subdirectory's record contains its digest. The entries of
//! a [`Range`] are those whose hash has the upmost bits of the range. Counted are the entries that a walk
//! sends ([`names::can_be_sent`](crate::fs::names::can_be_sent)): regular files and directories, and symbolic links
//! if both ends count them. A comparison treats a link like a file.
//!
//! A file system that cannot keep a time stores its first or last one instead. The record of such a file
//! has no time at either end: only times that every file system keeps ([`times::is_usual`]) are in records.
//! The first byte of a record names the facts that it has. Without a time, the size and the other facts
//! decide.
//!
//! A time is compared after it is rounded down to the coarser unit of both file systems. Windows rounds up
//! to the two seconds of FAT: a receiver rounds a time down to its unit before it sets it.
//!
//! An entry that cannot be read has a random hash, which never equals another one.
//!
//! [`times::is_usual`]: crate::fs::sys::times::is_usual

pub(crate) mod cache;
pub(crate) mod cancel;
pub(crate) mod compare;
pub(crate) mod content;
pub(crate) mod entries;
pub(crate) mod first_names;
pub(crate) mod gather;
pub(crate) mod kept;
pub(crate) mod left_out;
pub(crate) mod query;
pub(crate) mod range;
pub(crate) mod record;
pub(crate) mod scan;
#[cfg(all(test, unix))]
mod tests;
pub(crate) mod tree;

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};

use tinyferry_core::store::Stat;

use self::query::INDEX_MAX;
use self::range::Range;
use self::record::Parameters;

/// The number of some entries, and the sum of their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Total {
    pub(crate) entries: u64,
    pub(crate) digest: u64,
}

impl Total {
    pub(crate) fn add(&mut self, hash: u64) {
        self.entries = self.entries.saturating_add(1);
        self.digest = self.digest.wrapping_add(hash);
    }

    pub(crate) fn of(hashes: impl IntoIterator<Item = u64>) -> Self {
        let mut total = Self::default();
        hashes.into_iter().for_each(|hash| total.add(hash));
        total
    }
}

/// The answer to a [`Query`](query::Query).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The entries of the range.
    pub(crate) total: Total,
    /// Their index values, ascending, if they are at most [`INDEX_MAX`].
    pub(crate) index: Option<Vec<u32>>,
}

impl Summary {
    /// The part of a directory's sorted hashes that is in the range.
    pub(crate) fn of_sorted(hashes: &[u64], range: Range) -> Self {
        let hashes = range.of_sorted(hashes, |hash| *hash);
        let index = || hashes.iter().map(|hash| range.index_of(*hash)).collect();
        let total = Total::of(hashes.iter().copied());
        Self { total, index: (hashes.len() <= INDEX_MAX).then(index) }
    }

    /// The answer to the sender, and the index if the sender's own digest is another one.
    pub(crate) fn answer(
        self,
        parameters: Parameters,
        theirs: Option<u64>,
    ) -> (Stat, VecDeque<u32>) {
        let Self { total: Total { entries, digest }, index } = self;
        let index = index.filter(|_| theirs.is_some_and(|theirs| theirs != digest));
        let Parameters { facts, granularity, .. } = parameters;
        let (facts, granularity) = (facts.bits(), granularity.code());
        (
            Stat { size: entries, value: digest, facts, granularity },
            index.unwrap_or_default().into(),
        )
    }
}

/// The hash of something that cannot be read.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
