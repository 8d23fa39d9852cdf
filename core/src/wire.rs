//! The wire: bytes become meaning here, and meaning becomes bytes.
//!
//! Knows the layout of signals, chunks and descriptions (`PROTOCOL.md`, sections 2 to 5), and
//! nothing of the order in which they come. Past this file nobody sees an offset.

use crate::checksum::Checksums;
use crate::error::Reason;

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
/// On the wire: this number is not known.
pub const UNKNOWN: u64 = u64::MAX;
/// Units that a map speaks of past the one at the position.
pub const MAP_UNITS: u32 = 96;

const DESCRIPTION_FLAG: u16 = 0x8000;
const LENGTH_BITS: u16 = 0x07FF;
const PREFIX_FLAG: u16 = 0x8000;
/// The most credit that can be granted, in frames: half of the count's range.
pub const CREDIT_MAX: u16 = 0x7FFF;

/// What a signal says; one variant for each meaning of the nine codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body {
    /// `PIN` on transfer 0: a client's greeting.
    Greet(Greeting),
    /// `PON` on transfer 0: the server's answer, echoed and chosen.
    Welcome(Greeting),
    /// `SAF`: one file is offered.
    SendFile {
        /// The highest position in bytes that the sender will resume from.
        resume: u64,
        /// Size in bytes; `None` where it is not known.
        size: Option<u64>,
        /// Time of last modification in nanoseconds since 1970; `None` where it is not known.
        modified: Option<i64>,
    },
    /// `SAR`: a tree is offered; its entries follow, one `SAF` after another.
    SendTree {
        /// Number of entries, where known.
        entries: Option<u64>,
        /// Bytes in all entries, where known.
        bytes: Option<u64>,
    },
    /// `RAF` or `RAR`: a file or a tree is asked for.
    Request {
        /// Whether a tree is asked for.
        tree: bool,
        /// Whether only the offers are wanted, not the content.
        names_only: bool,
    },
    /// `CLS`: the server is to end.
    Close,
    /// `DON`: all is sent (from a sender), or all is verified and in place (from a receiver).
    Done {
        /// Size in bytes; of a tree, the number of its entries.
        size: u64,
        /// Count of frames sent, this one included (modulo 2^16).
        count: u16,
        /// CRC-64/NVME of the file; of a tree, 0.
        digest: u64,
    },
    /// `ERR`: what went wrong.
    Refuse {
        /// Where in the file, in bytes.
        position: u64,
        /// What went wrong.
        reason: Reason,
        /// In answer to a greeting: the session number it carried, else 0.
        session: u32,
    },
    /// `PIN` of a transfer: where are you?
    Ask {
        /// Bytes sent so far.
        sent: u64,
        /// Count of frames sent so far (modulo 2^16).
        count: u16,
    },
    /// `PON` of a transfer: my position.
    Held {
        /// Everything before it is held, in bytes; of a tree, entries.
        position: u64,
        /// How many frames may follow the count.
        credit: u16,
        /// Count of the `PIN` or `DON` this answers.
        count: u16,
        /// What is known past the position, or of what lies before it.
        proof: Proof,
    },
}

/// What a position comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Proof {
    /// Bit `i` (0 to 95): the unit `i + 1` units past the position is held.
    Map(u128),
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

/// A signal: 36 bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Signal {
    /// Which transfer it speaks of; 0 is the session itself.
    pub transfer: u16,
    /// Length in bytes of the description that follows; 0: none.
    pub description: u16,
    /// What it says.
    pub body: Body,
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

impl Signal {
    /// A signal without a description.
    pub const fn new(transfer: u16, body: Body) -> Self {
        Self { transfer, description: 0, body }
    }

    /// Whether the three bytes are one of the nine codes.
    pub fn is_code(code: [u8; 3]) -> bool {
        matches!(
            &code,
            b"CLS" | b"SAF" | b"RAF" | b"SAR" | b"RAR" | b"DON" | b"ERR" | b"PIN" | b"PON"
        )
    }

    /// Writes the signal. `seed` is that of the direction; on transfer 0 it is not used.
    pub fn emit<C: Checksums>(&self, seed: u32, into: &mut [u8; SIGNAL_LEN]) {
        let (code, position, detail) = self.body.emit();
        let mut pen = Pen(into);
        pen.put(*code);
        pen.put([VERSION]);
        pen.put(self.transfer.to_le_bytes());
        pen.put(self.description.to_le_bytes());
        pen.put(position.to_le_bytes());
        pen.put(detail);
        let (covered, crc) = into.split_at_mut(SIGNAL_LEN - 4);
        Pen(crc).put(C::crc32(seed_for(self.transfer, seed), covered).to_le_bytes());
    }

