//! Files that are written and get their names when their content is durable. One sync serves many
//! files. Knows nothing of the order of the reports.

use std::mem;
use std::sync::Arc;

use super::{DeferredCommits, MAX_FINISHED, timeout_unless};
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::limits::quota::Share;
use crate::fs::names::split;
use crate::fs::recv::batch::{Batch, MAX_FILES, Outcome, Ticket};
use crate::fs::recv::staged::Staged;
use crate::fs::recv::tmpfile::CompleteFile;
use crate::fs::recv::worker::{TaskResult, WorkerTask};
use crate::fs::recv::written::{Written, name_all};
use crate::fs::sys::descriptors::{Descriptors, Permit};
use crate::fs::sys::dir_cursor::DirCursor;
use crate::fs::sys::metadata::Attributes;

/// The numbers of open files at which written files get their names; the first one for which there are
/// descriptors. One sync costs about as much as a hundred small files.
const MAX_UNNAMED: [usize; 3] = [512, 256, 128];
/// The number of bytes at which written files get their names.
const MAX_UNNAMED_BYTES: u64 = 256 << 20;

/// Files of a tree that are written get their names when their content is durable.
#[derive(Debug)]
pub(super) struct Durable {
    _permit: Permit,
    /// The number of open files at which they get their names.
    max_unnamed: usize,
}

impl Durable {
    /// `None`: there are not enough descriptors.
    fn begin(descriptors: &Descriptors) -> Option<Self> {
        let [.., smallest] = MAX_UNNAMED;
        MAX_UNNAMED.into_iter().find_map(|max_unnamed| {
            // The files that wait, the files that are being named, and three batches.
            let count = 2 * max_unnamed + 3 * MAX_FILES;
            // A large batch is worth less than a batch for each of several trees.
            let rest = if max_unnamed == smallest { 0 } else { 3 * count };
            let permit = descriptors.take_of(count, rest)?;
            Some(Self { _permit: permit, max_unnamed })
        })
    }
}

impl DeferredCommits {
    /// Begins a tree whose files get their names when their content is durable, if there are enough
    /// descriptors.
    pub(crate) fn begin_durable(&mut self, descriptors: &Descriptors) {
        self.durable = Durable::begin(descriptors);
    }

    /// Whether files may be written now and get their names later.
    pub(crate) fn may_stage(&self) -> bool {
        self.durable.is_some() && self.failed.is_empty()
    }

    /// Whether the file of this path may be written now and get its name later. It may not in a
    /// directory that may fold names: the name must be checked again when the file is placed.
    pub(crate) fn may_stage_as(
        &self,
        cursor: &mut DirCursor,
        path: &str,
    ) -> Result<bool, StoreError> {
        if !self.may_stage() {
            return Ok(false);
        }
        cursor.made(split(path).0, None, false)?;
        Ok(!cursor.may_fold())
    }

    /// Queues a file that is written and gets its name later. It keeps its share of the quota until then.
    pub(crate) fn stage(
        &mut self,
        cursor: &mut DirCursor,
        path: &str,
        (staged, bytes): (Staged, u64),
        ticket: Ticket,
        share: Option<Share>,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let dir = cursor.made(split(path).0, None, false)?;
        if self.gathered.last().is_some() {
            self.put_here();
        }
        let mut batch = Batch::default();
        batch.add(
            &dir,
            path,
            &CompleteFile { bytes: &[], attributes: Attributes::default() },
            ticket,
            share,
        );
        let outcome = Outcome { staged: vec![staged], ..Outcome::default() };
        self.finished.push_back((Arc::new(batch), outcome));
        self.written_bytes = self.written_bytes.saturating_add(bytes);
        self.report_finished(timeout_unless(self.finished.len() >= MAX_FINISHED), cursor, observer);
        Ok(())
    }

    /// Gives the written files their names once there are enough of them: on the second thread, or
    /// on this one if there is no second.
    pub(crate) fn name_when_many(&mut self, cursor: &mut DirCursor, observer: &mut impl Observer) {
        let open = |written: &Written| written.staged.len() + written.batch.directories().count();
        let max_unnamed = self.durable.as_ref().map_or(0, |durable| durable.max_unnamed);
        if self.written.iter().map(open).sum::<usize>() < max_unnamed
            && self.written_bytes < MAX_UNNAMED_BYTES
        {
            return;
        }
        let Some(worker) = &mut self.worker else { return self.name_here(cursor, observer) };
        // If the second thread is busy, it is naming earlier files: wait for them.
        let before = worker.take_back(None);
        self.written_bytes = 0;
        worker.give(WorkerTask::Name(mem::take(&mut self.written), cursor.volumes().to_vec()));
        match before {
            Some(TaskResult::Named(written)) => self.report_named(written, cursor, observer),
            Some(TaskResult::Lost(batches)) => self.fail_lost(batches, cursor, observer),
            Some(TaskResult::Batch(..)) | None => {}
        }
    }

    /// Gives the written files their names on this thread.
    pub(crate) fn name_here(&mut self, cursor: &mut DirCursor, observer: &mut impl Observer) {
        if self.written.is_empty() {
            return;
        }
        self.written_bytes = 0;
        let mut written = mem::take(&mut self.written);
        name_all(&mut written, cursor.volumes());
        self.report_named(written, cursor, observer);
    }
}
