//! The digests of the directories of one tree, computed once.

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::Summary;
use super::cache::Cache;
use super::cancel::Cancel;
use super::entries::Entries;
use super::first_names::FirstNames;
use super::left_out::LeftOut;
use super::query::Query;
use super::scan::{Scan, Wanted};
use crate::fs::error::StoreError;
use crate::fs::filter::Exclusion;
use crate::fs::sys::dir_cursor::is_removed;
use crate::fs::sys::link::FileVersion;

#[derive(Debug, Default)]
pub(crate) struct TreeDigests {
    cache: Cache,
    /// Entries that are left out.
    exclusion: Exclusion,
    left_out: LeftOut,
    first_names: FirstNames,
}

impl TreeDigests {
    /// Of the entries that are not excluded.
    pub(crate) fn excluding(exclusion: &Exclusion) -> Self {
        Self { exclusion: exclusion.clone(), ..Self::default() }
    }

    /// The answer to a query about a directory; `path` is its path below the tree's root.
    ///
    /// # Errors
    /// It cannot be read, or `cancel` was called.
    pub(crate) fn summary(
        &mut self,
        dir: &Arc<Dir>,
        path: &str,
        query: Query,
        cancel: &Cancel,
    ) -> Result<Summary, StoreError> {
        match self.known(path, query) {
            Some(summary) => Ok(summary),
            None => self.scan(dir, path, query, cancel, None),
        }
    }

    /// The answer to a query about a directory that was read before.
    pub(crate) fn known(&mut self, path: &str, query: Query) -> Option<Summary> {
        self.cache.begin(query.parameters);
        Some(Summary::of_sorted(self.cache.hashes(path)?, query.range))
    }

    /// The entries of the range with their names.
    ///
    /// # Errors
    /// It cannot be read, or `cancel` was called.
    pub(crate) fn entries(
        &mut self,
        dir: &Arc<Dir>,
        path: &str,
        query: Query,
        cancel: &Cancel,
    ) -> Result<Entries, StoreError> {
        self.cache.begin(query.parameters);
        if let Some(entries) = self.cache.take_names(path) {
            return Ok(entries);
        }
        let mut entries = Entries::default();
        self.scan(dir, path, query, cancel, Some(&mut entries))?;
        entries.sort();
        Ok(entries)
    }

    /// Notes the entries of a source that cannot be sent; `is_served`: this program serves it.
    pub(crate) fn note_left_out(&mut self, is_served: bool) {
        self.left_out.note();
        if is_served {
            self.left_out.serve();
        }
    }

    /// Notes the files of a source with several names.
    pub(crate) fn note_first_names(&mut self) {
        self.first_names.note();
    }

    /// Another name than `path` of a file with several names.
    pub(crate) fn other_name(&self, path: &str, version: FileVersion) -> Option<&str> {
        self.first_names.other_than(path, version)
    }

    /// The entries that cannot be sent.
    pub(crate) fn take_left_out(&mut self) -> LeftOut {
        std::mem::take(&mut self.left_out)
    }

    /// Forgets everything: something in the tree is about to change, or has changed.
    pub(crate) fn forget(&mut self) {
        self.cache.forget();
    }

    /// Forgets the directories that contain the entry at a path, and the entry.
    pub(crate) fn forget_path(&mut self, path: &str) {
        self.cache.forget_path(path);
    }

    fn scan(
        &mut self,
        dir: &Arc<Dir>,
        path: &str,
        query: Query,
        cancel: &Cancel,
        entries: Option<&mut Entries>,
    ) -> Result<Summary, StoreError> {
        // One that was removed can still be read, and is empty.
        if is_removed(dir) {
            return Err(Reason::NotFound.into());
        }
        let keeps_names = entries.is_some();
        let wanted = Wanted { query, entries, keeps_names };
        let noted = (&mut self.left_out, &mut self.first_names);
        Scan::new(&mut self.cache, noted, dir, path, wanted, cancel)
            .excluding(&self.exclusion)
            .run(dir)
    }
}
