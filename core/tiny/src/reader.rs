//! The frame reader (section 6.5 of the protocol), over the caller's buffer.

use core::num::NonZeroU32;

use crate::checksum::crc32;
use crate::signal::{CODES, LETTERS, SIGNAL_LEN, Words};

/// Bytes of the header of a chunk.
pub(crate) const HEADER_LEN: usize = 12;
/// The first byte of a chunk.
pub(crate) const CHUNK: u8 = 0xFA;
pub(crate) const IS_METADATA: u32 = 1 << 31;
const PAYLOAD_MAX: usize = 1024;
const FRAME_MAX: usize = HEADER_LEN + PAYLOAD_MAX;

/// Why there is no frame.
#[derive(Clone, Copy)]
pub(crate) enum NoFrame {
    /// It is not complete yet.
    Incomplete,
    /// A reliable link had bytes that are no frame (R68).
    Broken,
}

/// The signals and chunks that this end expects: a frame must be one of them.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) is_lossy: bool,
    pub(crate) session: Option<NonZeroU32>,
    /// The transfer whose chunks are received.
    pub(crate) open: Option<u16>,
}

pub(crate) struct Reader<'b> {
    buffer: &'b mut [u8],
    length: u16,
    /// Bytes at the front that are handled: those of the last frame.
    handled: u16,
    /// Bytes still to come that are not wanted; on a reliable link only.
    unwanted: u16,
    /// Bytes were dropped since the last frame of this session and the last silence (R72).
    pub(crate) has_dropped: bool,
    pub(crate) is_silent: bool,
}

/// The four bytes at `at`, as a number.
#[inline(never)]
fn word(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(field) => u32::from_le_bytes(*field),
        None => 0,
    }
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(buffer: &'b mut [u8]) -> Self {
        let used = if buffer.len() > FRAME_MAX { FRAME_MAX } else { buffer.len() };
        let (buffer, _) = buffer.split_at_mut(used);
        Self { buffer, length: 0, handled: 0, unwanted: 0, has_dropped: false, is_silent: false }
    }

    /// The largest payload that fits behind the header of a chunk.
    pub(crate) fn payload_max(&self) -> usize {
        self.buffer.len().saturating_sub(HEADER_LEN)
    }

    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.buffer.get_mut(usize::from(self.length)..).unwrap_or_default()
    }

    pub(crate) fn received(&mut self, count: usize) {
        let length = usize::from(self.length).saturating_add(count);
        self.length = length.min(self.buffer.len()) as u16;
        self.is_silent = false;
    }

    pub(crate) fn silence(&mut self) {
        self.is_silent = true;
    }

    /// The first eight words of the frame at the front.
    pub(crate) fn words(&self, words: &mut Words) {
        for (word, field) in words.iter_mut().zip(self.buffer.as_chunks().0) {
            *word = u32::from_le_bytes(*field);
        }
    }

    /// Whether a chunk is at the front, not a signal.
    pub(crate) fn is_chunk(&self) -> bool {
        self.buffer.first() == Some(&CHUNK)
    }

    /// Puts a signal of the server in the place of the one at the front.
    pub(crate) fn answer(&mut self, session: u32, words: &Words) -> &[u8] {
        let [_, transfer, ..] = *words;
        let seed = if transfer as u16 == 0 { 0 } else { !session };
        let Some(frame) = self.buffer.first_chunk_mut::<SIGNAL_LEN>() else { return &[] };
        let (fields, _) = frame.as_chunks_mut();
        for (field, word) in fields.iter_mut().zip(words) {
            *field = word.to_le_bytes();
        }
        if let Some((content, check)) = frame.split_last_chunk_mut() {
            *check = crc32(seed, content).to_le_bytes();
        }
        frame
    }

    /// Whether no byte waits: then the buffer is free for a frame that is sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.length <= self.handled
    }

    /// The whole buffer. Its content is dropped.
    pub(crate) fn take(&mut self) -> &mut [u8] {
        (self.length, self.handled) = (0, 0);
        self.buffer
    }

    /// The frame at the front.
    pub(crate) fn frame(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.handled.into()).unwrap_or_default()
    }

    /// Moves the bytes from `start` on to the front.
    fn drop_before(&mut self, start: usize) {
        let mut length = 0;
        while let Some(byte) = self.buffer.get(start.wrapping_add(length)).copied()
            && start.wrapping_add(length) < self.length.into()
            && let Some(to) = self.buffer.get_mut(length)
        {
            *to = byte;
            length = length.wrapping_add(1);
        }
        self.length = length as u16;
    }

    /// Drops the last frame, finds the next one and moves it to the front. Returns its length in bytes,
    /// with the metadata of a signal.
    pub(crate) fn next(&mut self, expected: Expected) -> Result<usize, NoFrame> {
        let mut start = usize::from(core::mem::take(&mut self.handled));
        let found = loop {
            let rest = self.buffer.get(start..self.length.into()).unwrap_or_default();
            if !expected.is_lossy && self.unwanted > 0 && !rest.is_empty() {
                let skipped = rest.len().min(self.unwanted.into());
                self.unwanted = self.unwanted.saturating_sub(skipped as u16);
                start = start.saturating_add(skipped);
                continue;
            }
            match examine(rest, self.buffer.len(), expected) {
                Front::Frame(length) => break Ok(length),
                Front::Unwanted(length) => {
                    self.unwanted = length;
                    continue;
                }
                Front::Incomplete if rest.is_empty() => {
                    // A silence clears the mark even if the buffer is empty (R72).
                    self.has_dropped &= !self.is_silent;
                    break Err(NoFrame::Incomplete);
                }
                Front::Incomplete if !expected.is_lossy || !self.is_silent => {
                    break Err(NoFrame::Incomplete);
                }
                Front::Nothing if !expected.is_lossy => break Err(NoFrame::Broken),
                _ => {}
            }
            start = start.wrapping_add(1);
            self.has_dropped = true;
        };
        self.drop_before(start);
        self.handled = found.unwrap_or(0) as u16;
        found
    }
}

