//! Signals: frames of 36 bytes (`PROTOCOL.md`, section 3).
//!
//! A [`Signal`] is packed, as on the wire, because that is smallest on a microcontroller. Code that has
//! matched the code reads single fields; [`Signal::body`] returns all fields of a code as a [`Body`]. One
//! constructor for each body makes a signal.

use super::{
    AckInfo, PAYLOAD_MAX, SIGNAL_LEN, VERSION, emit, halves, number, parse, seed_for, split, word,
};
use crate::checksum::Checksums;
use crate::error::Reason;

mod fields;
mod session;

/// Feature bit: `DON` carries the SHA-256 of the file in its metadata.
pub const FEATURE_SHA256: u16 = 1;
/// Feature bit: chunks may be holes ([`Hole`](super::Hole)).
pub const FEATURE_HOLES: u16 = 2;

/// The feature bits of a hello.
pub(crate) const fn features(sha256: bool, holes: bool) -> u16 {
    let sha256 = if sha256 { FEATURE_SHA256 } else { 0 };
    if holes { sha256 | FEATURE_HOLES } else { sha256 }
}

/// The nine codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Code {
    /// Ping: on transfer 0 the client's hello; else the sender queries the position.
    Pin,
    /// Pong: on transfer 0 the hello reply; else the receiver's position.
    Pon,
    /// Send a file: one file is offered.
    Saf,
    /// Send a directory recursively: a tree is offered; one `SAF` for each entry follows.
    Sar,
    /// Receive a file: one file is requested.
    Raf,
    /// Receive a directory recursively: a tree is requested.
    Rar,
    /// Close: the server is to end.
    Cls,
    /// Done: from a sender, all is sent; from a receiver, all is verified and in place.
    Don,
    /// Error: the transfer or the session is refused.
    Err,
}

/// All codes.
const CODES: [Code; 9] = [
    Code::Pin,
    Code::Pon,
    Code::Saf,
    Code::Sar,
    Code::Raf,
    Code::Rar,
    Code::Cls,
    Code::Don,
    Code::Err,
];
/// The bytes of a signal's first word that are letters.
const LETTERS: u32 = 0x00FF_FFFF;

impl Code {
    /// The code whose letters are the first three bytes of `word`.
    fn parse(word: u32) -> Option<Self> {
        CODES.iter().find(|code| code.word() == word & LETTERS).copied()
    }

    /// Whether these letters are those of a code.
    pub(crate) fn is_code([a, b, c]: [u8; 3]) -> bool {
        Self::parse(u32::from_le_bytes([a, b, c, 0])).is_some()
    }

    /// The letters: the first bytes of a signal.
    pub const fn letters(self) -> [u8; 3] {
        let [a, b, c, _] = self.word().to_le_bytes();
        [a, b, c]
    }

    /// The letters, as the first word of a signal.
    const fn word(self) -> u32 {
        u32::from_le_bytes(match self {
            Self::Pin => *b"PIN\0",
            Self::Pon => *b"PON\0",
            Self::Saf => *b"SAF\0",
            Self::Sar => *b"SAR\0",
            Self::Raf => *b"RAF\0",
            Self::Rar => *b"RAR\0",
            Self::Cls => *b"CLS\0",
            Self::Don => *b"DON\0",
            Self::Err => *b"ERR\0",
        })
    }
}

/// The parameters of a session: proposed by the client, chosen by the server.
///
/// A later version may have more fields: code that makes a hello states each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello {
    /// Session number: 32 unpredictable bits, never 0.
    pub session: u32,
    /// Highest version spoken; in the hello reply, the version chosen.
    pub version: u8,
    /// Whether the link may lose, damage, insert or duplicate bytes.
    pub lossy: bool,
    /// Whether this end cannot receive while it sends.
    pub half_duplex: bool,
    /// Bits of optional features ([`FEATURE_SHA256`], [`FEATURE_HOLES`]).
    pub features: u16,
    /// Largest chunk payload, in bytes.
    pub chunk: u16,
    /// A block of the map is 256 · 2^block bytes.
    pub block: u8,
    /// Frames that may be sent to this end before its next credit.
    pub credit: u16,
}

/// A signal: 36 bytes on the wire. The meaning of its position and its detail depends on the code:
/// [`Signal::body`].
///
/// Its fields are aligned to 4 bytes, since a session of a microcontroller keeps some signals: `position` must be
/// copied, it cannot be borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[repr(Rust, packed(4))]
pub struct Signal {
    /// The code.
    pub code: Code,
    /// The transfer; 0 is the session itself.
    pub transfer: u16,
    /// Length of the metadata that follows, in bytes; 0: none.
    pub metadata: u16,
    /// A position in bytes; of a tree, in entries.
    pub position: u64,
    /// Further fields, as four words.
    pub detail: [u32; 4],
}

/// The receiver's position and credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ack {
    /// The receiver has everything before, in bytes; of a tree, entries offered.
    pub position: u64,
    /// Frames that may follow the count; 0: busy.
    pub credit: u16,
    /// Count of the last `PIN` or `DON` received.
    pub count: u16,
    /// Blocks past the position, or the digest of the prefix before it.
    pub info: AckInfo,
}

