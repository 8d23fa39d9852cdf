//! The digests of directories that were read: another query needs not read them again. Memory is bounded.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Total;
use super::entries::Entries;
use super::gather::HASHES_MAX;
use super::record::Parameters;
use crate::fs::amount::Amount;

/// The maximum memory of the digests besides the hashes of entries, in bytes.
const MEMORY_MAX: usize = 8 << 20;
/// The maximum memory of the names of entries, in bytes.
const NAMES_MAX: usize = 4 << 20;
/// The memory of a directory besides its path, in bytes.
const DIRECTORY_BYTES: usize = size_of::<(Box<str>, Known)>() + 16;

#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// The parameters of all digests.
    parameters: Option<Parameters>,
    /// By path below the tree's root.
    directories: BTreeMap<Box<str>, Known>,
    bytes: usize,
    /// The number of hashes of entries.
    hashes: usize,
    /// The memory of the names of entries, in bytes.
    names: usize,
}

#[derive(Debug)]
struct Known {
    digest: DirectoryDigest,
    /// Those of its entries, sorted, if there was room.
    hashes: Option<Box<[u64]>>,
    /// Its entries with their names, if they were kept and there was room.
    names: Option<Entries>,
}

/// The content of a directory's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectoryDigest {
    pub(crate) total: Total,
    pub(crate) mode: Option<u32>,
    /// The files in it and below it: for a sender only, they are not compared.
    pub(crate) amount: Amount,
}

impl Cache {
    /// Prepares for a query: forgets digests with other parameters.
    pub(crate) fn begin(&mut self, parameters: Parameters) {
        if self.parameters != Some(parameters) {
            self.forget();
            self.parameters = Some(parameters);
        }
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets the directories that contain the entry at a path, and the entry. Their digests contain it.
    pub(crate) fn forget_path(&mut self, path: &str) {
        self.remove(path);
        let mut above = path;
        while let Some((directory, _)) = above.rsplit_once('/') {
            self.remove(directory);
            above = directory;
        }
        self.remove("");
    }

    pub(crate) fn digest(&self, path: &str) -> Option<DirectoryDigest> {
        self.directories.get(path).map(|known| known.digest)
    }

    /// The sorted hashes of the directory's entries.
    pub(crate) fn hashes(&self, path: &str) -> Option<&[u64]> {
        self.directories.get(path)?.hashes.as_deref()
    }

    /// Adds a directory. If the memory is used up, the directories below it are dropped, or it is not added.
    /// The hashes of its entries are added if there is room; `is_asked`: in place of all others.
    pub(crate) fn insert(
        &mut self,
        path: &str,
        digest: DirectoryDigest,
        hashes: Option<Vec<u64>>,
        is_asked: bool,
    ) {
        self.remove(path);
        let bytes = DIRECTORY_BYTES + path.len();
        if self.bytes + bytes > MEMORY_MAX {
            self.drop_below(path);
        }
        if self.bytes + bytes > MEMORY_MAX {
            return;
        }
        let count = hashes.as_ref().map_or(0, Vec::len);
        if is_asked && self.hashes + count > HASHES_MAX {
            self.directories.values_mut().for_each(|known| known.hashes = None);
            self.hashes = 0;
        }
        let hashes =
            hashes.filter(|_| self.hashes + count <= HASHES_MAX).map(Vec::into_boxed_slice);
        self.hashes += hashes.as_ref().map_or(0, |hashes| hashes.len());
        self.bytes += bytes;
        self.directories.insert(path.into(), Known { digest, hashes, names: None });
    }

    /// Adds the entries of a directory that was added, all of them and sorted.
    pub(crate) fn keep_names(&mut self, path: &str, entries: Entries) {
        if self.names + entries.size() <= NAMES_MAX
            && let Some(known) = self.directories.get_mut(path)
        {
            self.names += entries.size();
            known.names = Some(entries);
        }
    }

    /// The entries of a directory with their names; they are not kept any longer.
    pub(crate) fn take_names(&mut self, path: &str) -> Option<Entries> {
        let entries = self.directories.get_mut(path)?.names.take()?;
        self.names -= entries.size();
        Some(entries)
    }

    fn remove(&mut self, path: &str) {
        if let Some(known) = self.directories.remove(path) {
            self.bytes -= DIRECTORY_BYTES + path.len();
            self.hashes -= known.hashes.map_or(0, |hashes| hashes.len());
            self.names -= known.names.map_or(0, |names| names.size());
        }
    }

    fn drop_below(&mut self, path: &str) {
        let first = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below =
            self.directories.range::<str, _>((Bound::Included(first.as_str()), Bound::Unbounded));
        let below = below.map(|(path, _)| path);
        let below: Vec<_> = below.take_while(|path| path.starts_with(&first)).cloned().collect();
        below.iter().for_each(|path| self.remove(path));
    }
}

#[cfg(test)]
mod tests {
    use tinyferry_core::store::Kind;

