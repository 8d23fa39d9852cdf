//! Chunks: a header, then a payload (`PROTOCOL.md`, section 4).

use super::{FRAME_MAX, HEADER_LEN, MARKER, PAYLOAD_MAX, emit, parse, split, word};
use crate::checksum::Checksums;

const METADATA_FLAG: u16 = 0x8000;
const LENGTH_BITS: u16 = 0x07FF;

/// A chunk's header: 12 bytes on the wire, before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// Low byte of the transfer.
    pub transfer: u8,
    /// Whether the payload is the metadata of the signal right before the chunk.
    pub metadata: bool,
    /// Length of the payload in bytes, at most [`PAYLOAD_MAX`].
    pub length: u16,
    /// Low half of the position in the file, in bytes.
    pub position: u32,
}

impl Header {
    /// Writes the header before a payload of `self.length` bytes that is in `frame` already.
    pub fn emit<C: Checksums>(&self, seed: u32, frame: &mut [u8]) {
        let Some((header, payload)) = frame.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let flags = if self.metadata { METADATA_FLAG } else { 0 };
        let length = (self.length & LENGTH_BITS) | flags;
        let marker = u16::from_le_bytes([MARKER, self.transfer]);
        let payload = payload.get(..usize::from(self.length)).unwrap_or_default();
        let (covered, crc) = header.split_at_mut(HEADER_LEN - 4);
        emit(&[word(marker, length), self.position], covered);
        emit(&[C::crc32(C::crc32(seed, covered), payload)], crc);
    }

    /// Parses a header; `None` if it starts no chunk. [`Header::verify`] checks the CRC once the
    /// payload is there.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let [first, position, _] = parse(bytes);
        let [marker, bits] = split(first);
        let [marker, transfer] = marker.to_le_bytes();
        let length = bits & LENGTH_BITS;
        let reserved = bits & !(LENGTH_BITS | METADATA_FLAG);
        let valid = marker == MARKER && reserved == 0 && (1..=PAYLOAD_MAX).contains(&length.into());
        let metadata = bits & METADATA_FLAG != 0;
        valid.then_some(Self { transfer, metadata, length, position })
    }

    /// Length of the whole chunk, in bytes.
    pub(crate) fn frame_len(&self) -> usize {
        debug_assert!(usize::from(self.length) <= PAYLOAD_MAX);
        HEADER_LEN.saturating_add(self.length.into()).min(FRAME_MAX)
    }

    /// Whether the CRC in `header` covers this header and `payload`.
    pub fn verify<C: Checksums>(seed: u32, header: &[u8; HEADER_LEN], payload: &[u8]) -> bool {
        let (covered, _) = header.split_at(HEADER_LEN - 4);
        let [_, _, crc] = parse(header);
        C::crc32(C::crc32(seed, covered), payload) == crc
    }
}

/// The payloads of chunks that follow one another without a gap.
pub(crate) fn payloads(mut chunks: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let length = Header::parse(chunks.first_chunk()?)?.frame_len();
        let (chunk, rest) = chunks.split_at_checked(length)?;
        chunks = rest;
        chunk.get(HEADER_LEN..)
    })
}
