//! The wire: bytes become meaning here, and meaning becomes bytes.
//!
//! Knows the layout of signals, chunks and descriptions (`PROTOCOL.md`, sections 2 to 5), and
//! nothing of the order in which they come. Past this file nobody sees an offset.

use crate::checksum::Checksums;
pub use crate::map::{MAP_UNITS, Map};

mod signal;

/// The protocol version spoken here.
pub const VERSION: u8 = 1;
/// Length of every signal, in bytes.
pub const SIGNAL_LEN: usize = 36;
/// Length of a chunk's header, in bytes.
pub const HEADER_LEN: usize = 12;
/// The most payload a chunk carries, in bytes.
pub const PAYLOAD_MAX: usize = 1024;
/// The longest frame: a full chunk, in bytes.
pub const FRAME_MAX: usize = HEADER_LEN + PAYLOAD_MAX;
/// A chunk's first byte. It stands in no UTF-8 text, so no log line starts a chunk.
pub const MARKER: u8 = 0xFA;
/// Instead of a size or a number of entries: it is not known.
pub const UNKNOWN: u64 = u64::MAX;
/// Instead of a time: it is not known.
pub const UNKNOWN_TIME: i64 = i64::MIN;
const DESCRIPTION_FLAG: u16 = 0x8000;
const LENGTH_BITS: u16 = 0x07FF;
/// The most credit that can be granted, in frames: half of the count's range.
pub const CREDIT_MAX: u16 = 0x7FFF;

/// The nine codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Code {
    /// On transfer 0 a client's greeting; else: where are you?
    Pin,
    /// On transfer 0 the answer to a greeting; else: my position.
    Pon,
    /// One file is offered.
    Saf,
    /// A tree is offered; its entries follow, one `SAF` after another.
    Sar,
    /// A file is asked for.
    Raf,
    /// A tree is asked for.
    Rar,
    /// The server is to end.
    Cls,
    /// All is sent (from a sender), or all is verified and in place (from a receiver).
    Don,
    /// What went wrong.
    Err,
}

/// The letters, as the first word of a signal has them.
const CODES: [(Code, u32); 9] = [
    (Code::Pin, u32::from_le_bytes(*b"PIN\0")),
    (Code::Pon, u32::from_le_bytes(*b"PON\0")),
    (Code::Saf, u32::from_le_bytes(*b"SAF\0")),
    (Code::Sar, u32::from_le_bytes(*b"SAR\0")),
    (Code::Raf, u32::from_le_bytes(*b"RAF\0")),
    (Code::Rar, u32::from_le_bytes(*b"RAR\0")),
    (Code::Cls, u32::from_le_bytes(*b"CLS\0")),
    (Code::Don, u32::from_le_bytes(*b"DON\0")),
    (Code::Err, u32::from_le_bytes(*b"ERR\0")),
];
const LETTERS: u32 = 0x00FF_FFFF;

impl Code {
    /// The code whose letters the first three bytes of a word are.
    fn parse(word: u32) -> Option<Self> {
        CODES.iter().find(|(_, letters)| *letters == word & LETTERS).map(|(code, _)| *code)
    }

    /// Whether these letters are a code.
    pub(crate) fn is_code([a, b, c]: [u8; 3]) -> bool {
        Self::parse(u32::from_le_bytes([a, b, c, 0])).is_some()
    }

    fn letters(self) -> u32 {
        CODES.iter().find(|(code, _)| *code == self).map_or(0, |(_, letters)| *letters)
    }
}

/// What a position comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Proof {
    /// Bit `i` (0 to 95): the unit `i + 1` units past the position is held.
    Map(Map),
    /// CRC-64/NVME of all that lies before the position: the offer is resumed there.
    Prefix(u64),
}

/// The terms of a session, as one end proposes or chooses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Greeting {
    /// Session number: 32 unpredictable bits, never 0.
    pub session: u32,
    /// Highest version spoken; in an answer, the version chosen.
    pub version: u8,
    /// Whether the link may lose, damage, insert or double bytes.
    pub lossy: bool,
    /// Whether this end cannot listen while it sends.
    pub half_duplex: bool,
    /// Bits of optional features ([`FEATURE_SHA256`]).
    pub features: u16,
    /// Largest chunk payload, in bytes.
    pub chunk: u16,
    /// A unit of the map is 256 · 2^unit bytes.
    pub unit: u8,
    /// How many frames may be sent to this end before it is asked.
    pub credit: u16,
}

/// Feature bit: `DON` carries the SHA-256 of the file in its description.
pub const FEATURE_SHA256: u16 = 1;

/// A signal: 36 bytes on the wire. What its position and its detail mean depends on the code
/// (`PROTOCOL.md`, section 3); it is made and read by the methods that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Signal {
    /// What it says.
    pub code: Code,
    /// Which transfer it speaks of; 0 is the session itself.
    pub transfer: u16,
    /// Length in bytes of the description that follows; 0: none.
    pub description: u16,
    /// Where, in bytes; of a tree, in entries.
    pub position: u64,
    /// What the code says besides, as four words.
    pub detail: [u32; 4],
}

/// A chunk's header: 12 bytes on the wire, before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// Low byte of the transfer it belongs to.
    pub transfer: u8,
    /// Whether it is the description of the signal right before it.
    pub description: bool,
    /// Payload in bytes, at most [`PAYLOAD_MAX`].
    pub length: u16,
    /// Low half of its position in the file, in bytes.
    pub position: u32,
}

/// The CRC seeds of a session: every frame's CRC-32 continues one of them (`PROTOCOL.md`, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    /// Of frames that go out.
    pub sending: u32,
    /// Of frames that come in.
    pub receiving: u32,
}

