//! The store that receives into a writer.

use std::io::{self, ErrorKind, Read, Write};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Digests, Kind, Offer, Operation, Stat, Store,
};

use super::prefix::{Attempt, Prefix};
use super::{PAUSE, copy_of, zeros};
use crate::fs::{Direction, Event, Limits, Observer};

/// The number of bytes that are written at once, if they come fast.
const WRITE: usize = 64 << 10;
/// The longest time for which content waits for more.
const DELAY: Duration = Duration::from_millis(50);

/// A store that receives one file, and writes its content into a writer, in order and as it arrives.
///
/// A write that takes long delays the session, and after a minute the other end may give up. A writer that returns
/// [`ErrorKind::WouldBlock`] after at most 50 ms without room delays nothing: the session sends
/// keepalives meanwhile.
///
/// The written prefix cannot be taken back: if the transfer fails later, or the digest of the content differs, the
/// writer has a part of the file, or other content. If the store is used again by
/// [`Client::get_writer_store`](crate::client::Client::get_writer_store), the transfer continues where it stopped. In a
/// session with SHA-256, or if the sender cannot continue, the content that was written before is received again,
/// compared, and not written again.
#[derive(Debug)]
pub struct WriterStore<W, O> {
    writer: W,
    path: String,
    observer: O,
    limits: Limits,
    /// Content that is to be written.
    buffer: Vec<u8>,
    written_at: Instant,
    /// The content of all attempts that was written or is in the buffer.
    taken: Prefix,
    /// Of it, the part up to the last multiple of the step at which a transfer may continue.
    whole_steps: Prefix,
    /// Whether a transfer may continue where it stopped.
    resumes: bool,
    /// Whether a file that grows is received: content is written at once.
    follows: bool,
    attempt: Attempt,
    failure: Option<io::Error>,
}

impl<W: Write, O: Observer> WriterStore<W, O> {
    /// Writes the content of the received file into `writer`; `path` is its path in events.
    pub fn new(writer: W, path: impl Into<String>, observer: O) -> Self {
        Self {
            writer,
            path: path.into(),
            observer,
            limits: Limits::default(),
            buffer: Vec::new(),
            written_at: Instant::now(),
            taken: Prefix::default(),
            whole_steps: Prefix::default(),
            resumes: false,
            follows: false,
            attempt: Attempt::default(),
            failure: None,
        }
    }

