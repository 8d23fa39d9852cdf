//! The queue of one request: the entries that were sent, the next entry, and the entries that are sent
//! again. Knows nothing of the files' content.

mod asking;
mod linking;
mod refusals;
mod sources;

use std::collections::VecDeque;
use std::num::NonZeroU8;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Index, Kind, Skip, Stat, StatQuery};

use crate::fs::amount::Amount;
use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::filter::{Exclusion, Filter};
use crate::fs::names::join;
use crate::fs::send::hard_links::{Attempt, HardLinks};
use crate::fs::send::recent::{Fate, Recent, Role, Yielded};
use crate::fs::send::update::{Found, Question, Update};
use crate::fs::send::walk::{Item, Walk};
use crate::fs::source::SourceRoot;
use crate::fs::sys::link::FileVersion;
use crate::fs::sys::metadata::FileMetadata;

#[derive(Debug)]
pub(crate) struct SendQueue {
    /// Path of the tree that is offered; `None`: a file by itself.
    tree: Option<String>,
    stage: Stage,
    origins: Vec<SourceRoot>,
    walk: Walk,
    names_only: bool,
    /// The index of the origin of the last entry.
    origin: usize,
    recent: Recent,
    /// `None`: everything is sent.
    update: Option<Update>,
    again: VecDeque<Again>,
    /// `None`: the content of each name is sent.
    hard_links: Option<HardLinks>,
}

/// The next step after the walk.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The tree is not offered yet.
    New,
    /// The tree itself, with the metadata of its root directory; then the first origin that was not begun.
    Tree { size: Option<u64>, root: Option<FileMetadata>, next: usize },
    /// The origin of this index, if it exists.
    Source(usize),
    /// The entries that are sent again.
    Again,
}

/// A file that is sent again, or as content after it was refused as a hard link.
#[derive(Debug)]
struct Again {
    /// The index of its source.
    origin: usize,
    path: String,
    is_resumable: bool,
    /// Its content was sent for all names of this file.
    first_of: Option<FileVersion>,
}

/// The next item, before links and further names of files become operations.
#[derive(Debug)]
enum Candidate {
    Item { item: Item, is_resumable: bool, attempt: Attempt },
    Ready(Next),
}

impl Candidate {
    /// An item that was not sent before.
    fn new(item: Item) -> Self {
        Self::Item { item, is_resumable: true, attempt: Attempt::First }
    }
}

/// The next item of a request.
#[derive(Debug)]
pub(crate) enum Next {
    Tree {
        /// The bytes in all entries, where known.
        size: Option<u64>,
        mode: Option<u32>,
        modified: Option<i64>,
    },
    Item {
        item: Item,
        is_resumable: bool,
        role: Role,
    },
    /// About the path of the walk.
    Question(Kind, StatQuery),
    /// A symbolic link.
    Link {
        target: Box<str>,
    },
    /// Another name of the file with this path in the tree.
    HardLink {
        from: Box<str>,
    },
}

impl SendQueue {
    /// Sends the entries at `origins`, as a tree if there is a path.
    pub(crate) fn new(tree: Option<String>, origins: Vec<SourceRoot>, names_only: bool) -> Self {
        Self {
            stage: if tree.is_some() { Stage::New } else { Stage::Source(0) },
            origins,
            walk: Walk::new(tree.as_deref(), names_only),
            names_only,
            tree,
            origin: 0,
            recent: Recent::default(),
            update: None,
            again: VecDeque::new(),
            hard_links: None,
        }
    }

    /// The same, from a directory that this program serves.
    pub(super) fn serving(mut self) -> Self {
        self.walk.serve();
        self
    }

    pub(crate) fn next(&mut self, observer: &mut impl Observer) -> Option<Next> {
        loop {
            let candidate = self.candidate(observer)?;
            if let Some(next) = self.accept(candidate, observer) {
                return Some(next);
            }
        }
    }

    fn candidate(&mut self, observer: &mut impl Observer) -> Option<Candidate> {
        if let Stage::Tree { size, root, next } = self.stage {
            self.stage = Stage::Source(next);
            let mode = root.and_then(|attributes| attributes.mode);
            let modified = root.and_then(|attributes| attributes.modified);
            return Some(Candidate::Ready(Next::Tree { size, mode, modified }));
        }
        loop {
            if let Some(item) = self.walk.next(observer) {
                return Some(Candidate::new(item));
            }
            match self.stage {
                Stage::Source(origin) if origin < self.origins.len() => {
                    self.stage = Stage::Source(origin + 1);
                    self.origin = origin;
                    let path = self.origins.get(origin)?.remote.clone();
                    if let Some(item) = self.begin_source(&path, observer) {
                        return Some(Candidate::new(item));
                    }
                }
                Stage::New | Stage::Tree { .. } | Stage::Source(_) => self.stage = Stage::Again,
                Stage::Again => {
                    let next = self.update(observer).or_else(|| self.again());
                    let next = next.or_else(|| self.hard_link(observer));
                    if next.is_some() || self.awaits_hard_links() {
                        return next;
                    }
                    return self.check_at_end(observer).or_else(|| self.left_out(observer));
                }
            }
        }
    }

