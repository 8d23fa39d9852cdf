//! The content of an object that is sent: read ahead on another thread, and read again where the connection breaks.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, SHORT};
use super::fault::{Cause, Fault};
use crate::fs::sys::background::POLL_INTERVAL;

/// The size of a piece, in bytes, and the number of pieces that are read ahead.
const PIECE: usize = 256 << 10;
const AHEAD: usize = 12;
/// The pieces that are kept: on a lossy link lost blocks are read again, from up to 97 KiB before.
const KEPT: usize = 1;

/// The content of one object.
#[derive(Debug)]
pub(super) struct Reader {
    bucket: Arc<Bucket>,
    key: String,
    etag: String,
    size: u64,
    /// Pieces that follow one another; the first one begins at this position.
    start: u64,
    pieces: VecDeque<Vec<u8>>,
    stream: Option<Receiver<Result<Vec<u8>, Fault>>>,
    failure: Option<Fault>,
}

impl Reader {
    /// Content that is here.
    pub(super) fn of_content(
        bucket: &Arc<Bucket>,
        key: &str,
        etag: &str,
        content: Vec<u8>,
    ) -> Self {
        let mut reader = Self::of_object(bucket, key, etag, content.len() as u64);
        reader.pieces.push_back(content);
        reader
    }

    /// An object of this size, which is read from its first [`Reader::load`] on.
    pub(super) fn of_object(bucket: &Arc<Bucket>, key: &str, etag: &str, size: u64) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            key: key.to_owned(),
            etag: etag.to_owned(),
            size,
            start: 0,
            pieces: VecDeque::new(),
            stream: None,
            failure: None,
        }
    }

    /// The position behind the pieces.
    fn end(&self) -> u64 {
        self.start + self.pieces.iter().map(|piece| piece.len() as u64).sum::<u64>()
    }

    /// Whether the next content is here; waits a moment.
    pub(super) fn is_ready(&mut self, position: u64) -> bool {
        if self.has(position) {
            return true;
        }
        self.begin_at(position);
        self.receive(POLL_INTERVAL);
        self.has(position)
    }

    fn has(&self, position: u64) -> bool {
        self.failure.is_some()
            || position >= self.size
            || (self.start..self.end()).contains(&position)
    }

    /// Content from a position on, at least a byte before the end. Waits for it.
    pub(super) fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Fault> {
        let end = Instant::now() + SHORT;
        while !self.has(position) {
            self.begin_at(position);
            self.receive(POLL_INTERVAL);
            if Instant::now() >= end && !self.has(position) {
                let cause = Cause::Silent("it is too slow".to_owned());
                return Err(Fault { what: self.bucket.named("read", &self.key), cause });
            }
        }
        if let Some(fault) = &self.failure {
            return Err(fault.clone());
        }
        let mut start = self.start;
        for piece in &self.pieces {
            let within = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
            if let Some(rest) = piece.get(within..).filter(|rest| !rest.is_empty()) {
                let count = rest.len().min(into.len());
                for (to, from) in into.iter_mut().zip(rest) {
                    *to = *from;
                }
                return Ok(count);
            }
            start += piece.len() as u64;
        }
        Ok(0)
    }

    /// Makes the stream one that brings this position next.
    fn begin_at(&mut self, position: u64) {
        let is_next = position >= self.start && position <= self.end();
        if is_next && self.stream.is_some() {
            return;
        }
        if !is_next {
            self.pieces.clear();
            self.start = position;
        }
        let (sender, receiver) = sync_channel(AHEAD);
        let (bucket, key, etag) = (Arc::clone(&self.bucket), self.key.clone(), self.etag.clone());
        let (mut at, size) = (self.end(), self.size);
        let work = move || {
            while at < size {
                let result = pieces(&bucket, (&key, &etag), &mut at, size, |piece| {
                    sender.send(Ok(piece)).is_ok()
                });
                match result {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(fault) => {
                        // The reader may have been dropped.
                        let _ = sender.send(Err(fault));
                        return;
                    }
                }
            }
        };
        match thread::Builder::new().name("storage".to_owned()).spawn(work) {
            Ok(_) => self.stream = Some(receiver),
            Err(error) => {
                let what = self.bucket.named("read", &self.key);
                self.failure = Some(Fault::wrong(&what, &crate::describe::os_error(&error)));
            }
        }
    }

    fn receive(&mut self, limit: Duration) {
        let Some(stream) = &self.stream else { return };
        match stream.recv_timeout(limit) {
            Ok(Ok(piece)) => {
                self.pieces.push_back(piece);
                while self.pieces.len() > KEPT + 1 {
                    let first = self.pieces.pop_front();
                    self.start += first.map_or(0, |piece| piece.len() as u64);
                }
            }
            Ok(Err(fault)) => self.failure = Some(fault),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stream = None,
        }
    }
}

/// Reads pieces from `at` on, as far as one connection brings them. Returns whether somebody takes them.
fn pieces(
    bucket: &Bucket,
    (key, etag): (&str, &str),
    at: &mut u64,
    size: u64,
    take: impl Fn(Vec<u8>) -> bool,
) -> Result<bool, Fault> {
    let response = bucket.read_from(key, *at, etag, SHORT)?;
    if *at > 0 && response.status().as_u16() != 206 {
        let what = bucket.named("read", key);
        return Err(Fault::wrong(&what, "the object storage does not read from a position on"));
    }
    let mut body = response.into_body();
    let mut reader = body.as_reader();
    let before = *at;
    while *at < size {
        let mut piece = vec![0; PIECE.min(usize::try_from(size - *at).unwrap_or(PIECE))];
        let mut length = 0;
        while let Some(rest) = piece.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest) {
                Ok(0) | Err(_) => break,
                Ok(count) => length += count,
            }
        }
        let is_whole = length == piece.len();
        piece.truncate(length);
        *at += length as u64;
        if length > 0 && !take(piece) {
            return Ok(false);
        }
        if !is_whole {
            break;
        }
    }
    if *at == before {
        let cause = Cause::Silent("the connection has ended".to_owned());
        return Err(Fault { what: bucket.named("read", key), cause });
    }
    Ok(true)
}
