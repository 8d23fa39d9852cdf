//! Through the sources of a request, depth first and sorted by name, one entry at a time. Knows
//! nothing of what becomes of the entries.

mod entry;

use std::ffi::OsStr;
use std::fs::File;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;
use tinyferry_core::path::{NAME_MAX, PATH_MAX, is_sound};
use tinyferry_core::store::Kind;

use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::join;
use crate::fs::recv::partial;
use crate::fs::send::listing::Hint;
use crate::fs::send::listing::Listing;
use crate::fs::sys::dir_cursor::Found;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::dir_cursor::look;
use crate::fs::sys::dir_cursor::open_file;
use crate::fs::sys::metadata::Facts;

pub(crate) use self::entry::Item;
pub(crate) use self::entry::unfinished;

/// The names of all directories that are being read take so much memory at most, in bytes, and
/// [`LEAST`] more for each directory. A directory gets half of what is left.
const ROOM: usize = 2 << 20;
/// The names of a directory may take so much in any case.
const LEAST: usize = 4096;

/// Directories that are being read, each with the names in it that are still to come. Only those
/// passed last are open ([`Place`]); the others are opened again when the walk comes back to them.
#[derive(Debug)]
pub(crate) struct Walk {
    /// From the other end's root to what was given last.
    path: String,
    /// The tree's own path makes up so much of it, with the `/` after it.
    above: usize,
    names_only: bool,
    /// The directory is one that this program serves: a partial file that a transfer of it holds is not
    /// left out, but not there yet.
    is_served: bool,
    /// The way down from the directory that was entered first.
    place: Option<Place>,
    levels: Vec<Level>,
    /// The directory of the last level, if it is at hand.
    dir: Option<Arc<Dir>>,
    /// How many entries were not given, because no path names them.
    omitted: u32,
}

#[derive(Debug)]
struct Level {
    names: Listing,
    /// The directory's path is the walk's up to here.
    length: usize,
    /// Device and number, where there are such.
    identity: Option<(u64, u64)>,
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
            place: None,
            levels: Vec::new(),
            dir: None,
            omitted: 0,
        }
    }

    /// Passes over the files that other transfers of this program are receiving.
    pub(super) fn serve(&mut self) {
        self.is_served = true;
    }

    /// Path of what was given last, from the other end's root.
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

    /// What comes next stands at `path` in the tree.
    pub(crate) fn go_to(&mut self, path: &str) {
        self.levels.clear();
        self.place = None;
        self.dir = None;
        self.path.truncate(self.above);
        self.path.push_str(path);
    }

    /// Goes into a directory that stands here, where [`Walk::go_to`] went.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn begin(
        &mut self,
        dir: Arc<Dir>,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let metadata = dir.dir_metadata()?;
        self.place = Some(Place::new(Arc::clone(&dir)));
        self.read(dir, &metadata, observer)
    }

    /// What comes next in the directories gone into.
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
                        Err(trouble) => self.break_off(trouble, observer),
                    }
                }
                None => match self.go_on() {
                    Ok(()) => None,
                    Err(trouble) => self.break_off(trouble, observer),
                },
            };
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Goes into the directory at the path.
    fn enter(&mut self, observer: &mut impl Observer) -> Result<Facts, Trouble> {
        let length = self.path.len();
        let dir = self.open(length)?;
        let metadata = dir.dir_metadata()?;
        self.read(dir, &metadata, observer)?;
        Ok(Facts::of(&metadata))
    }

    fn read(
        &mut self,
        dir: Arc<Dir>,
        metadata: &Metadata,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let above = self.path.trim_end_matches('/');
        let names = Listing::read(&dir, self.room(), |name| {
            self.omitted = self.omitted.saturating_add(1);
            if !self.names_only {
                let path = join(above, &name.to_string_lossy());
                Trouble::new(Reason::BadPath, "its name is not UTF-8").tell(&path, observer);
            }
        })?;
        let (length, identity) = (self.path.len(), identity(metadata));
        self.levels.push(Level { names, length, identity });
        self.dir = Some(dir);
        Ok(())
    }

    /// All names that were at hand are through: reads more of them, or leaves the directory.
    fn go_on(&mut self) -> Result<(), Trouble> {
        if self.levels.last().is_some_and(|level| level.names.continues()) {
            let (dir, room) = (self.dir()?, self.room());
            if let Some(level) = self.levels.last_mut() {
                level.names.go_on(&dir, room)?;
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

    /// The directory that is being read cannot be read to its end: it is named once more.
    fn break_off(&mut self, trouble: Trouble, observer: &mut impl Observer) -> Option<Item> {
        if let Some(level) = self.levels.last() {
            self.path.truncate(level.length);
        }
        self.leave();
        self.broken(Kind::Directory, None, trouble, observer)
    }

    /// The directory that is being read.
    fn dir(&mut self) -> Result<Arc<Dir>, Trouble> {
        if let Some(dir) = &self.dir {
            return Ok(Arc::clone(dir));
        }
        let Some(&Level { length, identity: expected, .. }) = self.levels.last() else {
            return Err(Reason::NotFound.into());
        };
        let dir = self.open(length)?;
        if identity(&dir.dir_metadata()?) != expected {
            let what = "another directory has taken its place";
            return Err(Trouble::new(Reason::SourceChanged, what));
        }
        self.dir = Some(Arc::clone(&dir));
        Ok(dir)
    }

    /// The directory whose path is the walk's up to `length`.
    fn open(&mut self, length: usize) -> Result<Arc<Dir>, Trouble> {
        let top = self.levels.first().map_or(length, |level| level.length);
        let path = self.path.get(top..length).unwrap_or_default().trim_start_matches('/');
        let place = self.place.as_mut().ok_or(Trouble::from(Reason::NotFound))?;
        place.existing(path)?.ok_or(Reason::NotFound.into())
    }

    /// How much memory the names of one more directory may take.
    fn room(&self) -> usize {
        let taken = self.levels.iter().map(|level| level.names.size()).sum();
        (ROOM.saturating_sub(taken) / 2).max(LEAST)
    }
}

/// Whether a directory can be read.
pub(crate) fn probe(dir: &Dir) -> Result<(), Trouble> {
    // One that was removed can still be read, and is empty.
    if is_removed(&dir.dir_metadata()?) {
        return Err(Reason::NotFound.into());
    }
    dir.entries()?.next().transpose()?;
    Ok(())
}

#[cfg(unix)]
fn is_removed(metadata: &Metadata) -> bool {
    use cap_std::fs::MetadataExt;

    metadata.nlink() == 0
}

#[cfg(not(unix))]
fn is_removed(_: &Metadata) -> bool {
    false
}

/// What tells a directory from any other that is there at the same time.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use cap_std::fs::MetadataExt;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
