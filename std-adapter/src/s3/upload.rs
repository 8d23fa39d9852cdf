//! A file that is being received: its parts go to the storage while later content comes in, and the record of the
//! unfinished file follows. A short file is stored at once in the end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tinyferry_core::checksum::Checksums as _;

use super::bucket::{Bucket, LONG, SHORT};
use super::facts::Attributes;
use super::fault::Fault;
use super::multipart::{Part, Whole};
use super::objects::Put;
use super::partial::{Partial, Recorded};
use super::resume::Resumed;
use super::room::Taken;
use crate::checksum::Fast;
use crate::fs::sys::background::{Background, POLL_INTERVAL};

/// The usual size of a part, in bytes; S3 takes no part below 5 MiB before the last one.
pub(super) const PART: usize = 8 << 20;
/// The maximum number of parts.
const PARTS_MAX: usize = 10_000;
/// The parts of one file that are uploaded at once.
const AT_ONCE: usize = 4;
/// An unfinished file below this length is not recorded, in bytes.
pub(super) const RECORDED_MIN: u64 = 64 << 10;

/// The object that a file becomes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: String,
    /// The key of the record of the unfinished file.
    pub(super) record: String,
    pub(super) attributes: Attributes,
    /// The client that may continue it; empty: none without the right to read.
    pub(super) owner: String,
    /// Whether it replaces an object.
    pub(super) replaces: bool,
    /// In bytes, where known.
    pub(super) size: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Uploading {
    shared: Arc<Shared>,
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

#[derive(Debug)]
struct Shared {
    target: Target,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The number of the upload, when it has begun.
    id: Option<String>,
    parts: BTreeMap<usize, (Part, u64)>,
    is_recorded: bool,
}

/// The size of a part so that a file of this size has no more parts than S3 takes. Where the size is not known, parts grow.
fn part_size(size: Option<u64>, number: usize) -> usize {
    match size {
        Some(size) => {
            let least = size.div_ceil(PARTS_MAX as u64).next_multiple_of(1 << 20);
            PART.max(usize::try_from(least).unwrap_or(usize::MAX))
        }
        None => PART * (1 + (number - 1) / 1000),
    }
}

impl Uploading {
    /// Begins a file, or continues one.
    pub(super) fn new(target: Target, resumed: Option<Resumed>) -> Self {
        let mut progress = Progress::default();
        let (mut buffer, mut length) = (Vec::new(), 0);
        if let Some(resumed) = resumed {
            progress.is_recorded = true;
            length = resumed.length;
            buffer = resumed.partial.tail;
            if let Some(Recorded { id, parts }) = resumed.partial.upload {
                progress.id = Some(id);
                progress.parts = (1..).zip(parts).collect();
            }
        }
        let next = progress.parts.len() + 1;
        let shared = Arc::new(Shared { target, progress: Mutex::new(progress) });
        Self { shared, buffer, next, length, jobs: VecDeque::new(), failure: None }
    }

    fn room(&self) -> usize {
        part_size(self.shared.target.size, self.next).saturating_sub(self.buffer.len())
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
            let what = self.shared.target.bucket.named("store", &self.shared.target.key);
            self.failure = Some(Fault::wrong(&what, "it has more parts than S3 takes"));
            return false;
        }
        let taken = match self.jobs.len() {
            0 => None,
            AT_ONCE.. => return false,
            _ => match self.shared.target.bucket.room.take(self.buffer.len()) {
                None => return false,
                taken => taken,
            },
        };
        let (shared, number) = (Arc::clone(&self.shared), self.next);
        let bytes = std::mem::take(&mut self.buffer);
        let work = Background::start(move || shared.upload(number, &bytes));
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
        let what = || self.shared.target.bucket.named("store", &self.shared.target.key);
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
        let shared = &self.shared;
        let Target { bucket, key, attributes, replaces, .. } = &shared.target;
        if shared.progress().id.is_none() {
            let (body, attributes, replaces) = (self.buffer.as_slice(), *attributes, *replaces);
            bucket.put(&Put { key, body, crc64, attributes, replaces }, LONG)?;
            shared.forget();
            return Ok(());
        }
        if !self.buffer.is_empty() {
            shared.upload(self.next, &self.buffer)?;
        }
        let (id, etags) = {
            let progress = shared.progress();
            let etags =
                progress.parts.values().map(|(part, _)| part.etag.clone()).collect::<Vec<_>>();
            (progress.id.clone().unwrap_or_default(), etags)
        };
        let whole = Whole { size: self.length, crc64, replaces: *replaces };
        let completed = bucket.complete((key, &id), &etags, whole, LONG);
        match &completed {
            Ok(()) => shared.forget(),
            Err(fault) if fault.is_transient() || fault.is(403) => {}
            // A resume would fail like this.
            Err(_) => shared.discard(),
        }
        completed
    }

    /// Ends the file before it is complete, on another thread. `keeps`: what came is recorded, for a resume.
    pub(super) fn abandon(mut self, keeps: bool) {
        drop(Background::start(move || {
            self.drain();
            if !keeps {
                self.shared.discard();
            } else if self.failure.is_none() && self.length >= RECORDED_MIN {
                let mut progress = self.shared.progress();
                self.shared.record(&mut progress, self.buffer);
            }
        }));
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upload(&self, number: usize, bytes: &[u8]) -> Result<(), Fault> {
        let Target { bucket, key, attributes, .. } = &self.target;
        let id = {
            let mut progress = self.progress();
            match &progress.id {
                Some(id) => id.clone(),
                None => {
                    let id = bucket.begin_upload(key, *attributes, LONG)?;
                    progress.id.insert(id).clone()
                }
            }
        };
        let crc64 = Fast::crc64(0, bytes);
        let part = bucket.put_part((key, &id), number, (bytes, crc64), LONG)?;
        let mut progress = self.progress();
        progress.parts.insert(number, (part, crc64));
        self.record(&mut progress, Vec::new());
        Ok(())
    }

    /// Writes the record: the parts up to the first gap. Without it the file is complete all the same.
    fn record(&self, progress: &mut Progress, tail: Vec<u8>) {
        let parts: Vec<_> = (1..)
            .zip(&progress.parts)
            .take_while(|(expected, (number, _))| expected == *number)
            .map(|(_, (_, part))| part.clone())
            .collect();
        let Target { bucket, record, attributes, owner, .. } = &self.target;
        let upload = progress.id.clone().map(|id| Recorded { id, parts });
        let (owner, attributes) = (owner.clone(), *attributes);
        let body = Partial { owner, attributes, upload, tail }.to_bytes();
        let (key, crc64, attributes) =
            (record.as_str(), Fast::crc64(0, &body), Attributes::default());
        let put = Put { key, body: &body, crc64, attributes, replaces: true };
        match bucket.put(&put, SHORT) {
            Ok(()) => progress.is_recorded = true,
            Err(fault) => tracing::debug!("an interruption would lose received content: {fault}"),
        }
    }

    /// Removes the record.
    fn forget(&self) {
        let Target { bucket, record, .. } = &self.target;
        if self.progress().is_recorded
            && let Err(fault) = bucket.delete(record, SHORT)
        {
            tracing::debug!("{fault}; it is removed later");
        }
    }

    /// Removes all that was received.
    fn discard(&self) {
        let Target { bucket, key, .. } = &self.target;
        if let Some(id) = self.progress().id.clone()
            && let Err(fault) = bucket.abort((key, &id), SHORT)
        {
            tracing::debug!("{fault}; it is removed later");
        }
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_chunks_and_never_too_many() {
        for size in [0, 1, 1 << 30, 80_000 << 20, 1 << 40, 5 << 40] {
            let part = part_size(Some(size), 1);
            assert!(part >= PART && part.is_multiple_of(1024));
            assert!(size.div_ceil(part as u64) <= PARTS_MAX as u64, "{size}");
        }
        let all: u64 = (1..=PARTS_MAX).map(|number| part_size(None, number) as u64).sum();
        assert!(all > 400 << 30);
    }
}
