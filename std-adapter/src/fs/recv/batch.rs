//! Batches of small complete files, before their commit. Knows nothing of threads, or of the handling of a
//! file whose commit failed.

use std::ops::Range;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::fs::limits::quota::Share;
use crate::fs::recv::staged::Staged;
use crate::fs::recv::tmpfile::{CompleteFile, TempFiles};
use crate::fs::sys::metadata::Attributes;

/// The maximum number of files in a batch.
pub(crate) const MAX_FILES: usize = 64;
/// The number of bytes at which a batch is full.
const FULL_BYTES: usize = 256 * 1024;
/// The maximum number of directories; they stay open, and a server must not run out of open files.
const MAX_DIRS: usize = 8;

/// Files that wait for their commit; the memory is reused.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    files: Vec<BatchFile>,
    dirs: Vec<Arc<Dir>>,
    paths: String,
    bytes: Vec<u8>,
    /// The share of the quota for all of its files.
    share: Option<Share>,
}

/// The report of a file when it is in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) commit_id: u16,
    pub(crate) size: u64,
    /// The number of bytes that were here before.
    pub(crate) prefix: u64,
    pub(crate) sha256: Option<[u8; 32]>,
}

#[derive(Debug)]
struct BatchFile {
    dir: usize,
    path: Range<usize>,
    /// The last name of the path.
    name: Range<usize>,
    bytes: Range<usize>,
    attributes: Attributes,
    ticket: Ticket,
}

/// The result of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The indices of the files that are not in place, in order.
    pub(crate) failed: Vec<usize>,
    /// Whether the file system cannot commit files in this way.
    pub(crate) is_impossible: bool,
    /// The files, if they are written and have no names yet.
    pub(crate) staged: Vec<Staged>,
}

impl Outcome {
    pub(crate) fn none_put(batch: &Batch) -> Self {
        let failed = (0..batch.files.len()).collect();
        Self { failed, is_impossible: true, staged: Vec::new() }
    }

    pub(crate) fn is_put(&self, index: usize) -> bool {
        self.failed.binary_search(&index).is_err()
    }
}

impl Batch {
    /// Adds a file for `path`; `dir` is its directory, and `share` its share of the quota.
    pub(crate) fn add(
        &mut self,
        dir: &Arc<Dir>,
        path: &str,
        complete: &CompleteFile<'_>,
        ticket: Ticket,
        share: Option<Share>,
    ) {
        Share::join(&mut self.share, share);
        if !self.dirs.last().is_some_and(|last| Arc::ptr_eq(last, dir)) {
            self.dirs.push(Arc::clone(dir));
        }
        let (path_from, bytes_from) = (self.paths.len(), self.bytes.len());
        self.paths.push_str(path);
        self.bytes.extend_from_slice(complete.bytes);
        let name_from = path.rfind('/').map_or(path_from, |slash| path_from + slash + 1);
        self.files.push(BatchFile {
            dir: self.dirs.len() - 1,
            path: path_from..self.paths.len(),
            name: name_from..self.paths.len(),
            bytes: bytes_from..self.bytes.len(),
            attributes: complete.attributes,
            ticket,
        });
    }

    /// Whether the batch is to be committed.
    pub(crate) fn is_full(&self) -> bool {
        self.files.len() >= MAX_FILES
            || self.bytes.len() >= FULL_BYTES
            || self.dirs.len() >= MAX_DIRS
    }

    /// Puts the files in place, one after another.
    pub(crate) fn put(&self, temp_files: &mut TempFiles) -> Outcome {
        let mut outcome = Outcome::default();
        for (index, file) in self.files.iter().enumerate() {
            let name = self.paths.get(file.name.clone()).unwrap_or_default();
            let is_put = self
                .dirs
                .get(file.dir)
                .is_some_and(|dir| temp_files.put(dir, name, &self.complete(file)));
            if !is_put {
                outcome.failed.push(index);
            }
        }
        outcome.is_impossible = temp_files.is_impossible();
        outcome
    }

    /// Writes the files; they get their names later.
    pub(crate) fn write(&self, temp_files: &mut TempFiles) -> Outcome {
        let mut outcome = Outcome::default();
        for (file, (dir, name)) in self.files.iter().zip(self.places()) {
            outcome.staged.push(Staged::write(dir, name, &self.complete(file), temp_files));
        }
        outcome.is_impossible = temp_files.is_impossible();
        outcome
    }

    /// The directory and the name of each file.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Arc<Dir>, &str)> {
        self.files.iter().filter_map(|file| {
            let name = self.paths.get(file.name.clone()).unwrap_or_default();
            Some((self.dirs.get(file.dir)?, name))
        })
    }

    pub(crate) fn directories(&self) -> impl Iterator<Item = &Arc<Dir>> {
        self.dirs.iter()
    }

    /// Drops the content of the files, but not their paths; returns its memory in an empty batch.
    pub(crate) fn take_content(&mut self) -> Self {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        Self { bytes, ..Self::default() }
    }

    /// Every file in order: its path, its content and metadata, and its ticket.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, CompleteFile<'_>, Ticket)> {
        self.files.iter().map(|file| (self.path(file), self.complete(file), file.ticket))
    }

    /// The paths of the files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| self.path(file))
    }

    /// The path of the last file.
    pub(crate) fn last(&self) -> Option<&str> {
        self.files.last().map(|file| self.path(file))
    }

    /// Whether a file of this path, at the index `from` or later, was put in place.
    pub(crate) fn has_put(&self, path: &str, from: usize, outcome: &Outcome) -> bool {
        let mut paths = self.paths().enumerate().skip(from);
        paths.any(|(index, other)| other == path && outcome.is_put(index))
    }

    /// Drops the content and the directories of the files; returns the memory in an empty batch.
    pub(crate) fn take_memory(&mut self) -> Self {
        self.dirs.clear();
        self.take_content()
    }

    pub(crate) fn has_content(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Drops all files; the memory is used again.
    pub(crate) fn clear(&mut self) {
        self.files.clear();
        self.dirs.clear();
        self.paths.clear();
        self.bytes.clear();
        self.share = None;
    }

    fn path(&self, file: &BatchFile) -> &str {
        self.paths.get(file.path.clone()).unwrap_or_default()
    }

    fn complete(&self, file: &BatchFile) -> CompleteFile<'_> {
        let bytes = self.bytes.get(file.bytes.clone()).unwrap_or_default();
        CompleteFile { bytes, attributes: file.attributes }
    }
}
