//! The results of deferred commits: reports them in the order of the offers, and commits a file by
//! way of a partial if the commit without one failed. Knows nothing of when the work is done.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::{DeferredCommits, FailedFile};
use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Observer};
use crate::fs::policy::{Existing, Policy};
use crate::fs::recv::batch::{Batch, Outcome, Ticket};
use crate::fs::recv::file::{Access, ExpectedFile};
use crate::fs::recv::tmpfile::CompleteFile;
use crate::fs::recv::worker::TaskResult;
use crate::fs::recv::written::Written;
use crate::fs::recv::{report_done, stored_as};
use crate::fs::sys::dir_cursor::DirCursor;
use crate::fs::sys::metadata::report_unset;

impl DeferredCommits {
    /// Reports the finished batches in order, after the work of the second thread. Waits for that
    /// until the timeout, or without a limit if there is none.
    pub(crate) fn report_finished(
        &mut self,
        timeout: Option<Duration>,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) {
        if let Some(worker) = self.worker.as_mut().filter(|worker| worker.is_busy()) {
            let is_naming = worker.is_naming();
            match worker.take_back(timeout) {
                Some(TaskResult::Batch(batch, outcome)) => {
                    self.finished.push_front((batch, outcome))
                }
                Some(TaskResult::Named(written)) => self.report_named(written, cursor, observer),
                Some(TaskResult::Lost(batches)) => self.fail_lost(batches, cursor, observer),
                // Later batches need not wait: they only join the files that wait for names.
                None if is_naming => {}
                None => return,
            }
        }
        while let Some((batch, mut outcome)) = self.finished.pop_front() {
            if outcome.staged.is_empty() {
                self.report_batch(&batch, &outcome, cursor, observer);
                if let Ok(mut spare) = Arc::try_unwrap(batch)
                    && spare.has_content()
                {
                    spare.clear();
                    self.spare = spare;
                }
                continue;
            }
            let batch = Arc::try_unwrap(batch).map_or_else(
                |batch| batch,
                |mut batch| {
                    if batch.has_content() {
                        self.spare = batch.take_content();
                    }
                    Arc::new(batch)
                },
            );
            let (staged, existing) = (mem::take(&mut outcome.staged), self.existing);
            self.written.push(Written { batch, staged, existing });
            self.name_when_many(cursor, observer);
        }
    }

    /// Reports files that have their names, or could not get them.
    pub(crate) fn report_named(
        &mut self,
        written: Vec<Written>,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) {
        for Written { batch, staged, .. } in written {
            for ((path, _, ticket), staged) in batch.files().zip(staged) {
                let result = staged.into_result();
                let result = result.and_then(|(other_name, metadata_set)| {
                    let stored = stored_as(path, other_name, observer);
                    report_unset(metadata_set, &stored, observer)?;
                    Ok(stored)
                });
                self.report_file(path, ticket, result, cursor, observer);
            }
        }
    }

    /// Handles the loss of the second thread: the state of its files is unknown.
    pub(crate) fn fail_lost(
        &mut self,
        batches: Vec<Arc<Batch>>,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) {
        if self.durable.is_none() {
            let lost = batches.into_iter().map(|batch| {
                let outcome = Outcome::none_put(&batch);
                (batch, outcome)
            });
            return lost.for_each(|lost| self.finished.push_front(lost));
        }
        for batch in batches {
            for (path, _, ticket) in batch.files() {
                self.report_file(path, ticket, Err(Reason::Storage.into()), cursor, observer);
            }
        }
    }

    /// Reports the result of one file.
    fn report_file(
        &mut self,
        path: &str,
        Ticket { commit_id, size, prefix, sha256 }: Ticket,
        result: Result<Cow<'_, str>, StoreError>,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) {
        match result {
            Ok(stored) => report_done(&stored, Kind::File, (size, prefix), sha256, observer),
            Err(error) => {
                // The remembered directory may have been moved.
                cursor.forget();
                let error = cursor.explain(error).report(path, Direction::Receiving, observer);
                self.failed.push_back(FailedFile { commit_id, error });
            }
        }
    }

    /// Reports a finished batch. Commits a failed file by way of a partial, unless a later file of
    /// the same path is in place already.
    pub(crate) fn report_batch(
        &mut self,
        batch: &Batch,
        outcome: &Outcome,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) {
        if outcome.is_impossible {
            self.temp_files.give_up();
        }
        for (index, (path, complete, ticket)) in batch.files().enumerate() {
            let is_replaced = || {
                let mut after = self.finished.iter();
                batch.has_put(path, index + 1, outcome)
                    || after.any(|(batch, outcome)| batch.has_put(path, 0, outcome))
            };
            let result = if outcome.is_put(index) || is_replaced() {
                Ok(Cow::Borrowed(path))
            } else {
                commit_by_partial(path, &complete, self.existing, cursor, observer)
            };
            self.report_file(path, ticket, result, cursor, observer);
        }
    }
}

fn commit_by_partial<'a>(
    path: &'a str,
    complete: &CompleteFile<'_>,
    existing: Existing,
    cursor: &mut DirCursor,
    observer: &mut impl Observer,
) -> Result<Cow<'a, str>, StoreError> {
    let CompleteFile { bytes, attributes } = *complete;
    let (kind, size) = (Kind::File, Some(bytes.len() as u64));
    let policy = Policy { existing, ..Policy::default() };
    let access = Arc::new(Access { policy, ..Access::default() });
    let (resume, commit_id, durable) = (0, None, false);
    let expected = ExpectedFile {
        path: path.to_owned(),
        kind,
        size,
        content: None,
        attributes,
        resume,
        access,
        commit_id,
        durable,
    };
    let other_name = expected.put(cursor, bytes, observer)?;
    Ok(stored_as(path, other_name, observer))
}
