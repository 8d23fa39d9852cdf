//! The directories that keep their times when entries are removed from them: those whose times the other end
//! has set. A mirror removes entries after it has set the times of their directories.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use cap_std::fs::Dir;

use crate::describe;
use crate::fs::event::{Event, Observer};
use crate::fs::sys::metadata::{FileMetadata, set_time};
use crate::fs::sys::sync::open_itself;

/// The maximum number of directories that are remembered.
const MAX_DIRECTORIES: usize = 1 << 16;

/// The directories that keep their times.
#[derive(Debug)]
pub(super) enum KeptTimes {
    All,
    /// Those with these hashes of their paths.
    Of {
        paths: HashSet<u64>,
        hasher: RandomState,
    },
}

impl Default for KeptTimes {
    fn default() -> Self {
        Self::Of { paths: HashSet::new(), hasher: RandomState::new() }
    }
}

impl KeptTimes {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Of { paths, .. } if paths.is_empty())
    }

    /// Adds a directory whose time the other end sets.
    pub(super) fn add(&mut self, path: &str) {
        if let Self::Of { paths, hasher } = self
            && paths.len() < MAX_DIRECTORIES
        {
            paths.insert(hasher.hash_one(path));
        }
    }

    /// The time of the directory at `path`, in nanoseconds since 1970, if it is to be kept.
    pub(super) fn time_of(&self, path: &str, dir: &Dir) -> Option<i64> {
        let is_kept = match self {
            Self::All => true,
            Self::Of { paths, hasher } => paths.contains(&hasher.hash_one(path)),
        };
        let metadata = dir.dir_metadata().ok().filter(|_| is_kept)?;
        FileMetadata::of(&metadata).modified
    }
}

/// Sets the time of the directory at `path` again.
pub(super) fn restore(dir: &Dir, path: &str, time: i64, observer: &mut impl Observer) {
    if let Err(error) = open_itself(dir).and_then(|it| set_time(&it, Some(time))) {
        observer.event(Event::Unset { path, detail: &describe::os_error(&error) });
    }
}
