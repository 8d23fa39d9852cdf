//! The file systems of a tree: others may be mounted below its directory.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;

use crate::fs::sys::sync::handle;
use crate::fs::sys::sync_failures;
use crate::fs::sys::sync_failures::synchronise_all;

/// The maximum number of file systems of a tree.
const MAX_VOLUMES: usize = 32;

/// A file system, open since before anything was written to it: the system reports a failed write
/// only to processes that had the file system open, and not to later ones.
#[derive(Debug)]
pub(crate) struct Volume {
    device: u64,
    /// `None`: it cannot be synchronised as a whole.
    handle: Option<File>,
    /// Whether it was synchronised as a whole before.
    has_synchronised: AtomicBool,
}

/// The result of synchronising file systems as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Synchronised {
    All,
    /// One of them refused or failed. Each file is to be synchronised by itself; its result is that of the file.
    Unknown,
}

impl Volume {
    fn synchronise(&self) -> io::Result<Synchronised> {
        let Some(handle) = &self.handle else { return Ok(Synchronised::Unknown) };
        match synchronise_all(handle) {
            Ok(()) => {
                self.has_synchronised.store(true, Ordering::Relaxed);
                Ok(Synchronised::All)
            }
            Err(error) if sync_failures::is_of_storage(&error) => {
                sync_failures::remember(self.device);
                Err(error)
            }
            Err(_) => Ok(Synchronised::Unknown),
        }
    }
}

/// Synchronises file systems before files on them get their names.
pub(crate) fn synchronise_content(volumes: &[Arc<Volume>]) -> Synchronised {
    let mut all = Synchronised::All;
    for volume in volumes {
        if !matches!(volume.synchronise(), Ok(Synchronised::All)) {
            all = Synchronised::Unknown;
        }
    }
    all
}

/// The file systems of one tree.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    list: Vec<Arc<Volume>>,
}

impl Volumes {
    /// Adds the file system of `dir`.
    pub(crate) fn enter(&mut self, dir: &Dir) -> io::Result<()> {
        let device = sync_failures::device(&dir.dir_metadata()?);
        if self.list.iter().any(|volume| volume.device == device) {
            return Ok(());
        }
        if self.list.len() >= MAX_VOLUMES {
            let detail = format!("the tree reaches into more than {MAX_VOLUMES} file systems");
            return Err(io::Error::other(detail));
        }
        let handle = handle(dir).ok();
        self.list.push(Arc::new(Volume { device, handle, has_synchronised: false.into() }));
        Ok(())
    }

    pub(crate) fn list(&self) -> &[Arc<Volume>] {
        &self.list
    }

    /// Whether the end of the tree makes the files of a file system durable, as far as one can know: it was
    /// synchronised as a whole before.
    pub(crate) fn covers(&self, device: u64) -> bool {
        let covers = |volume: &Arc<Volume>| {
            volume.device == device && volume.has_synchronised.load(Ordering::Relaxed)
        };
        self.list.iter().any(covers)
    }

    /// Makes the names of a complete tree durable.
    ///
    /// # Errors
    /// Content was not stored.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut result = Ok(());
        for volume in &self.list {
            // Otherwise its directories were synchronised one by one.
            result = result.and(volume.synchronise().map(|_| ()));
        }
        result
    }
}