    /// Reads a signal; `None` if the CRC differs or the fields make no signal.
    pub fn parse<C: Checksums>(seed: u32, bytes: &[u8; SIGNAL_LEN]) -> Option<Self> {
        let (covered, crc) = bytes.split_last_chunk::<4>()?;
        let mut cursor = Cursor(covered);
        let code = cursor.take::<3>();
        let [version] = cursor.take::<1>();
        let transfer = u16::from_le_bytes(cursor.take());
        let description = u16::from_le_bytes(cursor.take());
        if C::crc32(seed_for(transfer, seed), covered) != u32::from_le_bytes(*crc) {
            return None;
        }
        // Signals of transfer 0 keep this layout in every version; the others are version 1's.
        if (version != VERSION && transfer != 0) || usize::from(description) > PAYLOAD_MAX {
            return None;
        }
        let position = u64::from_le_bytes(cursor.take());
        let body = Body::parse(code, transfer, position, cursor.take())?;
        Some(Self { transfer, description, body })
    }
}

fn known(number: u64) -> Option<u64> {
    (number != UNKNOWN).then_some(number)
}

impl Body {
    fn emit(&self) -> (&'static [u8; 3], u64, [u8; 16]) {
        let mut detail = [0; 16];
        let mut pen = Pen(&mut detail);
        let (code, position) = match *self {
            Self::Greet(greeting) | Self::Welcome(greeting) => {
                greeting.emit(&mut pen);
                let code = if matches!(self, Self::Greet(_)) { b"PIN" } else { b"PON" };
                (code, 0)
            }
            Self::SendFile { resume, size, modified } => {
                pen.put(size.unwrap_or(UNKNOWN).to_le_bytes());
                pen.put(modified.unwrap_or(i64::MIN).to_le_bytes());
                (b"SAF", resume)
            }
            Self::SendTree { entries, bytes } => {
                pen.put(entries.unwrap_or(UNKNOWN).to_le_bytes());
                pen.put(bytes.unwrap_or(UNKNOWN).to_le_bytes());
                (b"SAR", 0)
            }
            Self::Request { tree, names_only } => {
                pen.put((u64::from(names_only) * NAMES_ONLY_FLAG).to_le_bytes());
                (if tree { b"RAR" } else { b"RAF" }, 0)
            }
            Self::Close => (b"CLS", 0),
            Self::Done { size, count, digest } => {
                pen.put(count.to_le_bytes());
                pen.put([0; 6]);
                pen.put(digest.to_le_bytes());
                (b"DON", size)
            }
            Self::Refuse { position, reason, session } => {
                pen.put(reason.code().to_le_bytes());
                pen.put([0; 2]);
                pen.put(session.to_le_bytes());
                (b"ERR", position)
            }
            Self::Ask { sent, count } => {
                pen.put(count.to_le_bytes());
                (b"PIN", sent)
            }
            Self::Held { position, credit, count, proof } => {
                let credit = credit.min(CREDIT_MAX);
                match proof {
                    Proof::Map(map) => {
                        pen.put(credit.to_le_bytes());
                        pen.put(count.to_le_bytes());
                        pen.put(map.to_le_bytes());
                    }
                    Proof::Prefix(digest) => {
                        pen.put((credit | PREFIX_FLAG).to_le_bytes());
                        pen.put(count.to_le_bytes());
                        pen.put(digest.to_le_bytes());
                    }
                }
                (b"PON", position)
            }
        };
        (code, position, detail)
    }

    fn parse(code: [u8; 3], transfer: u16, position: u64, detail: [u8; 16]) -> Option<Self> {
        let mut cursor = Cursor(&detail);
        Some(match (&code, transfer) {
            (b"PIN", 0) => Self::Greet(Greeting::parse(cursor)),
            (b"PON", 0) => Self::Welcome(Greeting::parse(cursor)),
            (b"SAF", 1..) => {
                let size = known(u64::from_le_bytes(cursor.take()));
                let modified = i64::from_le_bytes(cursor.take());
                let modified = (modified != i64::MIN).then_some(modified);
                Self::SendFile { resume: position, size, modified }
            }
            (b"SAR", 1..) => {
                let entries = known(u64::from_le_bytes(cursor.take()));
                let bytes = known(u64::from_le_bytes(cursor.take()));
                Self::SendTree { entries, bytes }
            }
            (b"RAF" | b"RAR", 1..) => {
                let flags = u64::from_le_bytes(cursor.take());
                Self::Request { tree: &code == b"RAR", names_only: flags & NAMES_ONLY_FLAG != 0 }
            }
            (b"CLS", 1..) => Self::Close,
            (b"DON", 1..) => {
                let count = u16::from_le_bytes(cursor.take());
                let _: [u8; 6] = cursor.take();
                Self::Done { size: position, count, digest: u64::from_le_bytes(cursor.take()) }
            }
            (b"ERR", _) => {
                let reason = Reason::from_code(u16::from_le_bytes(cursor.take()));
                let _: [u8; 2] = cursor.take();
                Self::Refuse { position, reason, session: u32::from_le_bytes(cursor.take()) }
            }
            (b"PIN", _) => Self::Ask { sent: position, count: u16::from_le_bytes(cursor.take()) },
            (b"PON", _) => {
                let credit = u16::from_le_bytes(cursor.take());
                let count = u16::from_le_bytes(cursor.take());
                let proof = if credit & PREFIX_FLAG == 0 {
                    Proof::Map(u128::from_le_bytes(cursor.take()) & MAP_MASK)
                } else {
                    Proof::Prefix(u64::from_le_bytes(cursor.take()))
                };
                Self::Held { position, credit: credit & CREDIT_MAX, count, proof }
            }
            _ => return None,
        })
    }
}

