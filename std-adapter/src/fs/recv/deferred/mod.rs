//! Files of a tree whose commit is deferred: the queue, and the division of its work between this
//! thread and a second one. Reports are in the order of the offers. Knows nothing of the open file.

mod report;
mod staging;
#[cfg(all(test, unix))]
mod tests;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::limits::quota::Share;
use crate::fs::names::{below, split};
use crate::fs::policy::Existing;
use crate::fs::recv::batch::{Batch, Outcome, Ticket};
use crate::fs::recv::tmpfile::{CompleteFile, TempFiles};
use crate::fs::recv::worker::{Worker, WorkerTask};
use crate::fs::recv::written::Written;
use crate::fs::sys::background::POLL_INTERVAL;
use crate::fs::sys::dir_cursor::DirCursor;

use self::staging::Durable;

/// The number of deferred commits in a tree at which a second thread is started.
const WORKER_MIN_FILES: u32 = 256;
/// The maximum number of batches that this thread finishes while the second is busy with one.
const MAX_FINISHED: usize = 8;
/// The same maximum for batches whose files stay open.
const MAX_FINISHED_OPEN: usize = 2;

/// The deferred commits of one tree.
#[derive(Debug, Default)]
pub(crate) struct DeferredCommits {
    temp_files: TempFiles,
    /// The number of deferred commits offered so far.
    files: u32,
    /// The batch that is being filled: offered after the work of the second thread.
    gathered: Batch,
    worker: Option<Worker>,
    /// Batches that this thread has finished, offered after the work of the second thread and
    /// reported after it.
    finished: VecDeque<(Arc<Batch>, Outcome)>,
    /// Memory for the next batch.
    spare: Batch,
    /// Failed commits that are not reported to the peer yet.
    failed: VecDeque<FailedFile>,
    /// `Some`: files get their names when their content is durable.
    durable: Option<Durable>,
    /// Files that are written and wait for their names; offered before the `finished` batches.
    written: Vec<Written>,
    written_bytes: u64,
    /// The treatment of a file whose name another file has.
    existing: Existing,
}

/// A deferred commit that has failed.
#[derive(Debug)]
pub(crate) struct FailedFile {
    /// That of its offer.
    pub(crate) commit_id: u16,
    pub(crate) error: StoreError,
}

/// The result of [`DeferredCommits::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    InPlace,
    Deferred,
    /// The file must be committed by way of a partial.
    Unsupported,
}

impl DeferredCommits {
    /// Sets the treatment of a file whose name another file has.
    pub(crate) fn set_existing(&mut self, existing: Existing) {
        self.existing = existing;
    }

    /// Commits a small file without a partial: at once, or deferred if it has a ticket. A deferred one keeps the `share` of
    /// the quota.
    pub(crate) fn put(
        &mut self,
        cursor: &mut DirCursor,
        path: &str,
        complete: &CompleteFile<'_>,
        ticket: Option<Ticket>,
        share: &mut Option<Share>,
        observer: &mut impl Observer,
    ) -> Result<Put, StoreError> {
        let (parent, name) = split(path);
        let dir = cursor.made(parent, None, false)?;
        self.files = self.files.saturating_add(u32::from(ticket.is_some()));
        if self.files == WORKER_MIN_FILES && self.worker.is_none() && self.is_worker_useful() {
            self.worker = Worker::start();
        }
        // No commit is deferred after a failure: the pending commits limit the number of failures.
        let may = if self.durable.is_some() {
            self.may_stage() && !cursor.may_fold()
        } else {
            self.worker.is_some() && !self.temp_files.is_impossible() && self.failed.is_empty()
        };
        let Some(ticket) = ticket.filter(|_| may) else {
            self.finish(cursor, observer);
            let is_put = self.durable.is_none() && self.temp_files.put(&dir, name, complete);
            return Ok(if is_put { Put::InPlace } else { Put::Unsupported });
        };
        self.gathered.add(&dir, path, complete, ticket, share.take());
        if self.gathered.is_full() {
            self.dispatch(cursor, observer);
        }
        Ok(Put::Deferred)
    }

    fn is_worker_useful(&self) -> bool {
        Worker::is_of_use() && (self.durable.is_some() || !self.temp_files.is_impossible())
    }

    /// Whether a pending file has the path of this directory or of one of its parents. The parent of
    /// the last file is known to be a directory.
    pub(crate) fn is_in_the_way_to(&self, directory: &str) -> bool {
        let is_as_the_last = self.gathered.last().is_some_and(|last| split(last).0 == directory);
        !is_as_the_last && self.paths().any(|path| below(directory, path).is_some())
    }

