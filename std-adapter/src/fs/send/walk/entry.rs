//! Classifies the entry under a name: it is sent, or reported by name, or only counted.

use super::*;
use crate::fs::digest::left_out::is_upload;
use crate::fs::names::{can_be_sent, unsendable};
use crate::fs::sys::dir_cursor::is_directory;
use crate::fs::sys::link;

/// An entry to be sent; its path is the walk's.
#[derive(Debug)]
pub(crate) enum Item {
    Directory(FileMetadata),
    File(FileMetadata, File),
    /// A file of which only the offer is sent; it need not be readable.
    Named(Option<FileMetadata>),
    /// A symbolic link, with its target.
    Link(Box<str>),
    /// It cannot be sent.
    Broken(Kind, Option<FileMetadata>, StoreError),
    /// It is neither a file nor a directory, or its name cannot be sent: digests do not contain it.
    Unsendable(StoreError),
}

impl Item {
    /// A file.
    pub(crate) fn open(dir: &Dir, name: &OsStr, found: &Metadata) -> Self {
        match open_file(dir, name) {
            Ok((file, metadata)) => Self::File(FileMetadata::of(&metadata), file),
            Err(error) => Self::Broken(Kind::File, Some(FileMetadata::of(found)), error),
        }
    }
}

impl Walk {
    /// The entry under the path's last name, which begins at `start`; `None`: no entry that can be named.
    pub(crate) fn item(
        &mut self,
        dir: &Dir,
        start: usize,
        hint: Hint,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        let name = self.path.get(start..).unwrap_or_default();
        let in_tree = self.path_in_tree();
        if !self.exclusion.is_empty() && self.is_excluded(dir, name, hint) {
            return None;
        }
        let kind = if hint == Hint::Directory { Kind::Directory } else { Kind::File };
        if !can_be_sent(in_tree, name) {
            return self.refused(dir, start, kind, observer);
        }
        // If the hint is wrong or the open fails, the metadata decides.
        if hint == Hint::File
            && !self.names_only
            && let Ok((file, metadata)) = open_file(dir, name)
        {
            return Some(Item::File(FileMetadata::of(&metadata), file));
        }
        if hint == Hint::Directory
            && !self.is_deep()
            && let Ok(attributes) = self.enter(observer)
        {
            return Some(Item::Directory(attributes));
        }
        let name = self.path.get(start..).unwrap_or_default();
        match look(dir, name) {
            Ok(Found::File(metadata)) if self.names_only => {
                Some(Item::Named(Some(FileMetadata::of(&metadata))))
            }
            Ok(Found::File(metadata)) => Some(Item::open(dir, name.as_ref(), &metadata)),
            Ok(Found::Directory(metadata)) if self.is_deep() => {
                Some(Item::Directory(FileMetadata::of(&metadata)))
            }
            Ok(Found::Directory(metadata)) => match self.enter(observer) {
                Ok(attributes) => Some(Item::Directory(attributes)),
                Err(error) if self.names_only => {
                    // Only its name is sent.
                    self.omit(error, observer);
                    Some(Item::Directory(FileMetadata::of(&metadata)))
                }
                Err(error) => {
                    Some(Item::Broken(Kind::Directory, Some(FileMetadata::of(&metadata)), error))
                }
            },
            Ok(Found::Other(error)) => match self.link(dir, name, error) {
                Ok(target) => Some(Item::Link(target)),
                Err(error) => self.broken(Kind::File, None, error, observer),
            },
            // Its directory was read a while ago.
            Ok(Found::Missing) => self.broken(kind, None, Reason::NotFound.into(), observer),
            Err(_) if self.names_only && hint == Hint::File => Some(Item::Named(None)),
            Err(error) => self.broken(kind, None, error.into(), observer),
        }
    }

    /// The target of the entry `name`, if it is a symbolic link that is sent; `error`: why it is no other entry.
    pub(crate) fn link(
        &self,
        dir: &Dir,
        name: &str,
        error: StoreError,
    ) -> Result<Box<str>, StoreError> {
        if error.reason != Reason::SymbolicLink || !self.sends_links {
            return Err(error);
        }
        link::target(dir, name, self.path_in_tree()).map(String::into_boxed_str)
    }

    /// An entry whose path or name is not sent.
    fn refused(
        &mut self,
        dir: &Dir,
        start: usize,
        kind: Kind,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        let name = self.path.get(start..).unwrap_or_default();
        let in_tree = self.path_in_tree();
        if self.is_served && is_upload(dir, in_tree, name) {
            return None;
        }
        let error = unsendable(in_tree, name);
        self.broken(kind, None, error, observer)
    }

    /// Whether the filter leaves the entry at the path out.
    fn is_excluded(&self, dir: &Dir, name: &str, hint: Hint) -> bool {
        self.exclusion.excludes(self.path_in_tree(), is_directory(dir, name, hint))
    }

    /// Reports that the entry at the path cannot be sent: by name if an offer can name it.
    pub(crate) fn broken(
        &mut self,
        kind: Kind,
        attributes: Option<FileMetadata>,
        error: StoreError,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        let error = self.unsendable(error, observer)?;
        Some(Item::Broken(kind, attributes, error))
    }

    /// Returns the error of the entry at the path if an offer can name it.
    pub(crate) fn unsendable(
        &mut self,
        error: StoreError,
        observer: &mut impl Observer,
    ) -> Option<StoreError> {
        let path = self.path_in_tree();
        let has_name = !path.is_empty() && is_sound(path) && !path.ends_with('/');
        if self.names_only || !has_name {
            self.omit(error, observer);
            return None;
        }
        Some(error)
    }

    /// Counts an entry whose path in the tree is not UTF-8.
    pub(crate) fn omit_not_utf8(&mut self, path: &[u8], observer: &mut impl Observer) {
        self.omitted = self.omitted.saturating_add(1);
        if !self.names_only {
            let tree = self.path.get(..self.above).unwrap_or_default();
            let path = &[tree.as_bytes(), path].concat();
            let (direction, reason) = (Direction::Sending, Reason::BadPath);
            observer.event(Event::NotUtf8 { path, direction, reason });
        }
    }

    /// Counts the entry at the path without sending it.
    pub(crate) fn omit(&mut self, error: StoreError, observer: &mut impl Observer) -> Option<Item> {
        self.omitted = self.omitted.saturating_add(1);
        // A request for names must not fill the log.
        if !self.names_only {
            error.report(&self.path, Direction::Sending, observer);
        }
        None
    }
}
