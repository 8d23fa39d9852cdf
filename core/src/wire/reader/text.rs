//! Text: which of the dropped bytes belong to no frame (`PROTOCOL.md`, R98).

use super::expect::accepts;
use super::{Expect, Parsed, Reader};
use crate::wire::{
    Code, HEADER_LEN, HOLE_LEN, Header, Hole, MARKER, PAYLOAD_MAX, SIGNAL_LEN, VERSION,
};

/// The number of transfers before the last one whose chunks may still arrive.
const LATE_TRANSFERS: u8 = 1;
/// The positions that such a chunk may have: a bound that makes it rare that other bytes look like one.
const LATE_POSITIONS: u32 = 1 << 24;
/// The first bytes of a signal, up to the length of its metadata.
const SIGNAL_BEGIN: usize = 8;

/// Bytes of text, one behind another in the buffer.
#[derive(Debug, Default)]
pub(super) struct Text {
    at: u16,
    length: u16,
}

impl Text {
    /// The byte at `at` is text; it is the one behind the last one.
    pub(super) fn add(&mut self, at: u16) {
        if self.length == 0 {
            self.at = at;
        }
        self.length = self.length.saturating_add(1);
    }

    /// The text, if there is any.
    pub(super) fn found(&self) -> Option<Parsed> {
        (self.length > 0).then_some(Parsed::Text { at: self.at, length: self.length })
    }
}

impl Reader {
    /// Records the length of the damaged frame at the front, if one begins there, and returns `parsed`: damaged
    /// where a silence has cut the frame.
    pub(super) fn note_damaged(
        &mut self,
        parsed: Parsed,
        buffered: &[u8],
        expect: &Expect,
    ) -> Parsed {
        let is_cut = core::mem::take(&mut self.is_cut) && !buffered.is_empty();
        let is_incomplete = matches!(parsed, Parsed::Incomplete { .. });
        if matches!(parsed, Parsed::Damaged) || (is_cut && is_incomplete) {
            // The content of a damaged frame may look like another one, which would end behind it.
            let length = match self.damaged {
                0 => damaged_length(buffered, expect),
                length => length,
            };
            // Behind a silence something else begins.
            let most = if is_cut { buffered.len() } else { usize::from(u16::MAX) };
            self.damaged = length.min(u16::try_from(most).unwrap_or(u16::MAX));
            return Parsed::Damaged;
        }
        if !is_incomplete {
            self.damaged = 0;
        }
        parsed
    }

    /// Whether the byte at the front is text, after [`Reader::note_damaged`].
    pub(super) fn is_text(&self, parsed: &Parsed) -> bool {
        matches!(parsed, Parsed::Damaged) && self.damaged == 0
    }
}

/// Whether a signal may begin with these bytes: text is no signal although it has the letters of a code.
pub(super) fn may_be_signal(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<SIGNAL_BEGIN>() {
        Some(&[_, _, _, version, transfer_low, transfer_high, low, high]) => {
            // On transfer 0 the version may be another one.
            let is_session = (transfer_low, transfer_high) == (0, 0);
            let metadata = u16::from_le_bytes([low, high]);
            (version == VERSION || is_session) && usize::from(metadata) <= PAYLOAD_MAX
        }
        None => true,
    }
}

/// The length of the damaged frame that begins with these bytes; 0: none can be recognised.
fn damaged_length(bytes: &[u8], expect: &Expect) -> u16 {
    let length = match bytes.first() {
        Some(&MARKER) => bytes.first_chunk().and_then(|header| chunk_length(header, expect)),
        _ => is_damaged_signal(bytes).then_some(SIGNAL_LEN),
    };
    length.and_then(|length| u16::try_from(length).ok()).unwrap_or(0)
}

fn is_damaged_signal(bytes: &[u8]) -> bool {
    match bytes.first_chunk() {
        Some(&[a, b, c, VERSION]) => Code::is_code([a, b, c]) && may_be_signal(bytes),
        _ => false,
    }
}

/// The length of the chunk with this header, if the session may have such a chunk: metadata, or one of the
/// last transfers.
fn chunk_length(header: &[u8; HEADER_LEN], expect: &Expect) -> Option<usize> {
    let (chunk, length) = match Header::parse(header) {
        Some(chunk) => (chunk, chunk.frame_len()),
        None => (Hole::parse_header(header)?, HOLE_LEN),
    };
    let is_plausible = chunk.position < LATE_POSITIONS || accepts(&chunk, expect).is_some();
    let is_late = |last: u8| is_plausible && last.wrapping_sub(chunk.transfer) <= LATE_TRANSFERS;
    let is_metadata = chunk.metadata && chunk.position == 0;
    (is_metadata || expect.last_transfer.is_some_and(is_late)).then_some(length)
}