    /// The origin of the last entry.
    pub(super) fn last_origin(&self) -> Option<&SourceRoot> {
        self.origins.get(self.origin)
    }

    /// Whether a file is sent by itself.
    pub(crate) fn is_lone(&self) -> bool {
        self.tree.is_none()
    }

    /// Path of the tree; empty where there is none.
    pub(crate) fn tree_path(&self) -> &str {
        self.tree.as_deref().unwrap_or_default()
    }

    /// The path of the last entry, from the other end's root.
    pub(crate) fn path(&self) -> &str {
        self.walk.path()
    }

    /// The same, below the tree's root.
    pub(crate) fn path_in_tree(&self) -> &str {
        self.walk.path_in_tree()
    }

    /// Records that the last entry is sent.
    pub(crate) fn given(
        &mut self,
        fate: Fate,
        kind: Kind,
        size: u64,
        role: Role,
        observer: &mut impl Observer,
    ) {
        // Of a name alone no refusal matters.
        if self.names_only {
            return;
        }
        let entry = Yielded::new(self.walk.path_in_tree(), self.origin, fate, kind, size);
        self.push(Yielded { role, ..entry }, observer);
    }

    fn push(&mut self, entry: Yielded, observer: &mut impl Observer) {
        if let Some(oldest) = self.recent.push(entry) {
            self.report_done(&oldest, observer);
        }
    }

    /// Records that the content of the last entry was sent.
    pub(crate) fn sent(&mut self, size: u64, sha256: Option<[u8; 32]>) {
        if let Some(last) = self.recent.last() {
            last.sent = true;
            last.size = size;
            last.sha256 = sha256.map(Box::new);
        }
    }

    /// Records the prefix of an entry that the receiver has. Returns it if the entry is the last one.
    pub(crate) fn resumed(&mut self, entry: u32, position: u64) -> Option<u64> {
        let found = self.recent.entry(entry)?;
        found.prefix = position.min(found.size);
        let prefix = found.prefix;
        self.recent.entry(entry.checked_add(1)?).is_none().then_some(prefix)
    }

    /// Records that the receiver has completed all entries that it did not refuse.
    pub(crate) fn complete(&mut self, observer: &mut impl Observer) {
        while let Some(entry) = self.recent.pop() {
            self.report_done(&entry, observer);
        }
        if let Some(update) = &mut self.update {
            let is_same = update.is_same();
            self.report_unchanged(observer);
            observer.event(Event::Compared { is_same });
        }
        if let Some(path) = &self.tree {
            let kind = Kind::Tree;
            observer.event(Event::Done { path, kind, size: 0, prefix: 0, sha256: None });
        }
    }

    /// Reports the files that were found to be at the receiver.
    fn report_unchanged(&mut self, observer: &mut impl Observer) {
        let amount = self.update.as_mut().map(Update::take_unchanged).unwrap_or_default();
        if amount != Amount::default() {
            observer.event(Event::Unchanged { amount });
        }
    }

    fn report_done(&self, entry: &Yielded, observer: &mut impl Observer) {
        if entry.is_in_place() {
            let path = &join(self.tree_path(), &entry.path);
            let (kind, size, prefix) = (entry.kind, entry.size, entry.prefix);
            let sha256 = entry.sha256.as_deref().copied();
            observer.event(Event::Done { path, kind, size, prefix, sha256 });
        }
    }

    /// The number of entries that were left out because no path can name them.
    pub(crate) fn omitted(&self) -> u32 {
        let update = self.update.as_ref().map_or(0, Update::omitted);
        self.walk.omitted().saturating_add(update)
    }

    /// The direction of the transfer, for the events.
    pub(crate) fn direction(&self) -> Direction {
        direction(self.names_only)
    }
}

/// The direction of a request, for the events.
pub(crate) fn direction(names_only: bool) -> Direction {
    if names_only { Direction::Listing } else { Direction::Sending }
}
