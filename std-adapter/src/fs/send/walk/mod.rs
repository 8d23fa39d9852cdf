//! Walks through the sources of a request, depth first and sorted by name, one entry at a time. Knows
//! nothing of the transfer of the entries.

mod entry;

use std::ffi::OsStr;
use std::fs::File;
use std::num::NonZeroU8;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;
use tinyferry_core::path::is_sound;
use tinyferry_core::store::Kind;

use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::filter::Exclusion;
use crate::fs::sys::dir_cursor::{DirCursor, Found, Id, id_of, is_removed, look, open_file};
use crate::fs::sys::listing::{Hint, Listing, Seen, room};
use crate::fs::sys::metadata::FileMetadata;

pub(crate) use self::entry::Item;

/// Directories that are being read, each with its remaining names. Only those
/// passed last are open ([`DirCursor`]); the others are opened again when the walk comes back to them.
#[derive(Debug)]
pub(crate) struct Walk {
    /// From the other end's root to the last entry.
    path: String,
    /// The length of the tree's own path in it, with the `/` after it.
    above: usize,
    names_only: bool,
    /// The directory is one that this program serves: its partial files are uploads, not files of the tree
    /// that are left out.
    is_served: bool,
    /// The directories from the first one down to the current one.
    cursor: Option<DirCursor>,
    levels: Vec<Level>,
    /// The directory of the last level, if it is open.
    dir: Option<Arc<Dir>>,
    /// The number of entries that were left out because no path can name them.
    omitted: u32,
    /// How many levels of directories are read.
    depth: Option<NonZeroU8>,
    exclusion: Exclusion,
    /// Symbolic links are sent.
    sends_links: bool,
}

#[derive(Debug)]
struct Level {
    names: Listing,
    /// The directory's path is the walk's up to here.
    length: usize,
    id: Option<Id>,
}

impl Walk {
    /// Through a tree of this path; `None`: there is none.
    pub(crate) fn new(tree: Option<&str>, names_only: bool) -> Self {
        let tree = tree.filter(|tree| !tree.is_empty());
        let path = tree.map_or(String::new(), |tree| format!("{tree}/"));
        Self {
            above: path.len(),
            path,
            names_only,
            is_served: false,
            cursor: None,
            levels: Vec::new(),
            dir: None,
            omitted: 0,
            depth: None,
            exclusion: Exclusion::default(),
            sends_links: false,
        }
    }

    /// Limits the levels of directories that are read; the entries of the last level are returned, not their content.
    pub(super) fn limit(&mut self, depth: Option<NonZeroU8>) {
        self.depth = depth;
    }

    /// Leaves out the entries of an exclusion.
    pub(super) fn exclude(&mut self, exclusion: &Exclusion) {
        self.exclusion = exclusion.clone();
    }

    /// Returns symbolic links.
    pub(super) fn send_links(&mut self) {
        self.sends_links = true;
    }

    /// Whether entries are left out, by a filter or by the depth.
    pub(super) fn is_filtered(&self) -> bool {
        !self.exclusion.is_empty() || self.depth.is_some()
    }

    /// Whether the content of a directory at the path is left out.
    fn is_deep(&self) -> bool {
        self.depth.is_some_and(|depth| self.levels.len() >= depth.get().into())
    }

    /// Passes over the partial files of uploads.
    pub(super) fn serve(&mut self) {
        self.is_served = true;
    }

    pub(super) fn is_served(&self) -> bool {
        self.is_served
    }

    /// The path of the last entry, from the other end's root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The same, below the tree's root.
    pub(crate) fn path_in_tree(&self) -> &str {
        self.path.get(self.above..).unwrap_or_default()
    }

    pub(crate) fn omitted(&self) -> u32 {
        self.omitted
    }

    /// Continues with the entry at `path` of the tree.
    pub(crate) fn go_to(&mut self, path: &str) {
        self.levels.clear();
        self.cursor = None;
        self.dir = None;
        self.path.truncate(self.above);
        self.path.push_str(path);
    }

    /// Enters the directory at the path of [`Walk::go_to`].
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn begin(
        &mut self,
        dir: Arc<Dir>,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let metadata = dir.dir_metadata()?;
        self.cursor = Some(DirCursor::new(Arc::clone(&dir)));
        self.read(dir, &metadata, observer)
    }

