//! The reader: finds frames in a stream of bytes (`PROTOCOL.md`, R68 to R72).
//!
//! Knows the layout of frames and which of them the session expects; knows nothing of their
//! meaning. On a reliable link a damaged frame is an error. On a lossy link the reader
//! resynchronises: it drops one byte and parses again.
//!
//! Bound of the work: each buffered byte starts at most one candidate, and the CRC of a candidate is
//! computed only when all of it is there and its header is expected. So one call of
//! [`Reader::next_frame`] sums at most 1036 · 1036 bytes, and of bytes that are not hostile about
//! one frame.

use core::num::NonZeroU16;

use super::{HEADER_LEN, HOLE_LEN, Header, Hole, SIGNAL_LEN, Signal};
use crate::profile::{Capabilities, Profile};

pub(crate) use self::expect::{Expect, ExpectFile};
pub(crate) use self::parse::parse_frame;
use self::text::Text;

mod expect;
mod parse;
#[cfg(test)]
mod tests;
mod text;

/// The reader's place in its buffer.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Reader {
    /// The first byte that is not consumed.
    start: u16,
    /// The end of the bytes in the buffer.
    end: u16,
    /// Bytes of an unwanted chunk that are still to come, on a reliable link.
    skip: u16,
    /// Length of the metadata at the front, until the next frame is parsed.
    metadata: Option<NonZeroU16>,
    /// Whether bytes were dropped since the last valid frame or the last silence.
    resyncing: bool,
    /// Whether bytes were dropped since the last [`Reader::take_dropped`].
    has_dropped: bool,
    /// Whether a silence has cut the frame at the front. Only with [`Profile::CONSOLE`].
    is_cut: bool,
    /// Bytes at the front that belong to a damaged frame: they are no text. Only with [`Profile::CONSOLE`].
    damaged: u16,
}

