//! The wire: bytes are parsed here, and nowhere else.
//!
//! Knows the layout of signals, chunks and metadata (`PROTOCOL.md`, sections 2 to 5), and nothing
//! of the order in which they come. No other module uses an offset into a frame.

pub use self::chunk::Header;
pub(crate) use self::chunk::payloads;
pub use self::hole::{HOLE_LEN, HOLE_MAX, Hole};
pub use self::sack::{AckInfo, SACK_BLOCKS, SackMap};
pub(crate) use self::signal::features;
pub use self::signal::{Ack, Body, Code, FEATURE_HOLES, FEATURE_SHA256, Hello, Signal};

mod chunk;
mod hole;
pub mod metadata;
pub(crate) mod operation;
pub(crate) mod options;
pub mod path;
pub(crate) mod reader;
mod sack;
mod signal;

/// The protocol version spoken here.
pub const VERSION: u8 = 1;
/// Length of every signal, in bytes.
pub const SIGNAL_LEN: usize = 36;
/// Length of a chunk's header, in bytes.
pub const HEADER_LEN: usize = 12;
/// The largest payload of a chunk, in bytes.
pub const PAYLOAD_MAX: usize = 1024;
/// The longest frame: a full chunk, in bytes.
pub const FRAME_MAX: usize = HEADER_LEN + PAYLOAD_MAX;
/// A chunk's first byte. It never occurs in UTF-8 text, so no log line starts a chunk.
pub const MARKER: u8 = 0xFA;
/// In place of a size or a number of entries that is not known.
pub const UNKNOWN: u64 = u64::MAX;
/// In place of a time that is not known.
pub const UNKNOWN_TIME: i64 = i64::MIN;
/// The largest credit, in frames: half of the range of the frame count.
pub const CREDIT_MAX: u16 = 0x7FFF;

/// The CRC seeds of a session: every frame's CRC-32 continues one of them (`PROTOCOL.md`, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    /// For frames that go out.
    pub sending: u32,
    /// For frames that come in.
    pub receiving: u32,
}

impl Seeds {
    /// The client's seeds in session `number`.
    pub const fn client(number: u32) -> Self {
        Self { sending: number, receiving: !number }
    }

    /// The server's seeds in session `number`.
    pub const fn server(number: u32) -> Self {
        Self { sending: !number, receiving: number }
    }
}

/// The seed for a frame of `transfer`: that of the session, except on transfer 0.
pub(crate) const fn seed_for(transfer: u16, seed: u32) -> u32 {
    if transfer == 0 { 0 } else { seed }
}

/// The low byte of a transfer's number, as in a chunk.
pub(crate) const fn low_byte(transfer: u16) -> u8 {
    let [low, _] = transfer.to_le_bytes();
    low
}

/// Parses little-endian words; 0 where the bytes end.
fn parse<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    let (fields, _) = bytes.as_chunks();
    for (word, field) in words.iter_mut().zip(fields) {
        *word = u32::from_le_bytes(*field);
    }
    words
}

/// Writes little-endian words.
fn emit(words: &[u32], into: &mut [u8]) {
    debug_assert!(words.len().saturating_mul(4) <= into.len(), "the words do not fit");
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

/// The low half of a number, then its high half.
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