    /// Whether a pending file has this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths().any(|other| other == path)
    }

    /// The paths of all pending files.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let finished = self.finished.iter().map(|(batch, _)| &**batch);
        let written = self.written.iter().map(|written| &*written.batch);
        let waiting = finished.chain(written).chain(self.worker.iter().flat_map(Worker::current));
        waiting.chain([&self.gathered]).flat_map(Batch::paths)
    }

    /// Completes all pending commits.
    pub(crate) fn finish(&mut self, cursor: &mut DirCursor, observer: &mut impl Observer) {
        if self.gathered.last().is_some() {
            self.put_here();
        }
        self.report_finished(None, cursor, observer);
        // A report may give the second thread a new task.
        while self.worker.as_ref().is_some_and(Worker::is_busy) {
            self.report_finished(None, cursor, observer);
        }
        self.name_here(cursor, observer);
    }

    /// Completes all pending commits; returns one failed commit for each call. `Pending` after a
    /// short wait while the content of files is made durable.
    pub(crate) fn poll_flush_commits(
        &mut self,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) -> Poll<Result<(), FailedFile>> {
        if self.durable.is_some() && self.worker.is_none() && self.has_pending() {
            self.worker = Worker::start();
        }
        if self.durable.is_none() || self.worker.is_none() {
            self.finish(cursor, observer);
        } else {
            if self.gathered.last().is_some() {
                self.put_here();
            }
            let end = Instant::now() + POLL_INTERVAL;
            while self.has_pending() {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Poll::Pending;
                }
                self.report_finished(Some(left), cursor, observer);
                if let Some(worker) = self.worker.as_mut().filter(|worker| !worker.is_busy())
                    && !self.written.is_empty()
                {
                    self.written_bytes = 0;
                    let written = mem::take(&mut self.written);
                    worker.give(WorkerTask::Name(written, cursor.volumes().to_vec()));
                }
            }
        }
        Poll::Ready(self.failed.pop_front().map_or(Ok(()), Err))
    }

    /// Whether a file waits for its commit or its report.
    pub(crate) fn has_pending(&self) -> bool {
        let worker = self.worker.as_ref().is_some_and(Worker::is_busy);
        let gathered = self.gathered.last().is_some();
        worker || gathered || !self.written.is_empty() || !self.finished.is_empty()
    }

    /// Ends the tree: completes all pending commits, and releases the second thread, the memory and
    /// the descriptors.
    ///
    /// # Errors
    /// The first failure that was not reported to the peer.
    pub(crate) fn end(
        &mut self,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.finish(cursor, observer);
        let unreported = self.failed.pop_front();
        self.files = 0;
        self.gathered = Batch::default();
        self.worker = None;
        self.spare = Batch::default();
        self.failed = VecDeque::new();
        self.durable = None;
        unreported.map_or(Ok(()), |failed| Err(failed.error))
    }

    /// Frees memory and descriptors between two requests. Nothing is pending.
    pub(crate) fn free_buffers(&mut self) {
        self.temp_files.free_buffers();
        self.worker = None;
        (self.gathered, self.spare) = (Batch::default(), Batch::default());
    }

    /// Gives the gathered batch to the second thread, or processes it here while that is busy.
    fn dispatch(&mut self, cursor: &mut DirCursor, observer: &mut impl Observer) {
        self.report_finished(Some(Duration::ZERO), cursor, observer);
        let is_durable = self.durable.is_some();
        let ahead = if is_durable { MAX_FINISHED_OPEN } else { MAX_FINISHED };
        match &mut self.worker {
            Some(worker) if !worker.is_busy() => {
                let spare = mem::take(&mut self.spare);
                let gathered = Arc::new(mem::replace(&mut self.gathered, spare));
                worker.give(if is_durable {
                    WorkerTask::Write(gathered)
                } else {
                    WorkerTask::Put(gathered)
                });
            }
            _ => {
                self.put_here();
                self.report_finished(
                    timeout_unless(self.finished.len() >= ahead),
                    cursor,
                    observer,
                );
            }
        }
    }

    /// Processes the gathered batch on this thread.
    fn put_here(&mut self) {
        let mut gathered = mem::take(&mut self.gathered);
        let outcome = if self.durable.is_some() {
            gathered.write(&mut self.temp_files)
        } else {
            gathered.put(&mut self.temp_files)
        };
        if !outcome.staged.is_empty() {
            self.gathered = gathered.take_content();
        } else if outcome.failed.is_empty() {
            // The report needs neither the content nor the directories.
            self.gathered = gathered.take_memory();
        }
        self.finished.push_back((Arc::new(gathered), outcome));
    }
}

/// No timeout if the caller must wait, or a timeout of zero.
fn timeout_unless(must_wait: bool) -> Option<Duration> {
    if must_wait { None } else { Some(Duration::ZERO) }
}