/// The fields of a signal, by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body {
    /// `PIN` or `PON` on transfer 0.
    Hello(Hello),
    /// `PIN` on a transfer: the sender queries the position.
    Query {
        /// Bytes sent at least once.
        sent: u64,
        /// Frames sent so far, modulo 2^16.
        count: u16,
        /// Whether the sender waits for its store.
        waiting: bool,
    },
    /// `PON` on a transfer.
    Ack(Ack),
    /// `SAF`.
    OfferFile {
        /// Highest position to resume from, in bytes; 0: restart.
        resume: u64,
        /// In bytes, or [`UNKNOWN`](super::UNKNOWN).
        size: u64,
        /// In nanoseconds since 1970, or [`UNKNOWN_TIME`](super::UNKNOWN_TIME).
        modified: i64,
    },
    /// `SAR`.
    OfferTree {
        /// Number of entries, or [`UNKNOWN`](super::UNKNOWN).
        entries: u64,
        /// Bytes in all entries, or [`UNKNOWN`](super::UNKNOWN).
        bytes: u64,
    },
    /// `RAF` or `RAR`.
    Request {
        /// Whether a tree is requested.
        tree: bool,
        /// Whether only the offers are requested.
        names_only: bool,
    },
    /// `CLS`.
    Close,
    /// `DON`.
    Done {
        /// In bytes; of a tree, in entries.
        size: u64,
        /// Frames sent; from a receiver, the count that it acknowledges.
        count: u16,
        /// CRC-64/NVME of the file; of a tree from its sender, the number of omitted entries.
        digest: u64,
    },
    /// `ERR`.
    Error {
        /// From a sender, where it stopped in the file, in bytes.
        position: u64,
        /// Why.
        reason: Reason,
        /// On transfer 0, the session number.
        session: u32,
    },
}

// Not derived: that would borrow fields that are not aligned.
#[cfg(feature = "defmt")]
impl defmt::Format for Signal {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { code, transfer, metadata, position, detail } = *self;
        defmt::write!(
            f,
            "Signal {{ code: {}, transfer: {}, metadata: {}, position: {}, detail: {} }}",
            code,
            transfer,
            metadata,
            position,
            detail
        );
    }
}

/// Layout.
impl Signal {
    /// Writes the signal. `seed` is that of the direction; on transfer 0 it is not used.
    pub fn emit<C: Checksums>(&self, seed: u32, into: &mut [u8; SIGNAL_LEN]) {
        let code = self.code.word() | u32::from_le_bytes([0, 0, 0, VERSION]);
        let [low, high] = halves(self.position);
        let [a, b, c, d] = self.detail;
        let (covered, crc) = into.split_at_mut(SIGNAL_LEN - 4);
        emit(&[code, word(self.transfer, self.metadata), low, high, a, b, c, d], covered);
        emit(&[C::crc32(seed_for(self.transfer, seed), covered)], crc);
    }

    /// Parses a signal; `None` if the CRC differs or the fields make no signal.
    pub fn parse<C: Checksums>(seed: u32, bytes: &[u8; SIGNAL_LEN]) -> Option<Self> {
        let [letters, numbers, low, high, a, b, c, d, crc] = parse(bytes);
        let code = Code::parse(letters)?;
        let [.., version] = letters.to_le_bytes();
        let [transfer, metadata] = split(numbers);
        // Signals of transfer 0 keep this layout in every version; the others are version 1's.
        let valid = match transfer {
            0 => matches!(code, Code::Pin | Code::Pon | Code::Err),
            _ => version == VERSION,
        };
        let (covered, _) = bytes.split_at(SIGNAL_LEN - 4);
        let fits = usize::from(metadata) <= PAYLOAD_MAX;
        let position = number(low, high);
        (valid && fits && C::crc32(seed_for(transfer, seed), covered) == crc).then_some(Self {
            code,
            transfer,
            metadata,
            position,
            detail: [a, b, c, d],
        })
    }

    /// The fields, by the code.
    pub fn body(&self) -> Body {
        let position = self.position;
        match self.code {
            Code::Pin | Code::Pon if self.transfer == 0 => Body::Hello(self.as_hello()),
            Code::Pin => {
                let waiting = self.is_waiting();
                Body::Query { sent: position, count: self.count(), waiting }
            }
            Code::Pon => Body::Ack(self.as_ack()),
            Code::Saf => {
                let (size, modified) = (self.size(), self.modified());
                Body::OfferFile { resume: position, size, modified }
            }
            Code::Sar => Body::OfferTree { entries: self.size(), bytes: self.bytes() },
            Code::Raf => Body::Request { tree: false, names_only: self.names_only() },
            Code::Rar => Body::Request { tree: true, names_only: self.names_only() },
            Code::Cls => Body::Close,
            Code::Don => Body::Done { size: position, count: self.count(), digest: self.digest() },
            Code::Err => {
                let (reason, session) = (self.reason(), self.session());
                Body::Error { position, reason, session }
            }
        }
    }
}