    use super::super::record::{Facts, Granularity};
    use super::*;

    fn digest(entries: u64) -> DirectoryDigest {
        let total = Total { entries, digest: entries };
        DirectoryDigest { total, mode: None, amount: Amount::default() }
    }

    #[test]
    fn a_full_cache_keeps_the_directories_above() {
        let mut cache = Cache::default();
        for above in ["a", "b", "c"] {
            for number in 0..150_000 {
                cache.insert(&format!("{above}/{number}"), digest(number), Some(vec![1]), false);
                assert!(cache.bytes <= MEMORY_MAX && cache.hashes <= HASHES_MAX);
            }
            cache.insert(&format!("{above}0"), digest(2), None, false);
            cache.insert(above, digest(1), None, false);
        }
        assert_eq!(cache.digest("a"), Some(digest(1)));
        assert_eq!(cache.digest("b"), Some(digest(1)));
        assert_eq!(cache.digest("a/7"), None, "it was dropped");
        cache.insert("", digest(9), None, true);
        assert_eq!(cache.digest(""), Some(digest(9)));
        let bytes =
            cache.directories.keys().map(|path| path.len() + DIRECTORY_BYTES).sum::<usize>();
        let hashes = cache.directories.values().filter(|known| known.hashes.is_some()).count();
        assert_eq!((cache.bytes, cache.hashes), (bytes, hashes));
    }

    #[test]
    fn the_hashes_of_the_asked_directory_take_the_place_of_others() {
        let mut cache = Cache::default();
        let hashes = |count| Some(vec![7; count]);
        cache.insert("a", digest(1), hashes(HASHES_MAX - 1), false);
        cache.insert("b", digest(2), hashes(2), false);
        assert!(cache.hashes("a").is_some() && cache.hashes("b").is_none());
        cache.insert("b", digest(2), hashes(2), true);
        assert!(cache.hashes("a").is_none());
        assert_eq!((cache.hashes("b"), cache.hashes), (Some([7, 7].as_slice()), 2));
        assert_eq!(cache.digest("a"), Some(digest(1)));
        cache.insert("b", digest(3), hashes(1), false);
        assert_eq!((cache.digest("b"), cache.hashes), (Some(digest(3)), 1));
    }

    #[test]
    fn a_changed_entry_is_forgotten_with_the_directories_that_contain_it() {
        let mut cache = Cache::default();
        for path in ["", "a", "a/b", "a/b/c", "a/d", "e"] {
            cache.insert(path, digest(1), Some(vec![1]), false);
        }
        cache.forget_path("a/b/file");
        let known = ["", "a", "a/b", "a/b/c", "a/d", "e"].map(|path| cache.digest(path).is_some());
        assert_eq!(known, [false, false, false, true, true, true]);
        assert_eq!(cache.hashes, 3);
    }

    #[test]
    fn names_are_kept_once_and_within_their_memory() {
        let mut cache = Cache::default();
        let entries = |count: usize| {
            let mut entries = Entries::default();
            for hash in 0..count as u64 {
                entries.add(hash, "a name of a file", Kind::File, Amount::file(1));
            }
            entries
        };
        for number in 0..200 {
            let path = number.to_string();
            cache.insert(&path, digest(1), None, false);
            cache.keep_names(&path, entries(1000));
        }
        assert!(cache.names <= NAMES_MAX && cache.names + entries(1000).size() > NAMES_MAX);
        assert!(cache.take_names("0").is_some() && cache.take_names("0").is_none());
        assert!(cache.take_names("199").is_none());
        (0..200).for_each(|number| cache.forget_path(&number.to_string()));
        assert_eq!(cache.names, 0);
    }

    #[test]
    fn digests_are_those_of_one_set_of_parameters() {
        let parameters =
            |salt| Parameters { facts: Facts::ALL, granularity: Granularity::SECOND, salt };
        let mut cache = Cache::default();
        cache.begin(parameters(1));
        cache.insert("a", digest(1), None, false);
        cache.begin(parameters(1));
        assert!(cache.digest("a").is_some());
        cache.begin(parameters(2));
        assert!(cache.digest("a").is_none());
    }
}
