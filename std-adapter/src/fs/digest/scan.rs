//! Reads a directory and all below it. Follows no links. Only the directories that were opened last are
//! open ([`DirCursor`]).

mod files;

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::cache::{Cache, DirectoryDigest};
use super::cancel::Cancel;
use super::content::ContentReader;
use super::entries::Entries;
use super::first_names::FirstNames;
use super::gather::{Gather, HASHES_MAX};
use super::left_out::LeftOut;
use super::query::Query;
use super::range::Range;
use super::{Summary, random};
use crate::fs::amount::Amount;
use crate::fs::error::StoreError;
use crate::fs::filter::Exclusion;
use crate::fs::names::{can_be_sent, join, split};
use crate::fs::sys::dir_cursor::{DirCursor, Found, is_directory, look};
use crate::fs::sys::listing::{Hint, Listing, Seen, room};
use crate::fs::sys::metadata::FileMetadata;

use self::files::Files;

/// The result to compute for the directory of the query.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) query: Query,
    /// To be filled with the entries of the range.
    pub(crate) entries: Option<&'a mut Entries>,
    /// Whether the names below are kept too, where there is room.
    pub(crate) keeps_names: bool,
}

#[derive(Debug)]
pub(crate) struct Scan<'a> {
    cache: &'a mut Cache,
    cursor: DirCursor,
    /// The length of the path of the directory that was asked for.
    top: usize,
    /// The directories from that one down to the current one.
    levels: Vec<Level>,
    files: Files<'a>,
}

/// A directory whose files are in its hashes.
#[derive(Debug)]
struct Level {
    /// Its path is the scan's up to here.
    length: usize,
    mode: Option<u32>,
    /// The directories in it that are not in its hashes yet.
    directories: Listing,
    gather: Gather,
    /// The files in it and below it, as far as they are in its hashes.
    amount: Amount,
    /// Its entries, if their names are kept.
    names: Option<Entries>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(
        cache: &'a mut Cache,
        (left_out, first_names): (&'a mut LeftOut, &'a mut FirstNames),
        dir: &Arc<Dir>,
        path: &str,
        wanted: Wanted<'a>,
        cancel: &'a Cancel,
    ) -> Self {
        let (content, path) = (ContentReader::default(), path.to_owned());
        Self {
            cache,
            cursor: DirCursor::new(Arc::clone(dir)),
            top: path.len(),
            levels: Vec::new(),
            files: Files {
                wanted,
                cancel,
                content,
                path,
                exclusion: Exclusion::default(),
                left_out,
                first_names,
            },
        }
    }

    /// Leaves out the entries of an exclusion.
    pub(crate) fn excluding(mut self, exclusion: &Exclusion) -> Self {
        self.files.exclusion = exclusion.clone();
        self
    }

    /// # Errors
    /// The directory cannot be read, or the scan was cancelled.
    pub(crate) fn run(mut self, dir: &Arc<Dir>) -> Result<Summary, StoreError> {
        self.enter(dir)?;
        loop {
            self.files.cancel.check()?;
            let Some(level) = self.levels.last_mut() else { return Err(Reason::Storage.into()) };
            self.files.path.truncate(level.length);
            if let Some((name, _)) = level.directories.pop() {
                push(&mut self.files.path, name);
                self.directory();
                continue;
            }
            let result = match level.directories.failure() {
                Some(error) => Err(error.into()),
                None if level.directories.continues() => self.go_on().map(|()| None),
                None => Ok(self.leave()),
            };
            match result {
                Ok(None) => {}
                Ok(Some(summary)) => return Ok(summary),
                Err(error) => {
                    self.levels.pop();
                    if self.levels.is_empty() {
                        return Err(error);
                    }
                    self.add(random(), Kind::Directory, Amount::default());
                }
            }
        }
    }

    /// Adds the directory at the path, or enters it.
    fn directory(&mut self) {
        let path = &self.files.path;
        if let Some(digest) = self.cache.digest(path) {
            self.add_directory(digest);
            return;
        }
        let below = path.get(self.top..).unwrap_or_default().trim_start_matches('/');
        let entered = match self.cursor.existing(below) {
            Ok(Some(dir)) => self.enter(&dir),
            // It was removed or replaced meanwhile.
            Ok(None) => Ok(()),
            Err(error) if error.reason == Reason::NotRegular => Ok(()),
            Err(error) => Err(error),
        };
        if entered.is_err() {
            self.add(random(), Kind::Directory, Amount::default());
        }
    }

