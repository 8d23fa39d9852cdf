//! The store that receives into a writer.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use tinyferry_core::checksum::Checksums as _;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Digests, Kind, Offer, Store};

use crate::checksum::Fast;
use crate::fs::{Direction, Event, Limits, Observer};

/// The number of bytes that are written at once, if they come fast.
const WRITE: usize = 64 << 10;
/// The longest time for which content waits for more.
const DELAY: Duration = Duration::from_millis(50);

/// A store that receives one file, and writes its content into a writer, in order and as it arrives.
///
/// What was written cannot be taken back: if the transfer fails later, or the digest of the content differs, the
/// writer has a part of the file, or other content. If the store is used again, the content that was written
/// before is received again, compared, and not written again.
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
    /// Of it, the part that was received again in this attempt.
    compared: Prefix,
    /// The length of the content that was taken before this attempt, in bytes.
    held: u64,
    sha256: Option<[u8; 32]>,
    failure: Option<io::Error>,
}

/// The first bytes of the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Prefix {
    /// In bytes.
    length: u64,
    crc64: u64,
}

impl Prefix {
    fn extend(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc64 = Fast::crc64(self.crc64, bytes);
    }
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
            compared: Prefix::default(),
            held: 0,
            sha256: None,
            failure: None,
        }
    }

    /// Sets the limits of the received content, instead of [`Limits::default`]; only that of a file counts.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The number of bytes that were received and written.
    pub fn bytes_written(&self) -> u64 {
        self.taken.length - self.buffer.len() as u64
    }

    /// The error of the writer, if it has failed.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        let error = self.failure.as_ref()?;
        Some(io::Error::new(error.kind(), error.to_string()))
    }

    /// Writes all of the buffer.
    fn flush(&mut self) -> Result<(), Reason> {
        if self.failure.is_none() && !self.buffer.is_empty() {
            let written = self.writer.write_all(&self.buffer).and_then(|()| self.writer.flush());
            self.failure = written.err();
            self.buffer.clear();
            self.written_at = Instant::now();
        }
        match &self.failure {
            None => Ok(()),
            // Its reader needs no more.
            Some(error) if error.kind() == ErrorKind::BrokenPipe => Err(Reason::Cancelled),
            Some(_) => Err(Reason::Storage),
        }
    }

    /// Compares content that was taken in an earlier attempt.
    fn compare(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.compared.extend(bytes);
        if self.compared.length == self.held && self.compared != self.taken {
            return Err(
                self.fail(Reason::SourceChanged, "the part that was written before differs")
            );
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
        self.flush()?;
        (self.compared, self.held) = (Prefix::default(), self.taken.length);
        let (path, size, held) = (&self.path, offer.size, self.held);
        let direction = Direction::Receiving;
        self.observer.event(Event::Begin { path, kind: Kind::File, size, held, direction });
        if size.is_some_and(|size| size < held) {
            return Err(
                self.fail(Reason::SourceChanged, "it is shorter than the part that was written")
            );
        }
        self.check_end(size.unwrap_or(0))?;
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        // In order: the position is the end of what was received in this attempt.
        let left = usize::try_from(self.held - self.compared.length).unwrap_or(usize::MAX);
        if left > 0 {
            let bytes = bytes.get(..left).unwrap_or(bytes);
            return self.compare(bytes).map(|()| bytes.len());
        }
        self.check_end(self.taken.length.saturating_add(bytes.len() as u64))?;
        self.taken.extend(bytes);
        self.buffer.extend_from_slice(bytes);
        self.observer.event(Event::Moved { bytes: bytes.len() as u64 });
        if self.buffer.len() >= WRITE || self.written_at.elapsed() >= DELAY {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn verified(&mut self, digests: &Digests) {
        self.sha256 = digests.sha256;
    }

    fn commit(&mut self) -> Result<(), Reason> {
        if self.compared.length < self.held {
            return Err(
                self.fail(Reason::SourceChanged, "it is shorter than the part that was written")
            );
        }
        self.flush()?;
        let (path, size, held) = (&self.path, self.taken.length, self.held);
        let sha256 = self.sha256.take();
        self.observer.event(Event::Done { path, kind: Kind::File, size, held, sha256 });
        Ok(())
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        // An error is reported by `failure`.
        let _ = self.flush();
    }
}
