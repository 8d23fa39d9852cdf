//! The files of a source with several names, each with the first two that were read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use cap_std::fs::Metadata;

use crate::fs::sys::link::{FileVersion, several_names};

/// The maximum number of files that are remembered.
const FILES_MAX: usize = 100_000;

/// By their identity, paths below the tree's root.
#[derive(Debug, Default)]
pub(crate) struct FirstNames {
    paths: BTreeMap<FileVersion, (Box<str>, Option<Box<str>>)>,
    /// `false`: none are noted.
    is_noted: bool,
}

impl FirstNames {
    /// Notes the files of a source.
    pub(crate) fn note(&mut self) {
        self.is_noted = true;
    }

    /// Notes a file, if it has several names.
    pub(crate) fn add(&mut self, metadata: &Metadata, path: impl FnOnce() -> String) {
        let Some(version) = several_names(metadata).filter(|_| self.is_noted) else { return };
        let is_full = self.paths.len() >= FILES_MAX;
        match self.paths.entry(version) {
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => {
                entry.insert((path().into(), None));
            }
            Entry::Occupied(mut entry) => {
                let (first, second) = entry.get_mut();
                if second.is_none() {
                    // A directory may be read twice.
                    *second = Some(path().into()).filter(|path| path != first);
                }
            }
        }
    }

    /// A name of a file other than `path`.
    pub(crate) fn other_than(&self, path: &str, version: FileVersion) -> Option<&str> {
        let (first, second) = self.paths.get(&version)?;
        if **first == *path { second.as_deref() } else { Some(first) }
    }
}
