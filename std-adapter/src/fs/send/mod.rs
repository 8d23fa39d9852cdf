//! Sends the requested or named files, entry by entry; one file is open. Knows nothing of frames and
//! links.

mod content;
mod entry;
pub(crate) mod file;
mod followed;
pub(crate) mod hard_links;
pub(crate) mod links;
pub(crate) mod queue;
pub(crate) mod recent;
mod request;
mod total;
pub(crate) mod update;
pub(crate) mod walk;

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::path::is_sound;
use tinyferry_core::store::{Entry, Index, Kind, OperationEntry, Skip, Stat};

use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::filter::Filter;
use crate::fs::send::entry::open_entry;
use crate::fs::send::file::SendFile;
use crate::fs::send::links::LinkKinds;
use crate::fs::send::queue::{Next, SendQueue};
use crate::fs::send::request::Options;
use crate::fs::send::walk::Item;
use crate::fs::source::{Source, SourceRoot, explain};
use crate::fs::sys::buffer::Buffer;
use crate::loss::Loss;

#[derive(Debug)]
pub(crate) struct SendStore {
    /// The directory that requests are answered from; `None`: there are no requests.
    root: Option<Arc<Dir>>,
    queue: Option<SendQueue>,
    /// The next request asks for the offers only.
    names_only: bool,
    /// Options of the next request.
    options: Options,
    loss: Loss,
    /// The file of the request is followed.
    is_followed: bool,
    open: Option<SendFile>,
    buffer: Buffer,
}

impl SendStore {
    pub(crate) fn serving(root: Arc<Dir>) -> Self {
        Self {
            root: Some(root),
            queue: None,
            names_only: false,
            options: Options::default(),
            loss: Loss::default(),
            is_followed: false,
            open: None,
            buffer: Buffer::default(),
        }
    }

    /// Sends `sources`, as a tree if there is a path.
    pub(crate) fn sending(tree: Option<String>, sources: Vec<Source>) -> Self {
        let origins = sources.into_iter().map(SourceRoot::from).collect();
        let queue = Some(SendQueue::new(tree, origins, false));
        let (options, buffer) = (Options::default(), Buffer::default());
        Self {
            root: None,
            queue,
            names_only: false,
            options,
            loss: Loss::default(),
            is_followed: false,
            open: None,
            buffer,
        }
    }

    /// On a lossy link a receiver sends no index.
    pub(crate) fn expect_loss(&mut self, loss: Loss) {
        self.loss = loss;
    }

    /// Leaves out files that the receiver has.
    pub(crate) fn skip(&mut self, skip: Skip) {
        self.queue = self.queue.take().map(|queue| queue.updating(skip, self.loss.is_lossy()));
    }

