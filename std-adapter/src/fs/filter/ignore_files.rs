//! The `.gitignore` files of a tree that is sent. Only those above the current path are in memory.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};

use cap_std::fs::Dir;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::fs::names::{below, split};
use crate::fs::send::source::{SourceEntry, SourceRoot};
use crate::fs::sys::dir_cursor::open_file;

const NAME: &str = ".gitignore";
/// The rest of a longer file is not read.
const BYTES_MAX: u64 = 1 << 20;

/// The files in the directories of some sources.
#[derive(Debug)]
pub(crate) struct IgnoreFiles {
    sources: Vec<SourceRoot>,
    /// From the root of the tree down to the directory of the last entry.
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
    /// `None`: the directory has none.
    patterns: Option<Gitignore>,
}

impl IgnoreFiles {
    pub(crate) fn new(sources: &[SourceRoot]) -> Self {
        Self { sources: sources.to_vec(), levels: RefCell::default() }
    }

    /// Whether the files exclude an entry of this path in the tree, whatever they say of the directories above.
    pub(crate) fn excludes(&self, path: &str, is_directory: bool) -> bool {
        let mut levels = self.levels.borrow_mut();
        let (directory, _) = split(path);
        while levels.last().is_some_and(|level| rest_below(directory, &level.directory).is_none()) {
            levels.pop();
        }
        loop {
            let next = match levels.last() {
                None => "",
                Some(level) if level.directory == directory => break,
                Some(level) => {
                    let start =
                        if level.directory.is_empty() { 0 } else { level.directory.len() + 1 };
                    let rest = directory.get(start..).unwrap_or_default();
                    let name = rest.split('/').next().unwrap_or_default();
                    directory.get(..start + name.len()).unwrap_or(directory)
                }
            };
            levels.push(Level { directory: next.to_owned(), patterns: self.read(next) });
        }
        // The nearest file decides first.
        let verdicts = levels.iter().rev().filter_map(|level| {
            let entry = rest_below(path, &level.directory)?;
            match level.patterns.as_ref()?.matched(entry, is_directory) {
                Match::None => None,
                verdict => Some(verdict.is_ignore()),
            }
        });
        verdicts.into_iter().next().unwrap_or(false)
    }

    /// The patterns of a directory of the tree.
    fn read(&self, directory: &str) -> Option<Gitignore> {
        let of =
            self.sources.iter().filter(|source| rest_below(directory, &source.remote).is_some());
        let source = of.max_by_key(|source| source.remote.len())?;
        match source.reach(directory) {
            Ok(SourceEntry::Directory(dir, _)) => patterns(&dir),
            _ => None,
        }
    }
}

/// The rest of `path` below a directory, where the empty path is that of the root; `None` if it is not below.
fn rest_below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    match directory {
        "" => Some(path),
        directory => below(path, directory),
    }
}

/// A line that is no pattern is passed over, as git does.
fn patterns(dir: &Dir) -> Option<Gitignore> {
    let (file, _) = open_file(dir, NAME).ok()?;
    let mut builder = GitignoreBuilder::new("");
    for line in BufReader::new(file.take(BYTES_MAX)).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let _ = builder.add_line(None, line.trim_start_matches('\u{feff}').trim_end_matches('\r'));
    }
    builder.build().ok()
}