    /// Reads the directory at the path: adds its files, and lists the directories in it.
    fn enter(&mut self, dir: &Dir) -> Result<(), StoreError> {
        self.files.exclusion.check(&self.files.path)?;
        let kept = self.levels.iter().map(|level| level.gather.kept()).sum();
        let range = if self.levels.is_empty() { self.files.wanted.query.range } else { Range::ALL };
        let mut gather = Gather::new(range, HASHES_MAX.saturating_sub(kept));
        let mode = FileMetadata::of(&dir.dir_metadata()?).mode;
        let (length, is_top) = (self.files.path.len(), self.levels.is_empty());
        let keeps_names = self.files.wanted.keeps_names && !is_top;
        let mut names = keeps_names.then(Entries::default);
        let (room, files) = (self.room(), &mut self.files);
        let mut amount = Amount::default();
        let directories = Listing::read(dir, room, |seen| match seen {
            Seen::Name(name, hint) => {
                let sums = (&mut gather, &mut amount);
                files.is_directory(dir, name, hint, sums, (is_top, &mut names))
            }
            Seen::NotUtf8(name) => {
                let error = StoreError::from(Reason::BadPath);
                files.left_out.add(&files.path, &name, error);
                false
            }
        })?;
        self.levels.push(Level { length, mode, directories, gather, amount, names });
        Ok(())
    }

    /// Lists more directories of a directory.
    fn go_on(&mut self) -> Result<(), StoreError> {
        let below = self.files.path.get(self.top..).unwrap_or_default().trim_start_matches('/');
        let dir = self.cursor.existing(below)?.ok_or(Reason::NotFound)?;
        let room = self.room();
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let files = &mut self.files;
        Ok(level.directories.go_on(&dir, room, |name, hint| {
            is_directory(&dir, name, hint)
                && files.can_be_sent(name)
                && !files.is_excluded(name, true)
        })?)
    }

    /// Leaves a directory that was read: adds it to the one above. Returns the summary of the first one.
    fn leave(&mut self) -> Option<Summary> {
        let level = self.levels.pop()?;
        let gathered = level.gather.finish();
        let digest =
            DirectoryDigest { total: gathered.total, mode: level.mode, amount: level.amount };
        let is_asked = self.levels.is_empty();
        self.cache.insert(&self.files.path, digest, gathered.hashes, is_asked);
        if let Some(mut names) = level.names {
            names.sort();
            self.cache.keep_names(&self.files.path, names);
        }
        if is_asked {
            return Some(gathered.summary);
        }
        self.add_directory(digest);
        None
    }

    fn add_directory(&mut self, digest: DirectoryDigest) {
        let (_, name) = split(&self.files.path);
        let parameters = self.files.wanted.query.parameters;
        let hash = parameters.hash_of_directory(name, digest.mode, digest.total);
        self.add(hash, Kind::Directory, digest.amount);
    }

    /// Adds the entry at the path to its directory.
    fn add(&mut self, hash: u64, kind: Kind, amount: Amount) {
        let is_top = self.levels.len() == 1;
        let Some(level) = self.levels.last_mut() else { return };
        level.gather.add(hash);
        level.amount += amount;
        let (_, name) = split(&self.files.path);
        if let Some(names) = &mut level.names {
            names.add(hash, name, kind, amount);
        }
        if is_top {
            self.files.wanted.list(hash, name, kind, amount);
        }
    }

    fn room(&self) -> usize {
        room(self.levels.iter().map(|level| level.directories.size()).sum())
    }
}

impl Wanted<'_> {
    fn list(&mut self, hash: u64, name: &str, kind: Kind, amount: Amount) {
        if let Some(entries) = &mut self.entries
            && self.query.range.contains(hash)
        {
            entries.add(hash, name, kind, amount);
        }
    }
}

fn push(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
}
