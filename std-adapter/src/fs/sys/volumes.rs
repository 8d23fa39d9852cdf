//! The file systems that a tree goes to: its directory may have others mounted below it.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::fs::sys::sync::handle;
use crate::fs::sys::sync_failures;
use crate::fs::sys::sync_failures::synchronise_all;

/// No tree goes to more of them.
const MOST: usize = 32;

/// A file system, open since before anything was written to it: the system reports a failed write
/// to those alone who had the file system open, and not again to those who open it later.
#[derive(Debug)]
pub(crate) struct Volume {
    device: u64,
    /// `None`: it cannot be synchronised as a whole.
    handle: Option<File>,
}

/// The result of synchronising file systems as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Synchronised {
    All,
    /// One of them refused or failed: each file is to be synchronised by itself, and the result tells
    /// which file is not stored.
    Unknown,
}

impl Volume {
    fn synchronise(&self) -> io::Result<Synchronised> {
        let Some(handle) = &self.handle else { return Ok(Synchronised::Unknown) };
        match synchronise_all(handle) {
            Ok(()) => Ok(Synchronised::All),
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
    /// Something goes into `dir`.
    pub(crate) fn enter(&mut self, dir: &Dir) -> io::Result<()> {
        let device = sync_failures::device(&dir.dir_metadata()?);
        if self.list.iter().any(|volume| volume.device == device) {
            return Ok(());
        }
        if self.list.len() >= MOST {
            let what = format!("the tree reaches into more than {MOST} file systems");
            return Err(io::Error::other(what));
        }
        let handle = handle(dir).ok();
        self.list.push(Arc::new(Volume { device, handle }));
        Ok(())
    }

    pub(crate) fn list(&self) -> &[Arc<Volume>] {
        &self.list
    }

    /// All of the tree is in place: makes its names outlast a loss of power.
    ///
    /// # Errors
    /// Something was not stored.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut result = Ok(());
        for volume in &self.list {
            // Where that cannot be done, its directories were synchronised one by one.
            result = result.and(volume.synchronise().map(|_| ()));
        }
        result
    }
}
