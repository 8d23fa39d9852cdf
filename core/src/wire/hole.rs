//! Holes: chunks that describe zeros (`PROTOCOL.md`, section 13).

use super::{HEADER_LEN, Header, emit, low_half, number, parse, word, words};
use crate::checksum::Checksums;
use crate::wire::MARKER;

/// Length of a whole hole frame, in bytes.
pub const HOLE_LEN: usize = HEADER_LEN + PAYLOAD_LEN;
/// The largest number of zeros in one frame on a reliable link, in bytes. A computer computes SHA-256 of them in less
/// than a second. A receiver whose store is slow sends acks between their parts.
pub const HOLE_MAX: u32 = 1 << 24;

/// Length of the payload: a position and a length.
const PAYLOAD_LEN: usize = 16;
/// The third word of the header: the length of the payload, and the bit that makes it a hole.
const HOLE_BITS: u16 = PAYLOAD_LEN as u16 | 0x0800;

/// A part of a file that has zeros only, as a frame of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hole {
    /// Low byte of the transfer.
    pub transfer: u8,
    /// Where it begins in the file, in bytes.
    pub position: u64,
    /// The number of zeros.
    pub length: u64,
}

impl Hole {
    /// Writes the frame to the front of `frame`.
    pub fn emit<C: Checksums>(&self, seed: u32, frame: &mut [u8]) {
        let Some((header, payload)) = frame.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let payload = payload.get_mut(..PAYLOAD_LEN).unwrap_or_default();
        emit(&words(self.position, self.length), payload);
        let marker = u16::from_le_bytes([MARKER, self.transfer]);
        let (covered, crc) = header.split_at_mut(HEADER_LEN - 4);
        emit(&[word(marker, HOLE_BITS), low_half(self.position)], covered);
        emit(&[C::crc32(C::crc32(seed, covered), payload)], crc);
    }

    /// Parses the header of a hole; `None` if it starts none.
    pub fn parse_header(bytes: &[u8; HEADER_LEN]) -> Option<Header> {
        let [first, position, _] = parse(bytes);
        let [low, high] = super::split(first);
        let [marker, transfer] = low.to_le_bytes();
        let length = PAYLOAD_LEN as u16;
        let is_hole = marker == MARKER && high == HOLE_BITS;
        is_hole.then_some(Header { transfer, metadata: false, length, position })
    }

    /// Parses the payload behind `header`; `None` if it has another position. [`Header::verify`] checks the CRC.
    pub fn parse_payload(header: &Header, payload: &[u8]) -> Option<Self> {
        let [a, b, c, d] = parse(payload);
        let hole = Self { transfer: header.transfer, position: number(a, b), length: number(c, d) };
        (low_half(hole.position) == header.position).then_some(hole)
    }
}
