//! Finding frames in a stream of bytes (`PROTOCOL.md`, section 6.5).
//!
//! Knows what a frame looks like and which one would make sense now; knows nothing of what frames
//! do. On a reliable link a frame that is damaged is an error; on a lossy one the reader drops a
//! byte and looks again inside what it holds.
//!
//! Bound of the work: each byte held starts at most one candidate, and a candidate is summed only
//! when it is complete and its header makes sense, so one look sums at most 1036 · 1036 bytes, and
//! for bytes that nobody chose to be hostile about one frame's worth.

use core::ops::{Deref, DerefMut};

use crate::checksum::Checksums;
use crate::wire::{
    Code, FRAME_MAX, HEADER_LEN, Header, MARKER, SIGNAL_LEN, Signal, low_half, seed_for,
};

/// A buffer for one frame. On large machines its payload begins at a multiple of 16 bytes: checksums
/// by vector instructions take half the time there.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(target_pointer_width = "64", repr(C, align(16)))]
pub(crate) struct Chunk {
    #[cfg(target_pointer_width = "64")]
    lead: [u8; 16 - HEADER_LEN],
    frame: [u8; FRAME_MAX],
}

impl Chunk {
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(target_pointer_width = "64")]
            lead: [0; 16 - HEADER_LEN],
            frame: [0; FRAME_MAX],
        }
    }
}

impl Deref for Chunk {
    type Target = [u8; FRAME_MAX];

    fn deref(&self) -> &Self::Target {
        &self.frame
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.frame
    }
}

/// Where in its buffer the reader is.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Reader {
    /// The first byte not yet consumed.
    start: u16,
    /// The end of what is held.
    end: u16,
    /// Bytes of an unwanted chunk still to come, on a reliable link.
    skip: u16,
    /// Whether the first byte held follows something else than a valid frame or a silence.
    dirty: bool,
    /// Whether bytes were dropped since that was asked for last.
    has_dropped: bool,
}

/// Which chunks make sense now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Belief {
    pub(crate) seed: u32,
    pub(crate) lossy: bool,
    /// Whether a chunk that nobody asked for is read over.
    pub(crate) skips: bool,
    /// The description that must come next: of which transfer, and how long.
    pub(crate) description: Option<(u16, u16)>,
    /// The file being received: low byte of its transfer, position, and how far past it a chunk
    /// may end.
    pub(crate) file: Option<(u8, u64, u32)>,
    /// How many bytes to ask for where none is held; at most one chunk.
    pub(crate) wanted: usize,
}

/// How far behind the position a repeated chunk is still taken for one, in bytes.
const BEHIND: u32 = 1 << 17;

/// What the reader found at its front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing yet: so many bytes are wanted in all, from the front.
    Nothing { wanted: usize },
    /// A signal. It is consumed already. `clean`: it followed a frame or a silence.
    Signal { clean: bool },
    /// The description that was expected, of so many bytes.
    Description { length: usize },
    /// A chunk of the file at this distance from the position (wrapping), of so many bytes.
    Chunk { ahead: u32, length: u16 },
    /// On a reliable link, a chunk that nobody asked for; it is read over.
    Unwanted { length: usize },
    /// Bytes that make no frame, on a reliable link.
    Damaged,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self { start: 0, end: 0, skip: 0, dirty: false, has_dropped: false }
    }

    /// Whether no byte is held or on its way of which something is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end && self.skip == 0
    }

    /// Whether a silence would change nothing.
    pub(crate) fn is_settled(&self) -> bool {
        self.start == self.end && !self.dirty
    }

    /// What is held.
    #[cfg(feature = "model")]
    pub(crate) fn held<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.start.into()..self.end.into()).unwrap_or_default()
    }

    /// The same reader, once what is held was moved to the front of its buffer.
    #[cfg(feature = "model")]
    pub(crate) fn at_front(&self) -> Self {
        Self { start: 0, end: self.end.saturating_sub(self.start), ..self.clone() }
    }

    /// Forgets all that is held.
    pub(crate) fn clear(&mut self) {
        let dirty = self.dirty || self.start < self.end;
        *self = Self { skip: self.skip, dirty, ..Self::new() };
    }

    /// The slice to read into, so that `wanted` bytes may stand at the front.
    pub(crate) fn space<'b>(&mut self, buffer: &'b mut [u8], wanted: usize) -> &'b mut [u8] {
        if self.skip > 0 {
            let length = usize::from(self.skip).min(buffer.len());
            return buffer.get_mut(..length).unwrap_or_default();
        }
        if self.start > 0 {
            let held = self.end.saturating_sub(self.start);
            let front = core::cell::Cell::from_mut(buffer).as_slice_of_cells();
            let from = front.get(self.start.into()..).unwrap_or_default();
            for (to, from) in front.iter().zip(from).take(held.into()) {
                to.set(from.get());
            }
            self.end = held;
            self.start = 0;
        }
        buffer.get_mut(self.end.into()..wanted).unwrap_or_default()
    }

    /// So many bytes were read into the space.
    pub(crate) fn filled(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(0);
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(count);
        } else {
            self.end = self.end.saturating_add(count);
        }
    }

    /// The front of what is held is done with.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.start = self.start.saturating_add(count).min(self.end);
        self.dirty = false;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    fn drop_byte(&mut self) {
        self.consume(1);
        self.dirty = true;
        self.has_dropped = true;
    }

    /// The line was silent: what is incomplete will not be completed. Only what is held is looked
    /// at again; where nothing is held, the next byte begins afresh.
    pub(crate) fn silence(&mut self) {
        if self.start < self.end {
            self.drop_byte();
        }
        if self.start == self.end {
            self.dirty = false;
        }
    }

    /// Whether a frame has begun to come in.
    pub(crate) fn is_inside(&self) -> bool {
        self.start < self.end
    }

    /// Whether bytes were dropped since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> bool {
        core::mem::take(&mut self.has_dropped)
    }

    /// The payload of the chunk at the front.
    pub(crate) fn payload<'b>(&self, buffer: &'b [u8], length: usize) -> &'b [u8] {
        let from = usize::from(self.start).saturating_add(HEADER_LEN);
        buffer.get(from..from.saturating_add(length)).unwrap_or_default()
    }

    /// How long the chunk is whose header stands at the front, if not all of it does.
    pub(crate) fn rest(&self, buffer: &[u8]) -> Option<usize> {
        let held = buffer.get(self.start.into()..self.end.into())?;
        let whole = Header::parse(held.first_chunk()?)?.whole();
        (held.len() < whole).then_some(whole)
    }

    /// Looks for a frame at the front; `signal` becomes the one that is found.
    pub(crate) fn look<C: Checksums>(
        &mut self,
        buffer: &[u8],
        belief: &Belief,
        signal: &mut Signal,
    ) -> Found {
        while self.skip == 0 {
            let held = buffer.get(self.start.into()..self.end.into()).unwrap_or_default();
            match candidate::<C>(held, belief, signal) {
                Found::Signal { .. } => {
                    let clean = !self.dirty;
                    self.consume(SIGNAL_LEN);
                    // Without a seed it may be content itself, and proves nothing.
                    self.dirty = !clean && signal.transfer == 0;
                    return Found::Signal { clean };
                }
                Found::Unwanted { length } => {
                    self.skip = u16::try_from(length.saturating_sub(held.len())).unwrap_or(0);
                    self.consume(length);
                }
                Found::Damaged if belief.lossy => self.drop_byte(),
                found => return found,
            }
        }
        Found::Nothing { wanted: 0 }
    }
}

