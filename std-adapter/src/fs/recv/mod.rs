//! Receives: the open file and the open tree. Knows nothing of frames and links.

pub(crate) mod batch;
mod closing;
mod committing;
mod content;
pub(crate) mod deferred;
pub(crate) mod file;
mod kept_times;
mod link;
pub(crate) mod naming;
mod opening;
mod operate;
pub(crate) mod partial;
mod placing;
mod report;
pub(crate) mod staged;
mod stat;
pub(crate) mod tmpfile;
pub(crate) mod tree;
pub(crate) mod worker;
mod writable;
pub(crate) mod written;

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer};

use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::filter::{Exclusion, Filter};
use crate::fs::limits::Limits;
use crate::fs::names::join;
use crate::fs::policy::Policy;
use crate::fs::recv::deferred::DeferredCommits;
use crate::fs::recv::file::{Access, RecvFile};
use crate::fs::recv::partial::PartialOwner;
use crate::fs::recv::tree::Tree;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::DirCursor;
use crate::fs::sys::holes::HoleSupport;
use crate::fs::sys::sync::Sync;
use crate::loss::Loss;

use self::committing::Committing;
use self::kept_times::KeptTimes;
use self::report::{report_done, stored_as};
use self::stat::Stats;
use crate::fs::limits::reservation::SmallFiles;

#[derive(Debug)]
pub(crate) struct RecvStore {
    cursor: DirCursor,
    /// The path for the received file or tree; `None`: the path of the offer.
    target: Option<String>,
    sync: Sync,
    /// Whether a partial may have gaps: on a lossy link content is stored as it comes.
    gaps: Loss,
    access: Arc<Access>,
    limits: Limits,
    tree: Option<Tree>,
    open: Option<RecvFile>,
    committing: Option<Committing>,
    buffer: Buffer,
    deferred: DeferredCommits,
    /// Whether the other end may remove and rename entries.
    may_remove: bool,
    kept_times: KeptTimes,
    small_files: SmallFiles,
    hole_support: HoleSupport,
    stats: Stats,
}

impl RecvStore {
    pub(crate) fn new(root: Arc<Dir>, target: Option<String>, sync: Sync) -> Self {
        Self {
            cursor: DirCursor::receiving(root),
            target,
            sync,
            gaps: Loss::default(),
            access: Arc::default(),
            limits: Limits::default(),
            tree: None,
            open: None,
            committing: None,
            buffer: Buffer::default(),
            deferred: DeferredCommits::default(),
            may_remove: false,
            kept_times: KeptTimes::default(),
            small_files: SmallFiles::default(),
            hole_support: HoleSupport::default(),
            stats: Stats::default(),
        }
    }

    /// Whether no request is under way, and none has left anything that a later one of the session needs.
    pub(crate) fn is_as_new(&self) -> bool {
        self.is_idle() && self.kept_times.is_empty()
    }

    fn is_idle(&self) -> bool {
        let is_open = self.open.is_some() || self.tree.is_some() || self.committing.is_some();
        !is_open && !self.deferred.has_pending()
    }

    /// Frees memory and descriptors between two requests.
    pub(crate) fn free_buffers(&mut self) {
        if !self.is_idle() {
            return;
        }
        self.cursor.forget();
        self.cursor.forget_names();
        self.buffer = Buffer::default();
        self.deferred.free_buffers();
        self.stats.free_buffers();
    }

    /// Leaves out the entries of a tree that the patterns of a filter exclude.
    pub(crate) fn filter(&mut self, filter: &Filter) {
        self.stats.exclude(Exclusion::of_patterns(filter));
    }

    pub(crate) fn expect_gaps(&mut self, gaps: Loss) {
        self.gaps = gaps;
    }

    /// Sets the partials that the other end may resume from: it may not read all content.
    pub(crate) fn restrict(&mut self, partials: PartialOwner) {
        Arc::make_mut(&mut self.access).partials = partials;
    }

    pub(crate) fn limit(&mut self, limits: Limits) {
        Arc::make_mut(&mut self.access).partial_index = limits.partial_index.clone();
        self.limits = limits;
    }

    /// Sets how accepted entries are stored.
    pub(crate) fn govern(&mut self, policy: &Policy) {
        self.deferred.set_existing(policy.existing);
        let mode = policy.mode(Kind::Directory, None);
        self.cursor.make_directories_with(mode, policy.owner);
        Arc::make_mut(&mut self.access).policy = policy.clone();
    }

    pub(crate) fn is_receiving(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn offer(
        &mut self,
        offer: &Offer<'_>,
        observer: &mut impl Observer,
    ) -> Result<Accepted, StoreError> {
        self.close_open(true);
        if offer.kind == Kind::Tree {
            self.close_tree(observer);
        }
        if self.tree.is_none() {
            self.cursor.forget();
        }
        let is_excluded = self.tree.is_some()
            && offer.kind != Kind::Tree
            && self.stats.excludes(offer.path, offer.kind == Kind::Directory);
        if is_excluded {
            return Err(Reason::Excluded.into());
        }
        let path = match self.path_of(offer) {
            _ if offer.names_only => offer.path.to_owned(),
            Ok(path) => path,
            Err(error) => {
                let path = match (&self.tree, &self.target) {
                    (None, Some(target)) => target.clone(),
                    (tree, _) => join(tree.as_ref().map_or("", |tree| &tree.path), offer.path),
                };
                return Err(self.fail(error, &path, observer));
            }
        };
        let prefix = match self.prepare(offer, &path, observer) {
            Ok(prefix) => prefix,
            Err(error) => return Err(self.fail(error, &path, observer)),
        };
        let (path, direction) = (path.as_str(), Direction::Receiving);
        observer.event(Event::Begin {
            path,
            kind: offer.kind,
            size: offer.size,
            prefix,
            direction,
        });
        Ok(Accepted { prefix, in_order: false })
    }

    /// Commits the open file or tree on this thread.
    fn commit_here(
        &mut self,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let (kind, path, sizes, result) = match (self.open.take(), self.tree.take()) {
            (Some(mut incoming), tree) => {
                self.tree = tree;
                let size = incoming.size();
                let sizes = (size, incoming.prefix);
                let result = self.commit_entry(&mut incoming, sha256, observer);
                (incoming.expected.kind, incoming.expected.path, sizes, result)
            }
            (None, Some(mut tree)) => {
                let result = self.commit_tree(&mut tree, observer);
                (Kind::Tree, tree.path, (0, 0), result.map(|()| true))
            }
            (None, None) => return Err(Reason::Storage.into()),
        };
        self.buffer.clear();
        self.cursor.report_unset(observer);
        match result {
            Ok(false) => Ok(()),
            Ok(true) => {
                report_done(&path, kind, sizes, sha256, observer);
                Ok(())
            }
            Err(error) => Err(self.fail(error, &path, observer)),
        }
    }
}
