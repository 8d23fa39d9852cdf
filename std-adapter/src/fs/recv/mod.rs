//! Receives: the open file and the open tree. Knows nothing of frames and links.

pub(crate) mod batch;
mod closing;
mod committing;
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
use crate::fs::names::{join, split};
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

/// The bytes for which space is found at once where the size of a file is not known.
const GRANT: u64 = 16 * 1024;

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
        self.is_at_rest() && self.kept_times.is_empty()
    }

    fn is_at_rest(&self) -> bool {
        let is_open = self.open.is_some() || self.tree.is_some() || self.committing.is_some();
        !is_open && !self.deferred.has_pending()
    }

    /// Frees memory and descriptors between two requests.
    pub(crate) fn rest(&mut self) {
        if !self.is_at_rest() {
            return;
        }
        self.cursor.forget();
        self.cursor.forget_names();
        self.buffer = Buffer::default();
        self.deferred.rest();
        self.stats.rest();
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

    pub(crate) fn store(
        &mut self,
        position: u64,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        match self.write(position, bytes) {
            Ok(()) => {
                observer.event(Event::Moved { bytes: bytes.len() as u64 });
                Ok(bytes.len())
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
    }

    /// Stores a hole of the open file.
    pub(crate) fn store_zeros(
        &mut self,
        position: u64,
        length: u64,
        observer: &mut impl Observer,
    ) -> Result<u64, StoreError> {
        match self.write_zeros(position, length) {
            Ok(bytes) => {
                observer.event(Event::Hole { bytes });
                Ok(bytes)
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
    }

    /// The number of zeros at `position` of the open file, if its prefix has a hole there.
    pub(crate) fn hole(&mut self, position: u64) -> Option<u64> {
        self.open.as_mut()?.hole(position)
    }

    pub(crate) fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.buffer.digest(start, position, end)
    }

    pub(crate) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        let Some(incoming) = &self.open else { return Err(Reason::Storage.into()) };
        match incoming.read(&mut self.buffer, position, into) {
            Ok(count) => {
                observer.event(Event::Verified { bytes: count as u64 });
                Ok(count)
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
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

    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let synced = self.begin_write(position, bytes.len() as u64)?;
        let incoming = self.open.as_mut().ok_or(Reason::Storage)?;
        incoming.write(&mut self.cursor, &mut self.buffer, synced, position, bytes)
    }

    /// Stores zeros of a hole; returns their number.
    fn write_zeros(&mut self, position: u64, length: u64) -> Result<u64, StoreError> {
        let synced = self.begin_write(position, length)?;
        let incoming = self.open.as_mut().ok_or(Reason::Storage)?;
        incoming.write_zeros(&mut self.cursor, &mut self.buffer, synced, position, length)
    }

    /// Prepares for content of `length` bytes at `position`. Returns whether new names are made durable.
    fn begin_write(&mut self, position: u64, length: u64) -> Result<bool, StoreError> {
        let synced = self.sync.is_due(self.tree.is_some());
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.cursor, self.sync)?;
        }
        let end = position.saturating_add(length);
        self.limits.check_end(end)?;
        self.find_space(end)?;
        Ok(synced)
    }

    /// Finds space for a file without a size up to `end`, beyond the reserve and within the quota.
    fn find_space(&mut self, end: u64) -> Result<(), StoreError> {
        let Limits { reserve, quota, reservations, .. } = &self.limits;
        let Some(open) = &mut self.open else { return Ok(()) };
        let is_limited = *reserve > 0 || quota.is_some();
        if !is_limited || open.expected.size.is_some() || end <= open.granted {
            return Ok(());
        }
        let granted = end.saturating_add(GRANT);
        let more = granted.saturating_sub(open.granted);
        let dir = self.cursor.nearest(split(&open.expected.path).0)?;
        drop(reservations.reserve(&dir, more, *reserve)?);
        if let Some(quota) = quota {
            drop(quota.take(self.cursor.root(), more)?);
        }
        open.granted = granted;
        Ok(())
    }
}