    /// The next entry of the entered directories.
    pub(crate) fn next(&mut self, observer: &mut impl Observer) -> Option<Item> {
        while let Some(level) = self.levels.last_mut() {
            self.path.truncate(level.length);
            let item = match level.names.pop() {
                Some((name, hint)) => {
                    if !self.path.is_empty() && !self.path.ends_with('/') {
                        self.path.push('/');
                    }
                    let start = self.path.len();
                    self.path.push_str(name);
                    match self.dir() {
                        Ok(dir) => self.item(&dir, start, hint, observer),
                        Err(error) => self.break_off(error, observer),
                    }
                }
                None => match self.go_on() {
                    Ok(()) => None,
                    Err(error) => self.break_off(error, observer),
                },
            };
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Enters the directory at the path.
    fn enter(&mut self, observer: &mut impl Observer) -> Result<FileMetadata, StoreError> {
        let length = self.path.len();
        let dir = self.open(length)?;
        let metadata = dir.dir_metadata()?;
        self.read(dir, &metadata, observer)?;
        Ok(FileMetadata::of(&metadata))
    }

    fn read(
        &mut self,
        dir: Arc<Dir>,
        metadata: &Metadata,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.exclusion.check(self.path_in_tree())?;
        let above = self.path.trim_end_matches('/');
        let names = Listing::read(&dir, self.room(), |seen| {
            let Seen::NotUtf8(name) = seen else { return true };
            self.omitted = self.omitted.saturating_add(1);
            if !self.names_only {
                let separator = if above.is_empty() { "" } else { "/" };
                let name = name.as_encoded_bytes();
                let path = &[above.as_bytes(), separator.as_bytes(), name].concat();
                let (direction, reason) = (Direction::Sending, Reason::BadPath);
                observer.event(Event::NotUtf8 { path, direction, reason });
            }
            false
        })?;
        let (length, id) = (self.path.len(), id_of(metadata));
        self.levels.push(Level { names, length, id });
        self.dir = Some(dir);
        Ok(())
    }

    /// Reads the next window of names, or leaves the directory.
    fn go_on(&mut self) -> Result<(), StoreError> {
        if self.levels.last().is_some_and(|level| level.names.continues()) {
            let (dir, room) = (self.dir()?, self.room());
            if let Some(level) = self.levels.last_mut() {
                level.names.go_on(&dir, room, |_, _| true)?;
            }
            return Ok(());
        }
        match self.levels.last_mut().and_then(|level| level.names.failure()) {
            Some(error) => Err(error.into()),
            None => {
                self.leave();
                Ok(())
            }
        }
    }

    fn leave(&mut self) {
        self.levels.pop();
        self.dir = None;
    }

    /// Reports a directory that cannot be read to its end: it is named again.
    fn break_off(&mut self, error: StoreError, observer: &mut impl Observer) -> Option<Item> {
        if let Some(level) = self.levels.last() {
            self.path.truncate(level.length);
        }
        self.leave();
        self.broken(Kind::Directory, None, error, observer)
    }

    /// The directory that is being read.
    fn dir(&mut self) -> Result<Arc<Dir>, StoreError> {
        if let Some(dir) = &self.dir {
            return Ok(Arc::clone(dir));
        }
        let Some(&Level { length, id: expected, .. }) = self.levels.last() else {
            return Err(Reason::NotFound.into());
        };
        let dir = self.open(length)?;
        if id_of(&dir.dir_metadata()?) != expected {
            let detail = "another directory has taken its place";
            return Err(StoreError::new(Reason::SourceChanged, detail));
        }
        self.dir = Some(Arc::clone(&dir));
        Ok(dir)
    }

    /// The directory whose path is the walk's up to `length`.
    fn open(&mut self, length: usize) -> Result<Arc<Dir>, StoreError> {
        let top = self.levels.first().map_or(length, |level| level.length);
        let path = self.path.get(top..length).unwrap_or_default().trim_start_matches('/');
        let cursor = self.cursor.as_mut().ok_or(StoreError::from(Reason::NotFound))?;
        cursor.existing(path)?.ok_or(Reason::NotFound.into())
    }

    /// How much memory the names of one more directory may take.
    fn room(&self) -> usize {
        room(self.levels.iter().map(|level| level.names.size()).sum())
    }
}

/// Whether a directory can be read.
pub(crate) fn probe(dir: &Dir) -> Result<(), StoreError> {
    // One that was removed can still be read, and is empty.
    if is_removed(dir) {
        return Err(Reason::NotFound.into());
    }
    dir.entries()?.next().transpose()?;
    Ok(())
}