fn candidate<C: Checksums>(held: &[u8], belief: &Belief, found: &mut Signal) -> Found {
    match held.first() {
        None => Found::Nothing { wanted: belief.wanted },
        Some(&MARKER) => chunk::<C>(held, belief),
        Some(b'C' | b'S' | b'R' | b'D' | b'E' | b'P') => signal::<C>(held, belief, found),
        Some(_) => Found::Damaged,
    }
}

fn signal<C: Checksums>(held: &[u8], belief: &Belief, found: &mut Signal) -> Found {
    match (held.first_chunk::<3>(), held.first_chunk::<SIGNAL_LEN>()) {
        (None, _) => Found::Nothing { wanted: HEADER_LEN },
        (Some(letters), _) if !Code::is_code(*letters) => Found::Damaged,
        (_, None) => Found::Nothing { wanted: SIGNAL_LEN },
        (_, Some(bytes)) => match Signal::parse::<C>(belief.seed, bytes) {
            Some(signal) => {
                *found = signal;
                Found::Signal { clean: true }
            }
            None => Found::Damaged,
        },
    }
}

fn chunk<C: Checksums>(held: &[u8], belief: &Belief) -> Found {
    let Some(bytes) = held.first_chunk::<HEADER_LEN>() else {
        return Found::Nothing { wanted: HEADER_LEN };
    };
    let Some(header) = Header::parse(bytes) else { return Found::Damaged };
    let length = usize::from(header.length);
    let whole = header.whole();
    let Some((seed, ahead)) = believed(&header, belief) else {
        return if belief.skips { Found::Unwanted { length: whole } } else { Found::Damaged };
    };
    match held.get(HEADER_LEN..whole) {
        None => Found::Nothing { wanted: whole },
        Some(payload) if !Header::verify::<C>(seed, bytes, payload) => Found::Damaged,
        Some(_) if header.description => Found::Description { length },
        Some(_) => Found::Chunk { ahead, length: header.length },
    }
}

/// The payload of the chunk at the front of `held`, if it is all there and sound, and begins at the
/// position of `file` ([`Belief::file`]). For reliable links.
pub(crate) fn next_chunk<C: Checksums>(
    held: &[u8],
    seed: u32,
    file: (u8, u64, u32),
) -> Option<&[u8]> {
    let file = Some(file);
    let belief = Belief { seed, lossy: false, skips: false, description: None, file, wanted: 0 };
    match chunk::<C>(held, &belief) {
        Found::Chunk { ahead: 0, length } => held.get(HEADER_LEN..)?.get(..length.into()),
        _ => None,
    }
}

/// The seed of its CRC, and how far past the position it begins (wrapping; 0 of a description), if
/// the chunk makes sense now.
fn believed(header: &Header, belief: &Belief) -> Option<(u32, u32)> {
    if header.description {
        let (transfer, length) = belief.description?;
        let [low, _] = transfer.to_le_bytes();
        let fits = header.transfer == low && header.length == length && header.position == 0;
        return fits.then_some((seed_for(transfer, belief.seed), 0));
    }
    let (low, position, reach) = belief.file?;
    let ahead = header.position.wrapping_sub(low_half(position));
    let end = ahead.wrapping_add(u32::from(header.length));
    let is_ahead = ahead < reach && end <= reach;
    let is_behind = !belief.lossy || ahead.wrapping_neg() <= BEHIND;
    (header.transfer == low && (is_ahead || is_behind)).then_some((belief.seed, ahead))
}