const MAP_MASK: u128 = (1 << MAP_UNITS) - 1;

impl Greeting {
    fn emit(&self, pen: &mut Pen<'_>) {
        pen.put(self.session.to_le_bytes());
        pen.put([self.version]);
        let lossy = if self.lossy { LOSSY_FLAG } else { 0 };
        let half_duplex = if self.half_duplex { HALF_DUPLEX_FLAG } else { 0 };
        pen.put([lossy | half_duplex]);
        pen.put(self.features.to_le_bytes());
        pen.put(self.chunk.to_le_bytes());
        pen.put([self.unit, 0]);
        pen.put(self.credit.to_le_bytes());
    }

    fn parse(mut cursor: Cursor<'_>) -> Self {
        let session = u32::from_le_bytes(cursor.take());
        let [version, link] = cursor.take();
        let features = u16::from_le_bytes(cursor.take());
        let chunk = u16::from_le_bytes(cursor.take());
        let [unit, _] = cursor.take();
        let credit = u16::from_le_bytes(cursor.take());
        let lossy = link & LOSSY_FLAG != 0;
        let half_duplex = link & HALF_DUPLEX_FLAG != 0;
        Self { session, version, lossy, half_duplex, features, chunk, unit, credit }
    }
}

impl Header {
    /// Writes the header before a payload of `self.length` bytes at the front of `payload`.
    pub fn emit<C: Checksums>(&self, seed: u32, frame: &mut [u8; FRAME_MAX]) {
        let flags = if self.description { DESCRIPTION_FLAG } else { 0 };
        let length = (self.length & LENGTH_BITS) | flags;
        let Some((header, payload)) = frame.split_first_chunk_mut::<HEADER_LEN>() else { return };
        let mut pen = Pen(header);
        pen.put([MARKER, self.transfer]);
        pen.put(length.to_le_bytes());
        pen.put(self.position.to_le_bytes());
        let payload = payload.get(..usize::from(self.length)).unwrap_or_default();
        if let Some((covered, crc)) = header.split_last_chunk_mut::<4>() {
            *crc = C::crc32(C::crc32(seed, covered), payload).to_le_bytes();
        }
    }

    /// Reads a header; `None` if it begins no chunk. The CRC is checked once the payload is there.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let [marker, transfer] = cursor.take();
        let bits = u16::from_le_bytes(cursor.take());
        let length = bits & LENGTH_BITS;
        let position = u32::from_le_bytes(cursor.take());
        let reserved = bits & !(LENGTH_BITS | DESCRIPTION_FLAG);
        let sound = marker == MARKER && reserved == 0 && (1..=PAYLOAD_MAX).contains(&length.into());
        sound.then_some(Self {
            transfer,
            description: bits & DESCRIPTION_FLAG != 0,
            length,
            position,
        })
    }

    /// Whether the CRC in `header` is that of the header and `payload`.
    pub fn verify<C: Checksums>(seed: u32, header: &[u8; HEADER_LEN], payload: &[u8]) -> bool {
        header.split_last_chunk::<4>().is_some_and(|(covered, crc)| {
            C::crc32(C::crc32(seed, covered), payload) == u32::from_le_bytes(*crc)
        })
    }
}

/// Reads fields from the front; past the end there are zeros.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => {
                let mut field = [0; N];
                for (to, from) in field.iter_mut().zip(self.0) {
                    *to = *from;
                }
                self.0 = &[];
                field
            }
        }
    }
}

/// Writes fields to the front; what does not fit is cut.
pub(crate) struct Pen<'a>(pub(crate) &'a mut [u8]);

impl Pen<'_> {
    pub(crate) fn put<const N: usize>(&mut self, field: [u8; N]) {
        let into = core::mem::take(&mut self.0);
        let fits = N.min(into.len());
        let Some((front, rest)) = into.split_at_mut_checked(fits) else { return };
        for (to, from) in front.iter_mut().zip(field) {
            *to = from;
        }
        self.0 = rest;
    }
}
