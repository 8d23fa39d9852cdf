//! How much is taken from the other end: sizes, counts, depths.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tinyferry_core::error::Reason;

use super::descriptors::Descriptors;
use super::trouble::Trouble;

/// How much is taken. What goes beyond is refused, and the rest goes on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of one file, in bytes.
    pub file: u64,
    /// Of one tree: files and directories.
    pub entries: u64,
    /// Names in a path.
    pub depth: usize,
    /// What transfers that broke off may leave in all, in bytes. Beyond, only what goes on where it
    /// was is taken.
    pub partials: u64,
    /// Open files beyond the few that each store may always hold.
    pub descriptors: Descriptors,
    /// What they have left, as far as is known, for all stores of one server.
    pub(crate) left: Arc<AtomicU64>,
}

impl Default for Limits {
    /// 1 TiB, 1,000,000 entries, 64 names, 1 TiB.
    fn default() -> Self {
        Self {
            file: 1 << 40,
            entries: 1_000_000,
            depth: 64,
            partials: 1 << 40,
            descriptors: Descriptors::default(),
            left: Arc::default(),
        }
    }
}

impl Limits {
    /// An offer: `path` below the root, the `entry` of its tree.
    pub(super) fn check(&self, path: &str, size: Option<u64>, entry: u64) -> Result<(), Trouble> {
        let too_much = |what: String| Err(Trouble::new(Reason::TooLarge, &what));
        if path.split('/').count() > self.depth {
            let what = format!("its path has more than {} names", self.depth);
            return Err(Trouble::new(Reason::TooDeep, &what));
        }
        if entry > self.entries {
            return too_much(format!("the tree has more than {} entries", self.entries));
        }
        self.check_end(size.unwrap_or(0))
    }

    /// A file that reaches so far.
    pub(super) fn check_end(&self, end: u64) -> Result<(), Trouble> {
        if end > self.file {
            let what = format!("no file of more than {} bytes is taken", self.file);
            return Err(Trouble::new(Reason::TooLarge, &what));
        }
        Ok(())
    }

    /// A file of which nothing is here begins.
    pub(super) fn check_partials(&self) -> Result<(), Trouble> {
        if self.left.load(Ordering::Relaxed) > self.partials {
            let what = "transfers that broke off have left all that may be kept of them";
            return Err(Trouble::new(Reason::NoSpace, what));
        }
        Ok(())
    }

    /// A transfer broke off and leaves so many bytes.
    pub(super) fn leave(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many of them are taken up again.
    pub(super) fn take_up(&self, bytes: u64) {
        let less = |left: u64| Some(left.saturating_sub(bytes));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// All that was found.
    pub(crate) fn found(&self, bytes: u64) {
        self.left.store(bytes, Ordering::Relaxed);
    }
}
