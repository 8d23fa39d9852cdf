//! A tree that is received: its root, and the metadata that its directories get in the end. Knows
//! nothing of files.

mod directories;

use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::limits::open_trees::OpenTree;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::{DirCursor, admit_owner};
use crate::fs::sys::sync::Sync;

use self::directories::Directories;
use crate::fs::sys::metadata::Attributes;

#[derive(Debug)]
pub(crate) struct Tree {
    /// Below the store's root.
    pub(crate) path: String,
    root: Root,
    /// The number of entries that were offered.
    entries: u64,
    directories: Directories,
    /// The directory of the last file: its owner may store files in it.
    admitted: Option<String>,
    /// Its place among the trees that the stores of the server receive.
    pub(crate) open: OpenTree,
}

#[derive(Debug, Clone, Copy)]
enum Root {
    /// Not created yet: the first entry creates it, with the offered metadata.
    Offered(Attributes),
    Ready,
}

impl Tree {
    /// Begins a tree at `path`, with the permission bits and the time of its root. An existing directory
    /// keeps its own if it is the store's root, or if `is_blind`.
    pub(crate) fn begin(
        cursor: &mut DirCursor,
        path: &str,
        attributes: Attributes,
        is_blind: bool,
        open: OpenTree,
    ) -> Result<Self, StoreError> {
        let exists = cursor.existing(path)?.is_some();
        let keeps_its_own = exists && (path.is_empty() || is_blind);
        let root = if keeps_its_own { Root::Ready } else { Root::Offered(attributes) };
        if exists && !keeps_its_own {
            // Otherwise its entries could not be opened.
            admit(cursor, path, attributes)?;
        }
        let (path, directories) = (path.to_owned(), Directories::default());
        Ok(Self { path, root, entries: 0, directories, admitted: None, open })
    }

    /// Counts an offered entry; returns its number.
    pub(crate) fn count_entry(&mut self) -> u64 {
        self.entries = self.entries.saturating_add(1);
        self.entries
    }

    /// Makes the directory of a file writable for its owner, until the metadata of directories is set.
    pub(crate) fn admit_files(&mut self, cursor: &mut DirCursor, directory: &str) {
        if self.admitted.as_deref() == Some(directory) {
            return;
        }
        self.admitted = Some(directory.to_owned());
        if let Some(mode) = cursor.admit(directory) {
            let attributes = Attributes { mode: Some(mode), ..Attributes::default() };
            self.directories.remember(cursor, directory, attributes);
        }
    }

    /// Creates the root before its first entry.
    pub(crate) fn make_root(
        &mut self,
        cursor: &mut DirCursor,
        sync: Sync,
    ) -> Result<(), StoreError> {
        if let Root::Offered(attributes) = self.root {
            make_directory(cursor, &self.path, attributes, sync.is_due(true))?;
            self.root = Root::Ready;
            if !attributes.is_empty() {
                self.directories.remember(cursor, &self.path, attributes);
            }
        }
        Ok(())
    }

    /// Remembers the final metadata of a directory that is in place.
    pub(crate) fn remember(&mut self, cursor: &mut DirCursor, path: &str, attributes: Attributes) {
        self.directories.remember(cursor, path, attributes);
    }

    /// Whether the list of directories is long enough that [`Tree::set_complete_metadata`] is due.
    pub(crate) fn has_many(&self) -> bool {
        self.directories.are_many()
    }

    /// Sets the times and permission bits of the directories that are not above `path`. A tree arrives depth
    /// first: they are mostly complete.
    pub(crate) fn set_complete_metadata(
        &mut self,
        path: &str,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.directories.set_metadata(Some(path), cursor, observer)
    }

    /// Commits the tree: all of its entries are in place.
    pub(crate) fn commit(
        &mut self,
        cursor: &mut DirCursor,
        sync: Sync,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.make_root(cursor, sync)?;
        cursor.existing(&self.path)?.ok_or(Reason::NotFound)?;
        self.set_metadata(cursor, observer)
    }

    /// Sets the times and permission bits of all directories, also of an incomplete tree; returns the first
    /// failure.
    pub(crate) fn set_metadata(
        &mut self,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        if let Root::Offered(attributes @ Attributes { mode: Some(_), .. }) = self.root {
            // It is empty, but its owner may have been given more rights.
            let attributes = Attributes { modified: None, ..attributes };
            self.directories.remember(cursor, &self.path, attributes);
        }
        self.directories.set_metadata(None, cursor, observer)
    }
}

/// Creates a directory, or makes an existing one writable for its owner. The caller sets its metadata later.
pub(crate) fn make_directory(
    cursor: &mut DirCursor,
    path: &str,
    attributes: Attributes,
    synced: bool,
) -> Result<(), StoreError> {
    cursor.made(path, attributes.mode, synced)?;
    cursor.forget_unset(path);
    // A new one is writable, and must stay the last opened one: no entry in it is searched for.
    if cursor.is_new() { Ok(()) } else { admit(cursor, path, attributes) }
}

/// Sets the time and the permission bits of a directory outside a tree.
pub(crate) fn set_directory_metadata(
    cursor: &mut DirCursor,
    path: &str,
    attributes: Attributes,
    observer: &mut impl Observer,
) -> Result<(), StoreError> {
    let mut directories = Directories::default();
    directories.remember(cursor, path, attributes);
    directories.set_metadata(None, cursor, observer)
}

/// Makes a directory writable for its owner, if its bits are offered.
fn admit(cursor: &mut DirCursor, path: &str, attributes: Attributes) -> Result<(), StoreError> {
    let (parent, name) = split(path);
    if attributes.mode.is_some()
        && let Some(above) = cursor.existing(parent)?
        && let Some(dir) = cursor.existing(path)?
    {
        admit_owner(&above, name, &dir)?;
    }
    Ok(())
}
