//! How much is taken from the other end: sizes, counts, depths.

use tinyferry_core::error::Reason;

use crate::fs::error::Trouble;
use crate::fs::names::join;
use crate::fs::recv::partials::Kept;
use crate::fs::recv::partials::Left;
use crate::fs::sys::descriptors::Descriptors;

/// How much is taken. What goes beyond is refused, and the rest goes on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of one file, in bytes.
    pub file: u64,
    /// Of one tree: files and directories.
    pub entries: u64,
    /// Names in a path.
    pub depth: usize,
    /// What transfers that broke off may leave in all, in bytes. Beyond, the oldest is removed.
    pub partials: u64,
    /// Open files beyond the few that each store may always hold.
    pub descriptors: Descriptors,
    /// What they have left, for all stores of one server.
    pub(crate) kept: Kept,
    /// Where the store's root lies, below the server's.
    pub(crate) below: String,
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
            kept: Kept::default(),
            below: String::new(),
        }
    }
}

impl Limits {
    /// An offer: `path` below the root, the `entry` of its tree.
    pub(crate) fn check(&self, path: &str, size: Option<u64>, entry: u64) -> Result<(), Trouble> {
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
    pub(crate) fn check_end(&self, end: u64) -> Result<(), Trouble> {
        if end > self.file {
            let what = format!("no file of more than {} bytes is taken", self.file);
            return Err(Trouble::new(Reason::TooLarge, &what));
        }
        Ok(())
    }

    /// Whether a transfer that breaks off may leave so many bytes.
    pub(crate) fn may_leave(&self, bytes: u64) -> bool {
        bytes <= self.partials
    }

    /// A transfer broke off and has left a partial.
    pub(crate) fn leave(&self, left: Left) {
        let path = join(&self.below, &left.path);
        self.kept.leave(Left { path, ..left }, self.partials);
    }
}
