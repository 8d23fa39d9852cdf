//! The limits of a received file or tree: sizes, counts, depths.

pub(crate) mod open_trees;
pub(crate) mod partial_index;
pub(crate) mod quota;
pub(crate) mod reservation;

use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::limits::open_trees::{OpenTree, OpenTrees};
use crate::fs::limits::partial_index::{LeftPartial, PartialIndex};
use crate::fs::limits::quota::{Quota, Quotas};
use crate::fs::limits::reservation::Reservations;
use crate::fs::names::join;
use crate::fs::sys::descriptors::Descriptors;

/// The limits of received content. An entry beyond a limit is refused; the other entries of its tree are received.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum size of a file, in bytes.
    pub file: u64,
    /// The maximum number of entries of a tree.
    pub entries: u64,
    /// The maximum number of names in a path.
    pub depth: usize,
    /// The maximum size of all partials of interrupted transfers, in bytes without holes. Beyond it the oldest is
    /// removed.
    pub partials: u64,
    /// The free space of a file system that received content leaves, in bytes.
    pub reserve: u64,
    /// Open files beyond the few that each store may always have.
    pub descriptors: Descriptors,
    /// The partials of interrupted transfers, for all stores of one server.
    pub(crate) partial_index: PartialIndex,
    /// The trees that all stores of one server receive.
    pub(crate) open_trees: OpenTrees,
    /// The space that open transfers have reserved, of all stores of one server.
    pub(crate) reservations: Reservations,
    /// The accounts of the directories that have a quota, of all stores of one server.
    pub(crate) quotas: Quotas,
    /// The quota of the store's root.
    pub(crate) quota: Option<Quota>,
    /// The path of the store's root below the server's.
    pub(crate) below: String,
}

impl Default for Limits {
    /// 1 TiB, 1,000,000 entries, 64 names, 1 TiB, no reserve.
    fn default() -> Self {
        Self {
            file: 1 << 40,
            entries: 1_000_000,
            depth: 64,
            partials: 1 << 40,
            reserve: 0,
            descriptors: Descriptors::default(),
            partial_index: PartialIndex::default(),
            open_trees: OpenTrees::default(),
            reservations: Reservations::default(),
            quotas: Quotas::default(),
            quota: None,
            below: String::new(),
        }
    }
}

impl Limits {
    /// Checks an offer: `path` below the root, the size of a file in bytes, and the number of the `entry` in its
    /// tree.
    pub(crate) fn check(
        &self,
        path: &str,
        file_size: Option<u64>,
        entry: u64,
    ) -> Result<(), StoreError> {
        let too_much = |detail: String| Err(StoreError::new(Reason::TooLarge, &detail));
        if path.split('/').count() > self.depth {
            let names = describe::count(self.depth as u64, "name", "names");
            let detail = format!("the path is too deep: it has more than {names}");
            return Err(StoreError::new(Reason::TooDeep, &detail));
        }
        if entry > self.entries {
            let entries = describe::count(self.entries, "entry", "entries");
            return too_much(format!("the tree has more than {entries}"));
        }
        self.check_end(file_size.unwrap_or(0))
    }

    /// Checks the end of a file's content.
    pub(crate) fn check_end(&self, end: u64) -> Result<(), StoreError> {
        if end > self.file {
            let limit = describe::size(self.file);
            let detail =
                format!("it is larger than is allowed: no file of more than {limit} is accepted");
            return Err(StoreError::new(Reason::TooLarge, &detail));
        }
        Ok(())
    }

    /// Whether an interrupted transfer may leave a partial of `bytes` bytes.
    pub(crate) fn may_leave(&self, bytes: u64) -> bool {
        bytes <= self.partials
    }

    /// Registers the partial of an interrupted transfer.
    pub(crate) fn add_partial(&self, left: LeftPartial) {
        let path = join(&self.below, &left.path);
        self.partial_index.add(LeftPartial { path, ..left }, self.partials);
    }

    /// The tree at `path` below the store's root is received.
    pub(crate) fn enter_tree(&self, path: &str) -> OpenTree {
        self.open_trees.enter(join(&self.below, path))
    }

    /// Whether another store receives a tree that the entry at `path` below the store's root may belong to.
    pub(crate) fn is_received_elsewhere(&self, tree: &OpenTree, path: &str) -> bool {
        tree.is_shared_at(&join(&self.below, path))
    }
}