    /// Sets the limits of the received content, instead of [`Limits::default`]; only that of a file counts.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The writer has this content already, from the beginning of the file on: the transfer continues behind it, and
    /// fails if the file begins with other content.
    ///
    /// # Errors
    /// Those of `content`.
    pub fn continuing(mut self, mut content: impl Read) -> io::Result<Self> {
        let mut part = vec![0; WRITE];
        loop {
            match content.read(&mut part) {
                Ok(0) => return Ok(self),
                Ok(count) => self.take(part.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds bytes to the content that was taken.
    fn take(&mut self, bytes: &[u8]) {
        let (taken, whole_steps) = self.taken.extended(bytes);
        (self.taken, self.whole_steps) = (taken, whole_steps.unwrap_or(self.whole_steps));
    }

    /// Prepares the next transfer. `resumes`: it may continue where the one before has stopped; a session with SHA-256
    /// does not call [`Store::prefix_digest`]. `follows`: the file grows, and its content is written at once.
    pub(crate) fn prepare(&mut self, resumes: bool, follows: bool) {
        (self.resumes, self.follows) = (resumes, follows);
    }

    /// The length of the content that the writer has, in bytes.
    pub fn bytes_written(&self) -> u64 {
        self.taken.length - self.buffer.len() as u64
    }

    /// The error of the writer, if it has failed.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.failure.as_ref().map(copy_of)
    }

    /// Writes the buffer; without `waits`, only the bytes that the writer takes now.
    fn write(&mut self, waits: bool) -> Result<(), Reason> {
        let mut written = 0;
        while self.failure.is_none() && written < self.buffer.len() {
            let rest = self.buffer.get(written..).unwrap_or_default();
            match self.writer.write(rest) {
                Ok(0) => self.failure = Some(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && waits => {
                    thread::sleep(PAUSE);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.failure = Some(error),
            }
        }
        if written > 0 {
            self.buffer.drain(..written);
            self.written_at = Instant::now();
        }
        match &self.failure {
            None => Ok(()),
            // Its reader needs no more.
            Some(error) if error.kind() == ErrorKind::BrokenPipe => Err(Reason::Cancelled),
            Some(_) => Err(Reason::Storage),
        }
    }

    /// Writes all of the buffer, and flushes the writer.
    fn finish(&mut self) -> Result<(), Reason> {
        self.write(true)?;
        loop {
            match self.writer.flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
                result => break self.failure = result.err(),
            }
        }
        self.write(true)
    }

    /// Compares content that was taken in an earlier attempt.
    fn compare(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.attempt.compared.extend(bytes);
        if self.attempt.left() == 0 && self.attempt.compared != self.taken {
            return Err(self.fail(Reason::SourceChanged, "the written prefix differs"));
        }
        Ok(())
    }

    /// Checks the end of the content.
    fn check_end(&mut self, end: u64) -> Result<(), Reason> {
        self.limits.check_end(end).map_err(|error| self.fail(error.reason, &error.detail))
    }

    fn fail(&mut self, reason: Reason, detail: &str) -> Reason {
        let (path, direction, at_peer) = (&self.path, Direction::Receiving, false);
        self.observer.event(Event::Failed { path, direction, reason, detail, at_peer });
        reason
    }
}

impl<W: Write, O: Observer> Store for WriterStore<W, O> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        if offer.kind != Kind::File {
            return Err(Reason::IsDirectory);
        }
        self.write(true)?;
        let earlier = self.taken.length;
        // The sender offers the file again, because it begins with other content.
        let has_other_prefix = self.follows && offer.resume == 0 && self.attempt.resumed.length > 0;
        let is_any_length = offer.size.is_none_or(|size| size == earlier);
        let resumed = if is_any_length { self.taken } else { self.whole_steps };
        let is_resumed = self.resumes && resumed.length <= offer.resume;
        let resumed = if is_resumed { resumed } else { Prefix::default() };
        self.attempt = Attempt { earlier, resumed, compared: resumed, sha256: None };
        let (path, size, prefix) = (&self.path, offer.size, earlier);
        let direction = Direction::Receiving;
        self.observer.event(Event::Begin { path, kind: Kind::File, size, prefix, direction });
        if has_other_prefix {
            return Err(self.fail(Reason::PrefixDiffers, "the file does not begin with it"));
        }
        if self.follows && size.is_some() {
            return Err(self.fail(Reason::Unsupported, "the server does not follow the file"));
        }
        if size.is_some_and(|size| size < earlier) {
            return Err(self.fail(Reason::SourceChanged, "it is shorter than the written prefix"));
        }
        self.check_end(size.unwrap_or(0))?;
        Ok(Accepted { prefix: resumed.length, in_order: true })
    }

    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn is_ready(&mut self) -> bool {
        // Of a file that grows, no content stays in the buffer for long.
        let room = if self.follows { 1 } else { WRITE };
        if self.buffer.len() >= room {
            // An error is that of the next call.
            let _ = self.write(false);
        }
        self.buffer.len() < room || self.failure.is_some()
    }

    fn prefix_digest(&mut self) -> Option<u64> {
        Some(self.attempt.resumed.crc64)
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        // In order: the position is the end of the bytes that this attempt received.
        let left = usize::try_from(self.attempt.left()).unwrap_or(usize::MAX);
        if left > 0 {
            let bytes = bytes.get(..left).unwrap_or(bytes);
            return self.compare(bytes).map(|()| bytes.len());
        }
        self.check_end(self.taken.length.saturating_add(bytes.len() as u64))?;
        self.take(bytes);
        self.buffer.extend_from_slice(bytes);
        self.observer.event(Event::Moved { bytes: bytes.len() as u64 });
        let is_due = self.follows || self.written_at.elapsed() >= DELAY;
        if is_due || self.buffer.len() >= WRITE {
            self.write(self.buffer.len() >= 2 * WRITE)?;
        }
        Ok(bytes.len())
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        self.store(position, zeros(length)).map(|count| count as u64)
    }

    fn verified(&mut self, digests: &Digests) {
        self.attempt.sha256 = digests.sha256;
    }

    fn commit(&mut self) -> Result<(), Reason> {
        if self.attempt.left() > 0 {
            return Err(self.fail(Reason::SourceChanged, "it is shorter than the written prefix"));
        }
        self.finish()?;
        let (path, size, prefix) = (&self.path, self.taken.length, self.attempt.earlier);
        let sha256 = self.attempt.sha256.take();
        self.observer.event(Event::Done { path, kind: Kind::File, size, prefix, sha256 });
        Ok(())
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        // An error is reported by `failure`.
        let _ = self.finish();
    }
}

impl<W: Write, O: Observer> Deferral for WriterStore<W, O> {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        Poll::Ready(self.offer(offer))
    }

    fn poll_operate(&mut self, _: &str, _: Kind, _: &Operation<'_>) -> Poll<Result<Stat, Reason>> {
        Poll::Ready(Err(Reason::Unsupported))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        match self.write(false) {
            Ok(()) if !self.buffer.is_empty() => Poll::Pending,
            _ => Poll::Ready(self.commit()),
        }
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        Poll::Ready(Ok(()))
    }
}