    /// Asks at the end whether the receiver has the same entries.
    pub(crate) fn check_at_end(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.checking();
        }
    }

    /// Sends links of these kinds as links.
    pub(crate) fn link(&mut self, kinds: LinkKinds) {
        self.queue = self.queue.take().map(|queue| queue.linking(kinds));
    }

    /// Leaves out the entries that a filter excludes.
    pub(crate) fn filter(&mut self, filter: &Filter) {
        if let Some(queue) = &mut self.queue {
            queue.filter(filter);
        }
    }

    /// The receiver has performed an operation.
    pub(crate) fn answered(
        &mut self,
        entry: u32,
        stat: &Stat,
        index: Index<'_>,
        observer: &mut impl Observer,
    ) {
        if let Some(queue) = &mut self.queue {
            queue.answered(entry, stat, index, observer);
        }
    }

    pub(crate) fn next(
        &mut self,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<Option<Entry>, StoreError> {
        self.open = None;
        self.buffer.clear();
        let Some(queue) = &mut self.queue else { return Ok(None) };
        let (root, direction) = (self.root.as_deref(), queue.direction());
        if let Err(error) = queue.begin(observer) {
            return Err(explain(error, root).report(queue.tree_path(), direction, observer));
        }
        let (entry, path, behind) = match queue.next(observer) {
            None => {
                if !queue.is_lone() {
                    observer.event(Event::Completing);
                }
                return Ok(None);
            }
            Some(Next::Tree { size, mode, modified }) => {
                let path = queue.tree_path();
                if !is_sound(path) || path.ends_with('/') {
                    let error = StoreError::from(Reason::BadPath);
                    return Err(error.report(path, direction, observer));
                }
                let entry = Entry {
                    kind: Kind::Tree,
                    path: path.len(),
                    size,
                    modified,
                    mode,
                    resumable: false,
                    broken: None,
                    content: None,
                    operation: None,
                };
                (entry, path, Box::default())
            }
            Some(Next::Question(kind, query)) => {
                let path = queue.path_in_tree();
                let operation = OperationEntry::Stat(query);
                (Entry::operation(kind, path.len(), operation), path, Box::default())
            }
            Some(Next::Link { target }) => {
                let path = queue.path_in_tree();
                let operation = OperationEntry::Link { target: target.len() };
                (Entry::operation(Kind::File, path.len(), operation), path, target)
            }
            Some(Next::HardLink { from }) => {
                let path = queue.path_in_tree();
                let operation = OperationEntry::HardLink { from: from.len() };
                (Entry::operation(Kind::File, path.len(), operation), path, from)
            }
            Some(Next::Item { item, is_resumable, role }) => {
                let item = match item {
                    Item::Broken(kind, attributes, error) => {
                        Item::Broken(kind, attributes, explain(error, root))
                    }
                    item => item,
                };
                let follows = self.is_followed;
                let (entry, open) = open_entry(queue, item, is_resumable, role, follows, observer);
                self.open = open;
                (entry, queue.path_in_tree(), Box::default())
            }
        };
        // Sound paths always fit.
        let (path, behind) = (path.as_bytes(), behind.as_bytes());
        let into = into.get_mut(..path.len() + behind.len()).ok_or(Reason::NameTooLong)?;
        let (before, after) = into.split_at_mut(path.len());
        before.copy_from_slice(path);
        after.copy_from_slice(behind);
        Ok(Some(entry))
    }

    pub(crate) fn refused(
        &mut self,
        entry: u32,
        reason: Reason,
        words: &str,
        observer: &mut impl Observer,
    ) -> bool {
        let Some(queue) = &mut self.queue else { return false };
        queue.refused(entry, reason, words, observer)
    }

    /// The other end refuses the tree.
    pub(crate) fn tree_refused(
        &mut self,
        reason: Reason,
        detail: &str,
        observer: &mut impl Observer,
    ) {
        let Some(queue) = &self.queue else { return };
        let (path, direction, at_peer) = (queue.tree_path(), queue.direction(), true);
        observer.event(Event::Failed { path, direction, reason, detail, at_peer });
    }

    pub(crate) fn resumed(&mut self, entry: u32, position: u64, observer: &mut impl Observer) {
        let Some(queue) = &mut self.queue else { return };
        if let (Some(prefix), Some(open)) = (queue.resumed(entry, position), &mut self.open) {
            open.prefix = prefix;
            if prefix > open.loaded {
                open.loaded = prefix;
                observer.event(Event::Resumed { prefix });
            }
        }
    }

    /// The receiver has completed the request.
    pub(crate) fn complete(&mut self, observer: &mut impl Observer) {
        if let Some(queue) = &mut self.queue {
            queue.complete(observer);
        }
        self.close();
    }

    /// The number of entries that were left out because no path can name them.
    pub(crate) fn omitted(&self) -> u32 {
        self.queue.as_ref().map_or(0, SendQueue::omitted)
    }

    /// Closes the request.
    pub(crate) fn close(&mut self) {
        self.queue = None;
        self.is_followed = false;
        self.open = None;
        self.buffer.clear();
    }

    /// The same, and frees all memory between two requests.
    pub(crate) fn free_buffers(&mut self) {
        self.close();
        self.buffer = Buffer::default();
    }

    /// Reports that the last entry cannot be sent.
    fn fail(&mut self, error: StoreError, observer: &mut impl Observer) -> StoreError {
        match &mut self.queue {
            Some(queue) => queue.fail(error, observer),
            None => error,
        }
    }
}