impl Seeds {
    /// Seeds of a client's session `number`.
    pub const fn client(number: u32) -> Self {
        Self { sending: number, receiving: !number }
    }

    /// Seeds of a server in session `number`.
    pub const fn server(number: u32) -> Self {
        Self { sending: !number, receiving: number }
    }
}

/// The seed for a frame of `transfer`: the session's, except on transfer 0.
pub(crate) const fn seed_for(transfer: u16, seed: u32) -> u32 {
    if transfer == 0 { 0 } else { seed }
}

/// Where the fields of a signal stand (`PROTOCOL.md`, section 3).
impl Signal {
    /// Writes the signal. `seed` is that of the direction; on transfer 0 it is not used.
    pub fn emit<C: Checksums>(&self, seed: u32, into: &mut [u8; SIGNAL_LEN]) {
        let code = self.code.letters() | u32::from_le_bytes([0, 0, 0, VERSION]);
        let [low, high] = halves(self.position);
        let [a, b, c, d] = self.detail;
        let (covered, crc) = into.split_at_mut(SIGNAL_LEN - 4);
        emit(&[code, word(self.transfer, self.description), low, high, a, b, c, d], covered);
        emit(&[C::crc32(seed_for(self.transfer, seed), covered)], crc);
    }

    /// Reads a signal; `None` if the CRC differs or the fields make no signal.
    pub fn parse<C: Checksums>(seed: u32, bytes: &[u8; SIGNAL_LEN]) -> Option<Self> {
        let [letters, numbers, low, high, a, b, c, d, crc] = parse(bytes);
        let code = Code::parse(letters)?;
        let [.., version] = letters.to_le_bytes();
        let [transfer, description] = split(numbers);
        // Signals of transfer 0 keep this layout in every version; the others are version 1's.
        let sound = match transfer {
            0 => matches!(code, Code::Pin | Code::Pon | Code::Err),
            _ => version == VERSION,
        };
        let (covered, _) = bytes.split_at(SIGNAL_LEN - 4);
        let fits = usize::from(description) <= PAYLOAD_MAX;
        let position = number(low, high);
        (sound && fits && C::crc32(seed_for(transfer, seed), covered) == crc).then_some(Self {
            code,
            transfer,
            description,
            position,
            detail: [a, b, c, d],
        })
    }
}

impl Header {
    /// Writes the header before a payload of `self.length` bytes at the front of `payload`.
    pub fn emit<C: Checksums>(&self, seed: u32, frame: &mut [u8; FRAME_MAX]) {
        let flags = if self.description { DESCRIPTION_FLAG } else { 0 };
        let length = (self.length & LENGTH_BITS) | flags;
        let marker = u16::from_le_bytes([MARKER, self.transfer]);
        let (header, payload) = frame.split_at_mut(HEADER_LEN);
        let payload = payload.get(..usize::from(self.length)).unwrap_or_default();
        let (covered, crc) = header.split_at_mut(HEADER_LEN - 4);
        emit(&[word(marker, length), self.position], covered);
        emit(&[C::crc32(C::crc32(seed, covered), payload)], crc);
    }

    /// Reads a header; `None` if it begins no chunk. The CRC is checked once the payload is there.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let [first, position, _] = parse(bytes);
        let [marker, bits] = split(first);
        let [marker, transfer] = marker.to_le_bytes();
        let length = bits & LENGTH_BITS;
        let reserved = bits & !(LENGTH_BITS | DESCRIPTION_FLAG);
        let sound = marker == MARKER && reserved == 0 && (1..=PAYLOAD_MAX).contains(&length.into());
        let description = bits & DESCRIPTION_FLAG != 0;
        sound.then_some(Self { transfer, description, length, position })
    }

    /// Length in bytes of the whole chunk.
    pub(crate) fn whole(&self) -> usize {
        HEADER_LEN.saturating_add(self.length.into()).min(FRAME_MAX)
    }

    /// Whether the CRC in `header` is that of the header and `payload`.
    pub fn verify<C: Checksums>(seed: u32, header: &[u8; HEADER_LEN], payload: &[u8]) -> bool {
        let (covered, _) = header.split_at(HEADER_LEN - 4);
        let [_, _, crc] = parse(header);
        C::crc32(C::crc32(seed, covered), payload) == crc
    }
}

/// The words that bytes are, the lowest byte first; 0 where there is no byte.
fn parse<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    let (fields, _) = bytes.as_chunks();
    for (word, field) in words.iter_mut().zip(fields) {
        *word = u32::from_le_bytes(*field);
    }
    words
}

/// Writes words, the lowest byte first; what does not fit is cut.
fn emit(words: &[u32], into: &mut [u8]) {
    let (fields, _) = into.as_chunks_mut();
    for (field, word) in fields.iter_mut().zip(words) {
        *field = word.to_le_bytes();
    }
}

const fn word(low: u16, high: u16) -> u32 {
    let ([a, b], [c, d]) = (low.to_le_bytes(), high.to_le_bytes());
    u32::from_le_bytes([a, b, c, d])
}

const fn split(word: u32) -> [u16; 2] {
    let [a, b, c, d] = word.to_le_bytes();
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

/// The low half of a number first, then its high one.
const fn halves(number: u64) -> [u32; 2] {
    [low_half(number), low_half(number >> 32)]
}

const fn words(first: u64, second: u64) -> [u32; 4] {
    let ([a, b], [c, d]) = (halves(first), halves(second));
    [a, b, c, d]
}

const fn number(low: u32, high: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (low.to_le_bytes(), high.to_le_bytes());
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The low 32 bits of a position.
pub(crate) const fn low_half(position: u64) -> u32 {
    (position & 0xFFFF_FFFF) as u32
}
