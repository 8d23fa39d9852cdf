//! The entries of a tree in the bucket, in the order of their keys, a page at a time.

use std::collections::VecDeque;
use std::num::NonZeroU8;
use std::sync::Arc;

use super::Access;
use super::ahead::fetch;
use super::bucket::SHORT;
use super::facts::Facts;
use super::listing::{Listed, PAGE};
use super::look::marker;
use crate::fs::Filter;
use crate::fs::error::StoreError;
use crate::fs::names::{ancestors, can_all_be_sent, split};

/// The entries whose facts are fetched at once.
const BATCH: usize = 64;
/// The content of files up to this size comes with their facts, in bytes.
const SMALL: u64 = 64 << 10;

/// An entry of the tree.
#[derive(Debug)]
pub(super) struct Item {
    /// Below the tree.
    pub(super) path: String,
    pub(super) entry: Entry,
}

#[derive(Debug)]
pub(super) enum Entry {
    /// A directory; without a marker it has no facts.
    Directory(Option<Facts>),
    /// A file, and its content if that has come with the facts.
    File { key: String, facts: Facts, content: Option<Vec<u8>> },
}

/// What is wanted of the entries.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) depth: Option<NonZeroU8>,
    pub(super) filter: Filter,
    /// Whether the content of small files comes with their facts.
    pub(super) has_content: bool,
}

#[derive(Debug)]
pub(super) struct Walk {
    access: Arc<Access>,
    /// The begin of the keys of all entries.
    prefix: String,
    wanted: Wanted,
    position: Position,
    /// Entries that were listed and not fetched.
    listed: VecDeque<(String, Option<Listed>)>,
    ready: VecDeque<Item>,
    /// The last path of a directory that was listed.
    last: String,
    /// The entries whose paths are not allowed.
    pub(super) omitted: u32,
}

#[derive(Debug)]
enum Position {
    Begin,
    Token(String),
    End,
}

impl Walk {
    /// Walks the tree at a path below the client's root.
    pub(super) fn new(access: &Arc<Access>, path: &str, wanted: Wanted) -> Self {
        let whole = access.whole(path);
        let bucket = &access.bucket;
        let prefix = if whole.is_empty() { bucket.key("") } else { marker(&bucket.key(&whole)) };
        Self {
            access: Arc::clone(access),
            prefix,
            wanted,
            position: Position::Begin,
            listed: VecDeque::new(),
            ready: VecDeque::new(),
            last: String::new(),
            omitted: 0,
        }
    }

    /// The next entry. Blocks.
    pub(super) fn next(&mut self) -> Result<Option<Item>, StoreError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.listed.is_empty() {
                let token = match &self.position {
                    Position::End => return Ok(None),
                    Position::Begin => None,
                    Position::Token(token) => Some(token.clone()),
                };
                self.list(token.as_deref())?;
                continue;
            }
            self.fetch()?;
        }
    }

    fn list(&mut self, token: Option<&str>) -> Result<(), StoreError> {
        let is_level = self.wanted.depth.is_some_and(|depth| depth.get() == 1);
        let bucket = &self.access.bucket;
        let page = bucket.list(&self.prefix, is_level, token, PAGE, SHORT)?;
        self.position = page.next.map_or(Position::End, Position::Token);
        let objects = page.objects.into_iter().map(|object| (object.key.clone(), Some(object)));
        let directories = page.prefixes.into_iter().map(|key| (key, None));
        let mut keys: Vec<_> = objects.chain(directories).collect();
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, object) in keys {
            self.add(&key, object);
        }
        Ok(())
    }

    /// Adds the entry of a key, and the directories above it that have none of their own.
    fn add(&mut self, key: &str, object: Option<Listed>) {
        let Some(below) = key.strip_prefix(&self.prefix) else { return };
        let is_directory = below.ends_with('/');
        let path = below.strip_suffix('/').unwrap_or(below);
        // The marker of the tree itself.
        if path.is_empty() {
            return;
        }
        if !can_all_be_sent(path) {
            let records = super::partial::DIRECTORY;
            let is_record = path.split('/').any(|name| name == records);
            self.omitted = self.omitted.saturating_add(u32::from(!is_record));
            return;
        }
        let depth = self.wanted.depth.map_or(usize::MAX, |depth| depth.get().into());
        let mut above: Vec<&str> = ancestors(path).collect();
        above.reverse();
        if is_directory {
            above.push(path);
        }
        for directory in above {
            let is_known = self.last == directory
                || self.last.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
            let is_shallow = directory.split('/').count() <= depth;
            if is_known || !is_shallow || self.wanted.filter.excludes(directory, true) {
                continue;
            }
            let marker = object.clone().filter(|_| is_directory && directory == path);
            self.listed.push_back((directory.to_owned(), marker));
            self.last = directory.to_owned();
        }
        let is_shallow = path.split('/').count() <= depth;
        if let Some(object) = object.filter(|_| !is_directory && is_shallow)
            && !self.wanted.filter.excludes(path, false)
        {
            self.last = split(path).0.to_owned();
            self.listed.push_back((path.to_owned(), Some(object)));
        }
    }

    /// Fetches the facts of the next entries.
    fn fetch(&mut self) -> Result<(), StoreError> {
        let count = self.listed.len().min(BATCH);
        let batch: Vec<_> = self.listed.drain(..count).collect();
        let is_level = self.wanted.depth.is_some_and(|depth| depth.get() == 1);
        // The prefixes of a level do not tell whether there is a marker.
        let objects: Vec<Listed> = batch
            .iter()
            .filter_map(|(path, object)| match object {
                None if is_level => {
                    let (key, size) = ([&self.prefix, path.as_str(), "/"].concat(), u64::MAX);
                    Some(Listed { key, size, version: Default::default() })
                }
                object => object.clone(),
            })
            .collect();
        let largest = self.wanted.has_content.then_some(SMALL);
        // Some storages list a directory from which all was removed.
        let is_gone = |path: &str| {
            let prefix = [&self.prefix, path, "/"].concat();
            let page = self.access.bucket.list(&prefix, false, None, 1, SHORT);
            page.map(|page| page.objects.is_empty())
        };
        let mut fetched = fetch(&self.access.bucket, &objects, largest, SHORT).into_iter();
        for (path, object) in batch {
            let found = match (&object, is_level) {
                (None, false) => None,
                _ => fetched.next().transpose()?.flatten(),
            };
            let entry = match (object, found) {
                (Some(object), Some(found)) if !object.key.ends_with('/') => {
                    let content = found.content;
                    Entry::File { key: object.key, facts: found.facts, content }
                }
                // It has been deleted since it was listed.
                (Some(object), None) if !object.key.ends_with('/') => continue,
                (None, _) if is_level && is_gone(&path)? => continue,
                (_, found) => Entry::Directory(found.map(|found| found.facts)),
            };
            self.ready.push_back(Item { path, entry });
        }
        Ok(())
    }
}