/// The result of parsing at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// No complete frame: read until `wanted` bytes are buffered.
    Incomplete { wanted: usize },
    /// A signal, which is returned beside this; it is consumed. `in_sync`: it followed a frame or a
    /// silence.
    Signal { in_sync: bool },
    /// The expected metadata, and its length in bytes.
    Metadata { length: u16 },
    /// A chunk of the expected file: its distance from the position (wrapping) and its length.
    Chunk { ahead: u32, length: u16 },
    /// A hole of the expected file, which is at the front.
    Hole,
    /// On a reliable link, a chunk that is not expected: to be skipped.
    Unwanted { length: usize },
    /// Bytes that make no frame, on a reliable link.
    Damaged,
    /// Text: bytes that were dropped and belong to no frame. They stay in the buffer, from `at` on, until
    /// the next call.
    Text { at: u16, length: u16 },
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self {
            start: 0,
            end: 0,
            skip: 0,
            metadata: None,
            resyncing: false,
            has_dropped: false,
            is_cut: false,
            damaged: 0,
        }
    }

    /// Whether no byte is buffered, and none of an unwanted chunk is to come.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end && self.skip == 0
    }

    /// Whether a silence on the line changes nothing.
    pub(crate) fn ignores_silence(&self) -> bool {
        self.start == self.end && !self.resyncing
    }

    /// Whether a frame has begun to come in.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.start < self.end
    }

    /// The bytes in the buffer that are not consumed.
    pub(crate) fn buffered<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.start.into()..self.end.into()).unwrap_or_default()
    }

    /// The same reader, after its bytes were moved to the front of the buffer.
    #[cfg(feature = "model")]
    pub(crate) fn at_front(&self) -> Self {
        Self { start: 0, end: self.end.saturating_sub(self.start), ..self.clone() }
    }

    /// Drops all buffered bytes.
    pub(crate) fn clear(&mut self) {
        let resyncing = self.resyncing || self.is_mid_frame();
        *self = Self { skip: self.skip, resyncing, ..Self::new() };
    }

    /// The slice to read into, so that up to `wanted` bytes are buffered.
    pub(crate) fn space<'b>(&mut self, buffer: &'b mut [u8], wanted: usize) -> &'b mut [u8] {
        if self.skip > 0 {
            let length = usize::from(self.skip).min(buffer.len());
            return buffer.get_mut(..length).unwrap_or_default();
        }
        if self.start > 0 {
            let length = self.end.saturating_sub(self.start);
            let front = core::cell::Cell::from_mut(buffer).as_slice_of_cells();
            let from = front.get(self.start.into()..).unwrap_or_default();
            for (to, from) in front.iter().zip(from).take(length.into()) {
                to.set(from.get());
            }
            self.end = length;
            self.start = 0;
        }
        buffer.get_mut(self.end.into()..wanted).unwrap_or_default()
    }

    /// `count` bytes were read into the space.
    pub(crate) fn filled(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(0);
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(count);
        } else {
            self.end = self.end.saturating_add(count);
        }
    }

    /// Consumes `count` bytes at the front.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.start = self.start.saturating_add(count).min(self.end);
        self.resyncing = false;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    fn drop_byte(&mut self) {
        self.consume(1);
        self.resyncing = true;
        self.has_dropped = true;
    }

    /// The line was idle: an incomplete frame at the front counts as damaged. Where no byte is
    /// buffered, the reader is in sync again.
    pub(crate) fn on_idle_line<P: Profile>(&mut self) {
        if self.is_mid_frame() {
            if P::has_console() {
                // The byte may be text.
                self.is_cut = true;
                return;
            }
            self.drop_byte();
        }
        if self.start == self.end {
            self.resyncing = false;
            self.damaged = 0;
        }
    }

    /// Whether bytes were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> bool {
        core::mem::take(&mut self.has_dropped)
    }

    /// The payload of the chunk at the front.
    pub(crate) fn payload<'b>(&self, buffer: &'b [u8], length: usize) -> &'b [u8] {
        let from = usize::from(self.start).saturating_add(HEADER_LEN);
        buffer.get(from..from.saturating_add(length)).unwrap_or_default()
    }

    /// The metadata at the front: empty where there is none.
    pub(crate) fn metadata<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        self.payload(buffer, self.metadata.map_or(0, NonZeroU16::get).into())
    }

    /// Consumes the chunk at the front, whose payload has `length` bytes.
    pub(crate) fn consume_chunk(&mut self, length: u16) {
        self.consume(HEADER_LEN.saturating_add(length.into()));
    }

    /// The hole at the front.
    pub(crate) fn hole(&self, buffer: &[u8]) -> Option<Hole> {
        let header = Hole::parse_header(self.buffered(buffer).first_chunk()?)?;
        Hole::parse_payload(&header, self.payload(buffer, HOLE_LEN - HEADER_LEN))
    }

    /// Consumes the metadata at the front, if any.
    pub(crate) fn consume_metadata(&mut self) {
        if let Some(length) = self.metadata.take() {
            self.consume_chunk(length.get());
        }
    }

    /// The length of the incomplete chunk at the front, in bytes. `None` where it is complete, or longer than the
    /// buffer: then it is not expected.
    pub(crate) fn incomplete_chunk<P: Profile>(&self, buffer: &[u8]) -> Option<usize> {
        let buffered = self.buffered(buffer);
        let header = Header::parse(buffered.first_chunk()?)?;
        let length = header.frame_len();
        (buffered.len() < length && !P::lacks_room(header.length)).then_some(length)
    }

    /// Finds the next frame, or with [`Profile::CONSOLE`] the text before it; a signal is returned in
    /// `signal`. Metadata stays at the front until the next call.
    pub(crate) fn next_frame<P: Profile>(
        &mut self,
        buffer: &[u8],
        expect: &Expect,
        signal: &mut Signal,
    ) -> Parsed {
        let mut text = Text::default();
        while self.skip == 0 {
            let buffered = self.buffered(buffer);
            let mut parsed = parse_frame::<P>(buffered, expect, signal);
            if P::has_console() && expect.lossy {
                parsed = self.note_damaged(parsed, buffered, expect);
                if self.is_text(&parsed) {
                    text.add(self.start);
                } else if let Some(text) = text.found() {
                    return text;
                }
            }
            match parsed {
                Parsed::Signal { .. } => {
                    let in_sync = !self.resyncing;
                    self.consume(SIGNAL_LEN);
                    // Without a seed it may be content of a file, and proves nothing.
                    self.resyncing = !in_sync && signal.transfer == 0;
                    return Parsed::Signal { in_sync };
                }
                Parsed::Metadata { length } => {
                    self.metadata = NonZeroU16::new(length);
                    return Parsed::Metadata { length };
                }
                Parsed::Unwanted { length } => {
                    self.skip = u16::try_from(length.saturating_sub(buffered.len())).unwrap_or(0);
                    self.consume(length);
                }
                Parsed::Damaged if expect.lossy => {
                    if P::has_console() {
                        self.damaged = self.damaged.saturating_sub(1);
                    }
                    self.drop_byte();
                }
                parsed => return parsed,
            }
        }
        Parsed::Incomplete { wanted: 0 }
    }
}
