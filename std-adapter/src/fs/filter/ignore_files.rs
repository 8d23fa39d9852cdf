//! The `.gitignore` files of a tree that is sent. Only those above the current path are in memory.

use std::cell::RefCell;
use std::io::Read;

use cap_std::fs::Dir;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use tinyferry_core::error::Reason;

use super::Filter;
use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::names::{below, split};
use crate::fs::source::{SourceEntry, SourceRoot};
use crate::fs::sys::dir_cursor::open_file;

const NAME: &str = ".gitignore";
/// The maximum size of a file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// The files in the directories of some sources.
#[derive(Debug)]
pub(crate) struct IgnoreFiles {
    sources: Vec<SourceRoot>,
    /// From the root of the tree down to the directory of the last entry. None of them is excluded.
    levels: RefCell<Vec<Level>>,
}

impl Clone for IgnoreFiles {
    fn clone(&self) -> Self {
        Self::new(&self.sources)
    }
}

#[derive(Debug)]
struct Level {
    directory: String,
    patterns: Patterns,
}

/// The patterns of one directory.
#[derive(Debug)]
enum Patterns {
    /// It has no such file.
    None,
    Read(Gitignore),
    /// The reason why they are not known, as a clause.
    Unknown(String),
}

impl IgnoreFiles {
    pub(crate) fn new(sources: &[SourceRoot]) -> Self {
        Self { sources: sources.to_vec(), levels: RefCell::default() }
    }

    /// Whether `filter` or the files exclude an entry of this path in the tree, or a directory above it. Without
    /// the patterns of a directory all of its entries are excluded.
    pub(crate) fn excludes(&self, filter: &Filter, path: &str, is_directory: bool) -> bool {
        let levels = &mut *self.levels.borrow_mut();
        !self.enter(levels, filter, split(path).0) || excludes(levels, filter, path, is_directory)
    }

    /// Reads the file of a directory of the tree before its entries.
    ///
    /// # Errors
    /// It cannot be read, or has patterns that cannot be used.
    pub(crate) fn check(&self, filter: &Filter, directory: &str) -> Result<(), StoreError> {
        let levels = &mut *self.levels.borrow_mut();
        self.enter(levels, filter, directory);
        match levels.last() {
            Some(Level { directory: last, patterns: Patterns::Unknown(why) })
                if last == directory =>
            {
                Err(StoreError::new(Reason::Storage, why))
            }
            _ => Ok(()),
        }
    }

    /// Reads the files that are missing between the levels and a directory, which becomes the last level. Returns
    /// `false` if it is excluded: the files in excluded directories are not read.
    fn enter(&self, levels: &mut Vec<Level>, filter: &Filter, directory: &str) -> bool {
        while levels.last().is_some_and(|level| path_below(directory, &level.directory).is_none()) {
            levels.pop();
        }
        loop {
            let next = match levels.last() {
                None => "",
                Some(level) if level.directory == directory => return true,
                Some(level) => {
                    let start =
                        if level.directory.is_empty() { 0 } else { level.directory.len() + 1 };
                    let after = directory.get(start..).unwrap_or_default();
                    let name = after.split('/').next().unwrap_or_default();
                    directory.get(..start + name.len()).unwrap_or(directory)
                }
            };
            if !next.is_empty() && excludes(levels, filter, next, true) {
                return false;
            }
            levels.push(Level { directory: next.to_owned(), patterns: self.read(next) });
        }
    }

    /// The patterns of a directory of the tree.
    fn read(&self, directory: &str) -> Patterns {
        let of =
            self.sources.iter().filter(|source| path_below(directory, &source.remote).is_some());
        let Some(source) = of.max_by_key(|source| source.remote.len()) else {
            return Patterns::None;
        };
        match source.reach(directory) {
            Ok(SourceEntry::Directory(dir, _)) => match patterns(&dir) {
                Ok(Some(patterns)) => Patterns::Read(patterns),
                Ok(None) => Patterns::None,
                Err(why) => Patterns::Unknown(why),
            },
            // A directory that cannot be read is reported by itself.
            _ => Patterns::None,
        }
    }
}

/// Whether an entry is excluded whose directory is the last level or above it, and is not excluded.
fn excludes(levels: &[Level], filter: &Filter, path: &str, is_directory: bool) -> bool {
    let above = || {
        levels.iter().rev().filter_map(|level| Some((level, path_below(path, &level.directory)?)))
    };
    if above().any(|(level, _)| matches!(level.patterns, Patterns::Unknown(_))) {
        return true;
    }
    if let Some(is_excluded) = filter.verdict(path, is_directory) {
        return is_excluded;
    }
    // The nearest file decides first.
    let mut verdicts = above().filter_map(|(level, entry)| {
        let Patterns::Read(patterns) = &level.patterns else { return None };
        match patterns.matched(entry, is_directory) {
            Match::None => None,
            verdict => Some(verdict.is_ignore()),
        }
    });
    verdicts.next().unwrap_or(false)
}

/// The part of `path` below a directory, where the empty path is that of the root; `None` if it is not below.
pub(crate) fn path_below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    match directory {
        "" => Some(path),
        directory => below(path, directory),
    }
}

/// Reads the file in `dir`; `None`: there is none. A line that is no pattern is skipped, as by git.
///
/// # Errors
/// The reason, as a clause.
fn patterns(dir: &Dir) -> Result<Option<Gitignore>, String> {
    let unread = |why: String| format!("its {NAME} file cannot be read: {why}");
    let file = match open_file(dir, NAME) {
        Ok((file, _)) => file,
        Err(error) if matches!(error.reason, Reason::NotFound | Reason::IsDirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unread(describe::failure(error.reason, &error.detail, false))),
    };
    let mut bytes = Vec::new();
    let read = file.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| unread(describe::os_error(&error)))?;
    if bytes.len() as u64 > BYTES_MAX {
        let limit = describe::size(BYTES_MAX);
        return Err(format!("its {NAME} file is too large: it has more than {limit}"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new("");
    for line in text.trim_start_matches('\u{feff}').lines() {
        let _ = builder.add_line(None, line);
    }
    let compiled = builder.build();
    compiled.map(Some).map_err(|error| format!("its {NAME} file cannot be used: {error}"))
}