/// The kind of the bytes at the front.
enum Front {
    Frame(usize),
    Incomplete,
    /// No frame begins here.
    Nothing,
    /// A chunk of this length that is skipped (R11).
    Unwanted(u16),
}

/// R70, but for the receive window, which only saves time.
fn examine(rest: &[u8], room: usize, expected: Expected) -> Front {
    if rest.len() < PREFIX {
        return Front::Incomplete;
    }
    let (first, second) = (word(rest, 0), word(rest, 4));
    let session = expected.session.map_or(0, NonZeroU32::get);
    let seed = if second as u16 == 0 { 0 } else { session };
    if first as u8 == CHUNK {
        // Bits 11 to 14 are zero in a length that is possible, and bit 15 in a chunk of a file.
        let length = (first >> 16 & 0x7FFF) as usize;
        let end = length.wrapping_add(HEADER_LEN);
        let is_possible = length.wrapping_sub(1) < PAYLOAD_MAX;
        let is_open = expected.open.is_some_and(|open| open as u8 == (first >> 8) as u8);
        if is_possible && is_open && first & IS_METADATA == 0 && end <= room {
            return match rest.get(..end) {
                None => Front::Incomplete,
                Some(chunk) if is_valid(chunk, 8, session) => Front::Frame(end),
                Some(_) => Front::Nothing,
            };
        }
        if !expected.is_lossy && expected.session.is_some() && is_possible {
            return Front::Unwanted(end as u16);
        }
        return Front::Nothing;
    }
    if !CODES.iter().any(|code| (code ^ first) & LETTERS == 0) {
        return Front::Nothing;
    }
    // Longer metadata is not read: the signal is answered without it.
    let length = (second >> 16) as usize;
    let whole = length.saturating_add(SIGNAL_LEN + HEADER_LEN);
    let end = if length == 0 || whole > room { SIGNAL_LEN } else { whole };
    let Some(frame) = rest.get(..end) else { return Front::Incomplete };
    let (signal, metadata) = frame.split_at_checked(SIGNAL_LEN).unwrap_or_default();
    // Of the same transfer and length (R13, R70).
    let header = u32::from(CHUNK) | (second & 0xFF) << 8 | second & 0x7FFF_0000 | IS_METADATA;
    let is_described =
        metadata.is_empty() || word(metadata, 0) == header && is_valid(metadata, 8, seed);
    if is_described && is_valid(signal, 32, seed) { Front::Frame(end) } else { Front::Nothing }
}

/// Whether the CRC-32 at `at` is that of all other bytes.
#[inline(never)]
fn is_valid(frame: &[u8], at: usize, seed: u32) -> bool {
    let before = crc32(seed, frame.get(..at).unwrap_or_default());
    crc32(before, frame.get(at.wrapping_add(4)..).unwrap_or_default()) == word(frame, at)
}

/// Bytes that tell the length of any frame.
const PREFIX: usize = 8;
