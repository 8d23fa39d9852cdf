//! Where the files of a test are.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A place of its own for one test: a directory that is served, and one of the client.
pub(crate) struct Place {
    pub(crate) root: TempDir,
}

impl Place {
    /// In memory, where the system has a file system of enough space there: most tests write many files.
    pub(crate) fn new() -> Self {
        const ROOM: u64 = 4 << 30;
        let memory = Path::new("/dev/shm");
        let found = rustix::fs::statvfs(memory);
        if found.is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= ROOM) {
            Self::of(tempfile::tempdir_in(memory).expect("a temporary directory"))
        } else {
            Self::on_disk()
        }
    }

    /// On the file system of temporary files: for tests of what a file system does, and of large files.
    pub(crate) fn on_disk() -> Self {
        Self::of(tempfile::tempdir().expect("a temporary directory"))
    }

    fn of(root: TempDir) -> Self {
        for name in ["served", "here"] {
            fs::create_dir(root.path().join(name)).expect("a directory");
        }
        Self { root }
    }

    pub(crate) fn served(&self, path: &str) -> PathBuf {
        self.root.path().join("served").join(path)
    }

    pub(crate) fn here(&self, path: &str) -> PathBuf {
        self.root.path().join("here").join(path)
    }
}
