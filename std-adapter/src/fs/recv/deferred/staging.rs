//! Files that are written and get their names when their content is durable. One sync serves many
//! files. Knows nothing of the order of the reports.

use std::mem;
use std::sync::Arc;

use super::AHEAD;
use super::Later;
use super::timeout_unless;
use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::split;
use crate::fs::recv::batch::Batch;
use crate::fs::recv::batch::Outcome;
use crate::fs::recv::batch::Ticket;
use crate::fs::recv::staged::Staged;
use crate::fs::recv::staged::Written;
use crate::fs::recv::staged::name_all;
use crate::fs::recv::tmpfile::Whole;
use crate::fs::recv::worker::Done;
use crate::fs::recv::worker::Job;
use crate::fs::sys::descriptors::Descriptors;
use crate::fs::sys::dir_cursor::Place;

/// The number of open files and the number of bytes at which written files get their names.
const NAMED_AT_ONCE: usize = 128;
const NAMED_AT_ONCE_BYTES: u64 = 256 << 20;
/// Descriptors reserved for a tree: the files that wait, the files that are being named, and three
/// batches.
const DESCRIPTORS: usize = 2 * NAMED_AT_ONCE + 3 * 64;

impl Later {
    /// Begins a tree whose files get their names when their content is durable, if there are enough
    /// descriptors.
    pub(crate) fn begin_durable(&mut self, descriptors: &Descriptors) {
        self.durable = descriptors.take(DESCRIPTORS);
    }

    /// Whether files may be written now and get their names later.
    pub(crate) fn may_stage(&self) -> bool {
        self.durable.is_some() && self.failed.is_empty()
    }

    /// Whether the file of this path may be written now and get its name later. It may not in a
    /// directory that may fold names: the name must be checked again when the file is placed.
    pub(crate) fn may_stage_as(&self, place: &mut Place, path: &str) -> Result<bool, Trouble> {
        if !self.may_stage() {
            return Ok(false);
        }
        place.made(split(path).0, None, false)?;
        Ok(!place.may_fold())
    }

    /// Queues a file that is written and gets its name later.
    pub(crate) fn stage(
        &mut self,
        place: &mut Place,
        path: &str,
        (staged, bytes): (Staged, u64),
        ticket: Ticket,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let dir = place.made(split(path).0, None, false)?;
        if self.gathered.last().is_some() {
            self.put_here();
        }
        let mut batch = Batch::default();
        batch.add(&dir, path, &Whole { bytes: &[], mode: None, modified: None }, ticket);
        let outcome = Outcome { staged: vec![staged], ..Outcome::default() };
        self.finished.push_back((Arc::new(batch), outcome));
        self.written_bytes = self.written_bytes.saturating_add(bytes);
        self.report_finished(timeout_unless(self.finished.len() >= AHEAD), place, observer);
        Ok(())
    }

    /// Gives the written files their names once there are enough of them: on the second thread, or
    /// on this one if there is no second.
    pub(crate) fn name_when_many(&mut self, place: &mut Place, observer: &mut impl Observer) {
        let open = |written: &Written| written.staged.len() + written.batch.directories().count();
        if self.written.iter().map(open).sum::<usize>() < NAMED_AT_ONCE
            && self.written_bytes < NAMED_AT_ONCE_BYTES
        {
            return;
        }
        let Some(second) = &mut self.second else { return self.name_here(place, observer) };
        // If the second thread is busy, it is naming earlier files: wait for them.
        let before = second.take_back(None);
        self.written_bytes = 0;
        second.give(Job::Name(mem::take(&mut self.written), place.volumes().to_vec()));
        match before {
            Some(Done::Named(written)) => self.report_named(written, place, observer),
            Some(Done::Lost(batches)) => self.fail_lost(batches, place, observer),
            Some(Done::Batch(..)) | None => {}
        }
    }

    /// Gives the written files their names on this thread.
    pub(crate) fn name_here(&mut self, place: &mut Place, observer: &mut impl Observer) {
        if self.written.is_empty() {
            return;
        }
        self.written_bytes = 0;
        let mut written = mem::take(&mut self.written);
        name_all(&mut written, place.volumes());
        self.report_named(written, place, observer);
    }
}
