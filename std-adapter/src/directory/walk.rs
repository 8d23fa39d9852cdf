//! Through the sources of a request, depth first and sorted by name, one entry at a time. Knows
//! nothing of what becomes of the entries.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;
use tinyferry_core::path::{NAME_MAX, PATH_MAX, is_sound};

use super::event::{Event, Observer};
use super::facts::Facts;
use super::names::join;
use super::partial;
use super::place::{Found, look, open_file};
use super::trouble::Trouble;

/// Something to be sent; its path is the walk's.
#[derive(Debug)]
pub(super) enum Item {
    Directory(Facts),
    File(Facts, File),
    /// It is a file, or should be one, but cannot be read.
    Broken(Option<Facts>, Trouble),
}

impl Item {
    /// What was found to be a file.
    pub(super) fn open(dir: &Dir, name: &OsStr, found: &Metadata) -> Self {
        match open_file(dir, name) {
            Ok((file, metadata)) => Self::File(Facts::of(&metadata), file),
            Err(trouble) => Self::Broken(Some(Facts::of(found)), trouble),
        }
    }
}

/// Directories that are being read, each with the names in it that are still to come.
#[derive(Debug)]
pub(super) struct Walk {
    /// From the other end's root to what was given last.
    path: String,
    /// The tree's own path makes up so much of it, with the `/` after it.
    above: usize,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    dir: Arc<Dir>,
    names: Names,
    /// The directory's path is the walk's up to here.
    length: usize,
}

/// The names in a directory, the first one last.
#[derive(Debug, Default)]
struct Names {
    text: String,
    waiting: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    range: Range<usize>,
    /// The directory says that it is a file; where it does not, one has to look.
    is_file: bool,
}

impl Walk {
    /// Through a tree of this path; `None`: there is none.
    pub(super) fn new(tree: Option<&str>) -> Self {
        let tree = tree.filter(|tree| !tree.is_empty());
        let path = tree.map_or(String::new(), |tree| format!("{tree}/"));
        Self { above: path.len(), path, levels: Vec::new() }
    }

    /// Path of what was given last, from the other end's root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The same, below the tree's root.
    pub(super) fn path_in_tree(&self) -> &str {
        self.path.get(self.above..).unwrap_or_default()
    }

    /// What comes next stands at `path` in the tree.
    pub(super) fn go_to(&mut self, path: &str) {
        self.levels.clear();
        self.path.truncate(self.above);
        self.path.push_str(path);
    }

    /// Goes into a directory that stands here. That it cannot be read is told.
    pub(super) fn enter(&mut self, dir: Arc<Dir>, observer: &mut impl Observer) {
        match Names::read(&dir, &self.path, observer) {
            Ok(names) => self.levels.push(Level { dir, names, length: self.path.len() }),
            Err(error) => self.fail(error, observer),
        }
    }

    /// What comes next in the directories gone into.
    pub(super) fn next(&mut self, observer: &mut impl Observer) -> Option<Item> {
        loop {
            let level = self.levels.last_mut()?;
            self.path.truncate(level.length);
            let Some(Name { range, is_file }) = level.names.waiting.pop() else {
                self.levels.pop();
                continue;
            };
            let name = level.names.text.get(range).unwrap_or_default();
            if !self.path.is_empty() && !self.path.ends_with('/') {
                self.path.push('/');
            }
            self.path.push_str(name);
            let in_tree = self.path.get(self.above..).unwrap_or_default();
            if !is_sound(in_tree) {
                let is_long = in_tree.len() > PATH_MAX || name.len() > NAME_MAX;
                let reason = if is_long { Reason::NameTooLong } else { Reason::BadPath };
                self.fail(reason, observer);
                continue;
            }
            // Whatever else it turns out to be is told below.
            if is_file
                && !partial::is_name(name)
                && let Ok((file, metadata)) = open_file(&level.dir, name)
            {
                return Some(Item::File(Facts::of(&metadata), file));
            }
            match look(&level.dir, name) {
                Ok(Found::File(_)) if partial::is_name(name) => {}
                Ok(Found::File(metadata)) => {
                    return Some(Item::open(&level.dir, name.as_ref(), &metadata));
                }
                Ok(Found::Directory(metadata)) => {
                    match level.dir.open_dir_nofollow(name) {
                        Ok(dir) => self.enter(Arc::new(dir), observer),
                        Err(error) => self.fail(error, observer),
                    }
                    return Some(Item::Directory(Facts::of(&metadata)));
                }
                Ok(Found::Other(detail)) => {
                    observer.event(Event::Skipped { path: &self.path, detail });
                }
                // Its directory was read a while ago.
                Ok(Found::Missing) => self.fail(Reason::NotFound, observer),
                Err(error) => self.fail(error, observer),
            }
        }
    }

    fn fail(&self, trouble: impl Into<Trouble>, observer: &mut impl Observer) {
        trouble.into().tell(&self.path, observer);
    }
}

impl Names {
    fn read(dir: &Dir, path: &str, observer: &mut impl Observer) -> io::Result<Self> {
        let mut names = Self::default();
        for entry in dir.entries()? {
            let entry = entry?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let name = entry.file_name();
            match name.to_str() {
                Some(name) => {
                    let start = names.text.len();
                    names.text.push_str(name);
                    names.waiting.push(Name { range: start..names.text.len(), is_file });
                }
                None => {
                    let path = join(path.trim_end_matches('/'), &name.to_string_lossy());
                    Trouble::new(Reason::BadPath, "its name is not UTF-8").tell(&path, observer);
                }
            }
        }
        let text = &names.text;
        let text_of = |name: &Name| text.get(name.range.clone());
        names.waiting.sort_unstable_by(|one, other| text_of(other).cmp(&text_of(one)));
        Ok(names)
    }
}
