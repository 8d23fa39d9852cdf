//! The store that sends the bytes of a reader.

use std::io::{self, ErrorKind, Read};
use std::thread;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Digests, Entry, Kind, Store};
use tinyferry_core::wire::PAYLOAD_MAX;

use super::{PAUSE, copy_of};
use crate::fs::{Direction, Event, Observer};

/// The number of bytes before the end of the read content that can be loaded again, or fewer. A lossy
/// link asks for less: its window has 97 blocks of at most 1 KiB.
const KEPT: usize = 256 << 10;
/// The number of bytes that are read at once.
const READ: usize = 64 << 10;
/// The most bytes in memory.
const CAPACITY: usize = 2 * KEPT;

/// A store that sends the content of a reader, up to its end, as one file. The size is not known before the end.
///
/// A read that takes long delays the session, and after a minute the other end may give up. A reader that returns
/// [`ErrorKind::WouldBlock`] after at most 50 ms without content delays nothing: the session sends
/// keepalives meanwhile.
///
/// An error of the reader refuses the file: the other end does not put it in place. The store keeps the last
/// 256 KiB in memory, and content of less than 512 KiB as a whole: see [`ReaderStore::is_repeatable`].
#[derive(Debug)]
pub struct ReaderStore<R, O> {
    reader: R,
    remote: String,
    observer: O,
    /// Content that was read.
    kept: Vec<u8>,
    /// The position of the first byte of `kept`.
    start: u64,
    /// The end of the reader, or its error; `None`: it may give more.
    end: Option<io::Result<()>>,
    /// Whether the file was offered in this attempt.
    is_offered: bool,
    /// The end of the content that was loaded in this attempt.
    loaded: u64,
    sha256: Option<[u8; 32]>,
}

impl<R: Read, O: Observer> ReaderStore<R, O> {
    /// Sends the bytes of `reader` as the file at the path `remote`.
    pub fn new(reader: R, remote: impl Into<String>, observer: O) -> Self {
        Self {
            reader,
            remote: remote.into(),
            observer,
            kept: Vec::new(),
            start: 0,
            end: None,
            is_offered: false,
            loaded: 0,
            sha256: None,
        }
    }

    /// Whether the file can be sent from its beginning: all that was read is still in memory, and the reader has
    /// not failed.
    pub fn is_repeatable(&self) -> bool {
        self.start == 0 && !self.has_failed()
    }

    /// The number of bytes that were read.
    pub fn bytes_read(&self) -> u64 {
        self.start + self.kept.len() as u64
    }

    /// The error of the reader, if it has failed.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.end.as_ref().and_then(|end| end.as_ref().err()).map(copy_of)
    }

    fn has_failed(&self) -> bool {
        matches!(self.end, Some(Err(_)))
    }

    /// Begins a further attempt, if [`ReaderStore::is_repeatable`].
    pub(crate) fn rewind(&mut self) {
        self.is_offered = false;
    }

    /// Reads more content once, if there is any.
    fn read(&mut self) {
        if self.kept.len() >= CAPACITY {
            self.kept.drain(..CAPACITY - KEPT);
            self.start += (CAPACITY - KEPT) as u64;
        }
        let length = self.kept.len();
        self.kept.resize(CAPACITY.min(length + READ), 0);
        let result = self.reader.read(self.kept.get_mut(length..).unwrap_or_default());
        self.kept.truncate(length + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => self.end = Some(Ok(())),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => self.end = Some(Err(error)),
        }
    }

    /// Whether `length` bytes behind the loaded ones can be loaded, or there will be no more.
    fn has(&self, length: u64) -> bool {
        self.end.is_some() || self.bytes_read() >= self.loaded + length
    }
}

impl<R: Read, O: Observer> Store for ReaderStore<R, O> {
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if self.is_offered {
            return Ok(None);
        }
        if !self.is_repeatable() {
            return Err(Reason::Storage);
        }
        (self.is_offered, self.loaded) = (true, 0);
        let remote = self.remote.as_bytes();
        path.get_mut(..remote.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(remote);
        self.observer.event(Event::Begin {
            path: &self.remote,
            kind: Kind::File,
            size: None,
            prefix: 0,
            direction: Direction::Sending,
        });
        Ok(Some(Entry { size: None, ..Entry::file(remote.len(), 0) }))
    }

    fn is_ready(&mut self) -> bool {
        if !self.has(PAYLOAD_MAX as u64) {
            self.read();
        }
        self.has(PAYLOAD_MAX as u64)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        while position == self.bytes_read() && !self.has(1) {
            self.read();
            if !self.has(1) {
                thread::sleep(PAUSE);
            }
        }
        if position == self.bytes_read() && self.has_failed() {
            return Err(Reason::Storage);
        }
        let offset = position.checked_sub(self.start).and_then(|ahead| usize::try_from(ahead).ok());
        let rest = self.kept.get(offset.ok_or(Reason::Storage)?..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let end = position + count as u64;
        if end > self.loaded {
            self.observer.event(Event::Moved { bytes: end - self.loaded });
            self.loaded = end;
        }
        Ok(count)
    }

    fn verified(&mut self, digests: &Digests) {
        self.sha256 = digests.sha256;
    }

    fn refused(&mut self, _: u32, reason: Reason, detail: &str) -> bool {
        // The client reports an error of its own reader.
        if !self.has_failed() {
            let (path, direction, at_peer) = (&self.remote, Direction::Sending, true);
            self.observer.event(Event::Failed { path, direction, reason, detail, at_peer });
        }
        false
    }

    fn completed(&mut self) {
        let (path, size) = (&self.remote, self.loaded);
        let sha256 = self.sha256.take();
        self.observer.event(Event::Done { path, kind: Kind::File, size, prefix: 0, sha256 });
    }
}
