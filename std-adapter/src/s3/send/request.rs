//! What a client has requested: gives one entry after another, and first the questions whether the receiver has them.

use std::collections::VecDeque;

use tinyferry_core::store::Skip;

use crate::fs::Direction;
use crate::fs::error::StoreError;
use crate::fs::names::join;
use crate::s3::Access;
use crate::s3::bucket::SHORT;
use crate::s3::facts::Facts;
use crate::s3::look::marker;
use crate::s3::reader::Reader;
use crate::s3::walk::{self, Item, Walk};

/// The entries that the other end may still refuse.
const RECENT_MAX: usize = 16_384;
/// The questions that are sent before their answers are awaited.
const QUESTIONS: usize = 256;

/// What a client has requested.
#[derive(Debug)]
pub(super) struct Request {
    /// The path below the client's root.
    pub(super) path: String,
    pub(super) source: Source,
    pub(super) direction: Direction,
    pub(super) open: Option<OpenFile>,
    /// The last entries, the number of the first one, and the number of the next one.
    pub(super) recent: VecDeque<Recent>,
    pub(super) first: u32,
    pub(super) again: VecDeque<Item>,
}

#[derive(Debug)]
pub(super) enum Source {
    /// A file by itself; `None`: it was given.
    File(Option<Item>),
    Tree {
        walk: Walk,
        is_begun: bool,
        skip: Skip,
        asked: Asked,
    },
}

/// The files that are to be sent if the receiver lacks them.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The questions that are not sent yet.
    pub(super) waiting: VecDeque<Item>,
    /// Those without an answer, with the numbers of their entries.
    pub(super) unanswered: VecDeque<(u32, Item)>,
    /// Those that are sent.
    pub(super) wanted: VecDeque<Item>,
}

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) reader: Reader,
    pub(super) facts: Facts,
    pub(super) path: String,
    pub(super) position: u64,
    pub(super) crc64: u64,
}

#[derive(Debug)]
pub(super) struct Recent {
    pub(super) key: String,
    pub(super) path: String,
    pub(super) facts: Option<Facts>,
    pub(super) is_resumable: bool,
}

/// The next thing to send.
#[derive(Debug)]
pub(super) enum Next {
    Tree(Option<Facts>),
    Question(Item),
    Item(Item, bool),
}

impl Request {
    pub(super) fn next_item(&mut self, access: &Access) -> Result<Option<Next>, StoreError> {
        if let Source::Tree { is_begun, .. } = &mut self.source
            && !std::mem::replace(is_begun, true)
        {
            let whole = access.whole(&self.path);
            let key = marker(&access.bucket.key(&whole));
            let facts = if whole.is_empty() { None } else { access.bucket.head(&key, SHORT)? };
            return Ok(Some(Next::Tree(facts)));
        }
        match &mut self.source {
            Source::File(item) => {
                if let Some(item) = item.take() {
                    return Ok(Some(Next::Item(item, true)));
                }
            }
            Source::Tree { walk, skip, asked, .. } => {
                if let Some(item) = asked.wanted.pop_front() {
                    return Ok(Some(Next::Item(item, true)));
                }
                if let Some(item) = asked.waiting.pop_front() {
                    return Ok(Some(Next::Question(item)));
                }
                // The answers come before the next call.
                if !asked.unanswered.is_empty() {
                    return Ok(None);
                }
                let asks = !matches!(*skip, Skip::Nothing | Skip::SameContent);
                while let Some(item) = walk.next()? {
                    let is_file = matches!(item.entry, walk::Entry::File { .. });
                    if !asks || (!is_file && asked.waiting.is_empty()) {
                        return Ok(Some(Next::Item(item, true)));
                    }
                    if !is_file {
                        // A directory comes before its files, also where those before it are still asked about.
                        asked.wanted.push_back(item);
                        break;
                    }
                    asked.waiting.push_back(item);
                    if asked.waiting.len() >= QUESTIONS {
                        break;
                    }
                }
                if let Some(item) = asked.wanted.pop_front() {
                    return Ok(Some(Next::Item(item, true)));
                }
                if let Some(item) = asked.waiting.pop_front() {
                    return Ok(Some(Next::Question(item)));
                }
            }
        }
        Ok(self.again.pop_front().map(|item| Next::Item(item, false)))
    }

    /// Remembers an entry; returns its number.
    pub(super) fn add(&mut self, item: &Item, is_resumable: bool) -> u32 {
        let number = self.first.wrapping_add(self.recent.len() as u32);
        let (key, facts) = match &item.entry {
            walk::Entry::File { key, facts, .. } => (key.clone(), Some(facts.clone())),
            walk::Entry::Directory(_) => (String::new(), None),
        };
        self.recent.push_back(Recent { key, path: item.path.clone(), facts, is_resumable });
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        number
    }

    pub(super) fn whole_path(&self, path: &str) -> String {
        match self.source {
            Source::File(_) => self.path.clone(),
            Source::Tree { .. } => join(&self.path, path),
        }
    }
}
