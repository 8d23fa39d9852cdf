//! A file that is being received: its parts go to the storage while later content comes in, and the record of the
//! unfinished file follows. A short file is stored at once in the end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::bucket::LONG;
use super::fault::Fault;
use super::multipart::Whole;
use super::objects::Put;
use super::resume::Resumed;
use super::room::Taken;
use super::target::{PARTS_MAX, Target, part_size};
use super::unfinished::{RECORDED_MIN, Unfinished};
use crate::fs::sys::background::{Background, POLL_INTERVAL};

/// The parts of one file that are uploaded at once.
const AT_ONCE: usize = 4;

#[derive(Debug)]
pub(super) struct Uploading {
    unfinished: Arc<Unfinished>,
    /// The content behind the last part.
    buffer: Vec<u8>,
    /// The number of the next part.
    next: usize,
    /// All content, in bytes.
    pub(super) length: u64,
    jobs: VecDeque<Job>,
    failure: Option<Fault>,
}

#[derive(Debug)]
struct Job {
    work: Background<Result<(), Fault>>,
    _taken: Option<Taken>,
}

impl Uploading {
    /// Begins a file, or continues one.
    pub(super) fn new(target: Target, resumed: Option<Resumed>) -> Self {
        let is_recorded = resumed.is_some();
        let (length, buffer, upload) = match resumed {
            Some(resumed) => (resumed.length, resumed.partial.tail, resumed.partial.upload),
            None => (0, Vec::new(), None),
        };
        let next = upload.as_ref().map_or(0, |upload| upload.parts.len()) + 1;
        let unfinished = Arc::new(Unfinished::new(target, upload, is_recorded));
        Self { unfinished, buffer, next, length, jobs: VecDeque::new(), failure: None }
    }

    fn room(&self) -> usize {
        part_size(self.unfinished.target.size, self.next).saturating_sub(self.buffer.len())
    }

    /// Whether more content can be taken now; waits a moment.
    pub(super) fn is_ready(&mut self) -> bool {
        if self.room() > 0 || self.start() || self.failure.is_some() {
            return true;
        }
        self.reap(POLL_INTERVAL);
        self.start() || self.failure.is_some()
    }

    /// Takes content; returns how much of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        while self.room() == 0 && !self.start() {
            self.check()?;
            self.reap(POLL_INTERVAL);
        }
        self.check()?;
        let count = bytes.len().min(self.room());
        self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
        self.length += count as u64;
        if self.room() == 0 {
            self.start();
        }
        Ok(count)
    }

    fn check(&mut self) -> Result<(), Fault> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Begins to upload the buffer as a part, if it is full and there is memory for a further one.
    fn start(&mut self) -> bool {
        self.reap(Duration::ZERO);
        if self.failure.is_some() {
            return false;
        }
        if self.next > PARTS_MAX {
            let what = self.unfinished.target.bucket.named("store", &self.unfinished.target.key);
            self.failure = Some(Fault::wrong(&what, "it has more parts than S3 takes"));
            return false;
        }
        let taken = match self.jobs.len() {
            0 => None,
            AT_ONCE.. => return false,
            _ => match self.unfinished.target.bucket.room.take(self.buffer.len()) {
                None => return false,
                taken => taken,
            },
        };
        let (unfinished, number) = (Arc::clone(&self.unfinished), self.next);
        let bytes = std::mem::take(&mut self.buffer);
        let work = Background::start(move || unfinished.upload(number, &bytes));
        self.next += 1;
        self.jobs.push_back(Job { work, _taken: taken });
        true
    }

    /// Removes uploads that have ended; waits up to `limit` for the oldest one.
    fn reap(&mut self, limit: Duration) {
        let mut limit = limit;
        while let Some(job) = self.jobs.front() {
            let Some(result) = job.work.wait_for(limit) else { return };
            self.jobs.pop_front();
            if let Err(fault) = self.result(result) {
                self.failure.get_or_insert(fault);
            }
            limit = Duration::ZERO;
        }
    }

    fn result(&self, result: Option<Result<(), Fault>>) -> Result<(), Fault> {
        let what = || self.unfinished.target.bucket.named("store", &self.unfinished.target.key);
        result.unwrap_or_else(|| Err(Fault::wrong(&what(), "internal error: a thread has failed")))
    }

    fn drain(&mut self) {
        while !self.jobs.is_empty() {
            self.reap(POLL_INTERVAL);
        }
    }

    /// Puts the file in place, as a whole or not at all. Blocks.
    pub(super) fn finish(mut self, crc64: u64) -> Result<(), Fault> {
        self.drain();
        self.check()?;
        let unfinished = &self.unfinished;
        let Target { bucket, key, attributes, replaces, .. } = &unfinished.target;
        if unfinished.progress().id.is_none() {
            let (body, attributes, replaces) = (self.buffer.as_slice(), *attributes, *replaces);
            bucket.put(&Put { key, body, crc64, attributes, replaces }, LONG)?;
            unfinished.forget();
            return Ok(());
        }
        if !self.buffer.is_empty() {
            unfinished.upload(self.next, &self.buffer)?;
        }
        let (id, etags) = {
            let progress = unfinished.progress();
            let etags =
                progress.parts.values().map(|(part, _)| part.etag.clone()).collect::<Vec<_>>();
            (progress.id.clone().unwrap_or_default(), etags)
        };
        let whole = Whole { size: self.length, crc64, replaces: *replaces };
        let completed = bucket.complete((key, &id), &etags, whole, LONG);
        match &completed {
            Ok(()) => unfinished.forget(),
            Err(fault) if fault.is_transient() || fault.is(403) => {}
            // A resume would fail like this.
            Err(_) => unfinished.discard(),
        }
        completed
    }

    /// Ends the file before it is complete, on another thread. `keeps`: what came is recorded, for a resume.
    pub(super) fn abandon(mut self, keeps: bool) {
        drop(Background::start(move || {
            self.drain();
            let is_lost = self.failure.as_ref().is_some_and(Fault::ends_upload);
            if !keeps || is_lost {
                self.unfinished.discard();
            } else if self.failure.is_none() && self.length >= RECORDED_MIN {
                let mut progress = self.unfinished.progress();
                self.unfinished.record(&mut progress, self.buffer);
            }
        }));
    }
}
