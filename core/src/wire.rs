//! The wire: bytes become meaning here, and meaning becomes bytes.
//!
//! Knows the layout of signals, chunks and descriptions (`PROTOCOL.md`, sections 2 to 5), and
//! nothing of the order in which they come. Past this file nobody sees an offset.

use crate::checksum::Checksums;
use crate::error::Reason;
pub use crate::map::{MAP_UNITS, Map};

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
const PREFIX_FLAG: u16 = 0x8000;
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

const CODES: [(Code, [u8; 3]); 9] = [
    (Code::Pin, *b"PIN"),
    (Code::Pon, *b"PON"),
    (Code::Saf, *b"SAF"),
    (Code::Sar, *b"SAR"),
    (Code::Raf, *b"RAF"),
    (Code::Rar, *b"RAR"),
    (Code::Cls, *b"CLS"),
    (Code::Don, *b"DON"),
    (Code::Err, *b"ERR"),
];

impl Code {
    /// The code that three letters are.
    pub(crate) fn parse(letters: &[u8]) -> Option<Self> {
        CODES.iter().find(|(_, code)| code == letters).map(|(code, _)| *code)
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

const LOSSY_FLAG: u8 = 1;
const HALF_DUPLEX_FLAG: u8 = 2;
const NAMES_ONLY_FLAG: u64 = 1;

/// A signal: 36 bytes on the wire. What its position and its detail mean depends on the code
/// (`PROTOCOL.md`, section 4); it is made and read by the methods that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// What the code says besides.
    pub detail: [u8; 16],
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

/// Signals, made.
impl Signal {
    /// A signal without a description, whose detail is empty.
    pub const fn new(code: Code, transfer: u16, position: u64) -> Self {
        Self { code, transfer, description: 0, position, detail: [0; 16] }
    }

    fn with(mut self, at: usize, width: usize, value: u64) -> Self {
        put(&mut self.detail, at, width, value);
        self
    }

    /// `PIN` or `PON` on transfer 0.
    pub fn greeting(code: Code, greeting: &Greeting) -> Self {
        let lossy = if greeting.lossy { LOSSY_FLAG } else { 0 };
        let half_duplex = if greeting.half_duplex { HALF_DUPLEX_FLAG } else { 0 };
        Self::new(code, 0, 0)
            .with(0, 4, greeting.session.into())
            .with(4, 1, greeting.version.into())
            .with(5, 1, (lossy | half_duplex).into())
            .with(6, 2, greeting.features.into())
            .with(8, 2, greeting.chunk.into())
            .with(10, 1, greeting.unit.into())
            .with(12, 2, greeting.credit.into())
    }

    /// `SAF`. `resume`: the highest position in bytes that the sender will resume from. `size` in
    /// bytes or [`UNKNOWN`], `modified` in nanoseconds since 1970 or [`UNKNOWN_TIME`].
    pub fn offer(transfer: u16, resume: u64, size: u64, modified: i64) -> Self {
        let modified = modified.cast_unsigned();
        Self::new(Code::Saf, transfer, resume).with(0, 8, size).with(8, 8, modified)
    }

    /// `SAR`, with the number of entries and the bytes in all of them, or [`UNKNOWN`].
    pub fn offer_tree(transfer: u16, entries: u64, bytes: u64) -> Self {
        Self::new(Code::Sar, transfer, 0).with(0, 8, entries).with(8, 8, bytes)
    }

    /// `RAF`, or of a tree `RAR`. `names_only`: only the offers are wanted, not the content.
    pub fn request(transfer: u16, tree: bool, names_only: bool) -> Self {
        let code = if tree { Code::Rar } else { Code::Raf };
        Self::new(code, transfer, 0).with(0, 1, u64::from(names_only) * NAMES_ONLY_FLAG)
    }

    /// `DON`: `size` in bytes, of a tree in entries; `count` of frames sent; CRC-64/NVME of the
    /// file, 0 of a tree.
    pub fn done(transfer: u16, size: u64, count: u16, digest: u64) -> Self {
        Self::new(Code::Don, transfer, size).with(0, 2, count.into()).with(8, 8, digest)
    }

    /// `ERR`. `position` in bytes; `session`: in answer to a greeting the number it carried, else 0.
    pub fn refuse(transfer: u16, position: u64, reason: Reason, session: u32) -> Self {
        Self::new(Code::Err, transfer, position).with(0, 2, reason.code().into()).with(
            4,
            4,
            session.into(),
        )
    }

    /// `PIN` of a transfer: bytes and frames sent so far.
    pub fn ask(transfer: u16, sent: u64, count: u16) -> Self {
        Self::new(Code::Pin, transfer, sent).with(0, 2, count.into())
    }

    /// `PON` of a transfer: everything before `position` is held; `credit` frames may follow the
    /// `count` of the question it answers.
    pub fn held(transfer: u16, position: u64, credit: u16, count: u16, proof: Proof) -> Self {
        let credit = credit.min(CREDIT_MAX);
        let mut signal = Self::new(Code::Pon, transfer, position).with(2, 2, count.into());
        match proof {
            Proof::Map(map) => {
                map.emit(signal.detail.get_mut(4..).unwrap_or_default());
                signal.with(0, 2, credit.into())
            }
            Proof::Prefix(digest) => {
                signal.with(0, 2, (credit | PREFIX_FLAG).into()).with(4, 8, digest)
            }
        }
    }
}

/// Signals, read. Each method is for the codes that it names; of others it gives a number that
/// means nothing.
impl Signal {
    fn number(&self, at: usize, width: usize) -> u64 {
        number(&self.detail, at, width)
    }

    fn half(&self, at: usize) -> u16 {
        (self.number(at, 2) & 0xFFFF) as u16
    }

    /// What a `PIN` or `PON` on transfer 0 says.
    pub fn terms(&self) -> Greeting {
        let [version, link] = self.half(4).to_le_bytes();
        let [unit, _] = self.half(10).to_le_bytes();
        Greeting {
            session: low_half(self.number(0, 4)),
            version,
            lossy: link & LOSSY_FLAG != 0,
            half_duplex: link & HALF_DUPLEX_FLAG != 0,
            features: self.half(6),
            chunk: self.half(8),
            unit,
            credit: self.half(12),
        }
    }

    /// Size of a `SAF` in bytes, entries of a `SAR`, or [`UNKNOWN`].
    pub fn size(&self) -> u64 {
        self.number(0, 8)
    }

    /// Bytes in all entries of a `SAR`, or [`UNKNOWN`].
    pub fn bytes(&self) -> u64 {
        self.number(8, 8)
    }

    /// Time of last modification of a `SAF`, in nanoseconds since 1970, or [`UNKNOWN_TIME`].
    pub fn modified(&self) -> i64 {
        self.number(8, 8).cast_signed()
    }

    /// Whether a `RAF` or `RAR` wants the offers only.
    pub fn names_only(&self) -> bool {
        self.number(0, 8) & NAMES_ONLY_FLAG != 0
    }

    /// Count of frames that a `PIN`, a `DON` or a `PON` speaks of, modulo 2^16.
    pub fn count(&self) -> u16 {
        self.half(if self.code == Code::Pon { 2 } else { 0 })
    }

    /// CRC-64 in a `DON`.
    pub fn digest(&self) -> u64 {
        self.number(8, 8)
    }

    /// What an `ERR` says went wrong.
    pub fn reason(&self) -> Reason {
        Reason::from_code(self.half(0))
    }

    /// The session number in an `ERR` that answers a greeting.
    pub fn session(&self) -> u32 {
        low_half(self.number(4, 4))
    }

    /// How many frames may follow the count of a `PON`.
    pub fn credit(&self) -> u16 {
        self.half(0) & CREDIT_MAX
    }

    /// What is known past the position of a `PON`, or of what lies before it.
    pub fn proof(&self) -> Proof {
        if self.half(0) & PREFIX_FLAG == 0 {
            Proof::Map(Map::parse(self.detail.get(4..).unwrap_or_default()))
        } else {
            Proof::Prefix(self.number(4, 8))
        }
    }
}

/// Where the fields of a signal stand (`PROTOCOL.md`, section 3).
impl Signal {
    /// Writes the signal. `seed` is that of the direction; on transfer 0 it is not used.
    pub fn emit<C: Checksums>(&self, seed: u32, into: &mut [u8; SIGNAL_LEN]) {
        let letters = CODES.iter().find(|(code, _)| *code == self.code).map(|(_, code)| code);
        copy(into, 0, letters.unwrap_or(&[0; 3]));
        put(into, 3, 1, VERSION.into());
        put(into, 4, 2, self.transfer.into());
        put(into, 6, 2, self.description.into());
        put(into, 8, 8, self.position);
        copy(into, 16, &self.detail);
        let (covered, crc) = into.split_at_mut(SIGNAL_LEN - 4);
        put(crc, 0, 4, C::crc32(seed_for(self.transfer, seed), covered).into());
    }

    /// Reads a signal; `None` if the CRC differs or the fields make no signal.
    pub fn parse<C: Checksums>(seed: u32, bytes: &[u8; SIGNAL_LEN]) -> Option<Self> {
        let (covered, crc) = bytes.split_at(SIGNAL_LEN - 4);
        let (letters, fields) = covered.split_at(3);
        let mut signal = Self::new(Code::parse(letters)?, 0, number(fields, 5, 8));
        signal.transfer = (number(fields, 1, 2) & 0xFFFF) as u16;
        signal.description = (number(fields, 3, 2) & 0xFFFF) as u16;
        copy(&mut signal.detail, 0, fields.get(13..).unwrap_or_default());
        // Signals of transfer 0 keep this layout in every version; the others are version 1's.
        let sound = match signal.transfer {
            0 => matches!(signal.code, Code::Pin | Code::Pon | Code::Err),
            _ => fields.first() == Some(&VERSION),
        };
        let crc32 = C::crc32(seed_for(signal.transfer, seed), covered);
        let fits = usize::from(signal.description) <= PAYLOAD_MAX;
        (sound && fits && u64::from(crc32) == number(crc, 0, 4)).then_some(signal)
    }
}

impl Header {
    /// Writes the header before a payload of `self.length` bytes at the front of `payload`.
    pub fn emit<C: Checksums>(&self, seed: u32, frame: &mut [u8; FRAME_MAX]) {
        let flags = if self.description { DESCRIPTION_FLAG } else { 0 };
        let length = (self.length & LENGTH_BITS) | flags;
        let (header, payload) = frame.split_at_mut(HEADER_LEN);
        put(header, 0, 1, MARKER.into());
        put(header, 1, 1, self.transfer.into());
        put(header, 2, 2, length.into());
        put(header, 4, 4, self.position.into());
        let payload = payload.get(..usize::from(self.length)).unwrap_or_default();
        let (covered, crc) = header.split_at_mut(HEADER_LEN - 4);
        put(crc, 0, 4, C::crc32(C::crc32(seed, covered), payload).into());
    }

    /// Reads a header; `None` if it begins no chunk. The CRC is checked once the payload is there.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let [marker, transfer, ..] = *bytes;
        let bits = (number(bytes, 2, 2) & 0xFFFF) as u16;
        let length = bits & LENGTH_BITS;
        let reserved = bits & !(LENGTH_BITS | DESCRIPTION_FLAG);
        let sound = marker == MARKER && reserved == 0 && (1..=PAYLOAD_MAX).contains(&length.into());
        let description = bits & DESCRIPTION_FLAG != 0;
        sound.then_some(Self {
            transfer,
            description,
            length,
            position: low_half(number(bytes, 4, 4)),
        })
    }

    /// Whether the CRC in `header` is that of the header and `payload`.
    pub fn verify<C: Checksums>(seed: u32, header: &[u8; HEADER_LEN], payload: &[u8]) -> bool {
        let (covered, crc) = header.split_at(HEADER_LEN - 4);
        C::crc32(C::crc32(seed, covered), payload) == low_half(number(crc, 0, 4))
    }
}

/// The number in the `width` bytes at `at`; 0 where they are not there.
pub(crate) fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let field = bytes.get(at..at.saturating_add(width)).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Writes the low `width` bytes of `value`; what does not fit is cut.
pub(crate) fn put(bytes: &mut [u8], at: usize, width: usize, mut value: u64) {
    for byte in bytes.iter_mut().skip(at).take(width) {
        *byte = (value & 0xFF) as u8;
        value >>= 8;
    }
}

/// The low 32 bits of a position.
pub(crate) const fn low_half(position: u64) -> u32 {
    (position & 0xFFFF_FFFF) as u32
}

/// Copies what fits.
pub(crate) fn copy(into: &mut [u8], at: usize, from: &[u8]) {
    for (to, from) in into.iter_mut().skip(at).zip(from) {
        *to = *from;
    }
}
