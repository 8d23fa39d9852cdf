//! The terms of a session (`PROTOCOL.md`, section 6.1).

use crate::profile::Profile;
use crate::wire::{CREDIT_MAX, FEATURE_SHA256, Greeting, MAP_UNITS, PAYLOAD_MAX, VERSION};

/// What both ends agreed on in the handshake, for a person to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// Whether the link may lose or change bytes.
    pub lossy: bool,
    /// Whether one end cannot receive while it sends.
    pub half_duplex: bool,
    /// Whether SHA-256 of each file is sent and verified.
    pub sha256: bool,
    /// Largest chunk in bytes.
    pub chunk: u16,
    /// Frames that the other end takes before it is asked.
    pub send_credit: u16,
    /// Frames that this end takes before it is asked.
    pub recv_credit: u16,
}

/// What both ends agreed on.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Terms {
    pub(crate) session: u32,
    lossy: bool,
    pub(crate) half_duplex: bool,
    /// Whether each file's `DON` carries its SHA-256.
    pub(crate) sha256: bool,
    /// Largest chunk in bytes: a whole number of units.
    pub(crate) chunk: u16,
    /// A unit of the map is 2^`unit_bits` bytes.
    unit_bits: u8,
    /// Frames that the other end takes before it is asked.
    pub(crate) credit: u16,
    /// Frames that this end takes before it is asked.
    pub(crate) granted: u16,
}

/// A unit is 2^8 bytes at least.
const SMALLEST_UNIT_BITS: u8 = 8;
/// The greeting's number of the largest unit: 1024 bytes.
const LARGEST_UNIT: u8 = 2;

impl Terms {
    /// No terms yet.
    pub(crate) const fn new() -> Self {
        Self {
            session: 0,
            lossy: false,
            half_duplex: false,
            sha256: false,
            chunk: PAYLOAD_MAX as u16,
            unit_bits: SMALLEST_UNIT_BITS,
            credit: 1,
            granted: 1,
        }
    }

    /// The answer of a server with terms `own` to a client's `greeting`.
    pub(crate) fn choose(own: &Greeting, greeting: &Greeting) -> Greeting {
        Greeting {
            session: greeting.session,
            version: own.version.min(greeting.version),
            lossy: own.lossy || greeting.lossy,
            half_duplex: own.half_duplex || greeting.half_duplex,
            features: own.features & greeting.features,
            chunk: own.chunk.min(greeting.chunk),
            unit: own.unit.max(greeting.unit),
            credit: own.credit,
        }
    }

    /// The terms that follow from what was `chosen`, where the other end grants `credit` frames and
    /// this end `granted`. `None` if they are impossible.
    pub(crate) fn agreed<P: Profile>(chosen: &Greeting, credit: u16, granted: u16) -> Option<Self> {
        let unit_bits = SMALLEST_UNIT_BITS.saturating_add(chosen.unit.min(LARGEST_UNIT));
        let chunk = (chosen.chunk.min(PAYLOAD_MAX as u16) >> unit_bits) << unit_bits;
        let credit = credit.min(CREDIT_MAX);
        let possible = (P::LOSSY || !chosen.lossy)
            && chosen.unit <= LARGEST_UNIT
            && chunk > 0
            && credit > 0
            && granted > 0;
        possible.then_some(Self {
            session: chosen.session,
            lossy: chosen.lossy,
            half_duplex: chosen.half_duplex,
            sha256: chosen.features & FEATURE_SHA256 != 0,
            chunk,
            unit_bits,
            credit,
            granted,
        })
    }

    pub(crate) fn negotiated(&self) -> Negotiated {
        let Self { lossy, half_duplex, sha256, chunk, credit, granted, .. } = *self;
        let (send_credit, recv_credit) = (credit, granted);
        Negotiated { lossy, half_duplex, sha256, chunk, send_credit, recv_credit }
    }

    /// The server's answer that they follow from.
    pub(crate) fn chosen(&self) -> Greeting {
        Greeting {
            session: self.session,
            version: VERSION,
            lossy: self.lossy,
            half_duplex: self.half_duplex,
            features: if self.sha256 { FEATURE_SHA256 } else { 0 },
            chunk: self.chunk,
            unit: self.unit_bits.saturating_sub(SMALLEST_UNIT_BITS),
            credit: self.granted,
        }
    }

    /// Whether the link may lose, damage, insert or double bytes.
    pub(crate) const fn is_lossy<P: Profile>(&self) -> bool {
        P::LOSSY && (!P::RELIABLE || self.lossy)
    }

    /// A unit of the map, in bytes.
    pub(crate) fn unit(&self) -> u16 {
        1 << self.unit_bits
    }

    /// Into how many units so many bytes fit.
    pub(crate) fn units(&self, bytes: u32) -> u32 {
        bytes.saturating_add(u32::from(self.unit().wrapping_sub(1))) >> self.unit_bits
    }

    /// How many bytes so many units are, where they fit into a map.
    pub(crate) fn bytes(&self, units: u32) -> u32 {
        units << self.unit_bits
    }

    /// Whether a unit begins at this position.
    pub(crate) fn is_whole(&self, position: u32) -> bool {
        position & u32::from(self.unit().wrapping_sub(1)) == 0
    }

    /// How far past the position a chunk may end, in bytes.
    pub(crate) fn reach(&self) -> u32 {
        self.bytes(MAP_UNITS + 1)
    }

    /// Whether an offer of this size is answered, and its sender waits for that: always on a lossy
    /// link; on a reliable one where the low half of a position would not tell where it is.
    pub(crate) fn awaits_answer<P: Profile>(&self, size: u64, resume: u64) -> bool {
        self.is_lossy::<P>() || (resume > 0 && size > u64::from(u32::MAX >> 1))
    }
}
