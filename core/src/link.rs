//! The parameters of a session that the handshake negotiates (`PROTOCOL.md`, R20 and R21).

use crate::profile::{Capabilities, Profile};
use crate::wire::{
    CREDIT_MAX, FEATURE_HOLES, FEATURE_SHA256, Hello, PAYLOAD_MAX, SACK_BLOCKS, VERSION,
};

#[cfg(test)]
pub(crate) mod tests;

/// The parameters of a session, negotiated in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[non_exhaustive]
pub struct Negotiated {
    /// Whether the link may lose or change bytes.
    pub lossy: bool,
    /// Whether one end cannot receive while it sends.
    pub half_duplex: bool,
    /// The features that both ends have, as in the hello.
    features: u8,
    /// A block of the selective acknowledgement is 2^`block_bits` bytes.
    block_bits: u8,
    /// Largest chunk in bytes: a whole number of blocks.
    pub chunk: u16,
    /// Frames that this end may send before its next query.
    pub send_credit: u16,
    /// Frames that the other end may send before its next query.
    pub recv_credit: u16,
}

/// The smallest block has 2^8 bytes.
const SMALLEST_BLOCK_BITS: u8 = 8;
/// The largest block in a hello: 1024 bytes.
const LARGEST_BLOCK: u8 = 2;

impl Negotiated {
    /// The hello reply (R20) of a server whose configuration is `own`, to the client's `hello`.
    pub(crate) fn choose(own: &Hello, hello: &Hello) -> Hello {
        Hello {
            session: hello.session,
            version: own.version.min(hello.version),
            lossy: own.lossy || hello.lossy,
            half_duplex: own.half_duplex || hello.half_duplex,
            features: own.features & hello.features,
            chunk: own.chunk.min(hello.chunk),
            block: own.block.max(hello.block),
            credit: own.credit,
        }
    }

    /// The parameters that follow from the hello reply. `None` if they are impossible.
    pub(crate) fn from_hello<P: Profile>(
        chosen: &Hello,
        send_credit: u16,
        recv_credit: u16,
    ) -> Option<Self> {
        let block_bits = SMALLEST_BLOCK_BITS.saturating_add(chosen.block.min(LARGEST_BLOCK));
        let chunk = (chosen.chunk.min(PAYLOAD_MAX as u16) >> block_bits) << block_bits;
        let send_credit = send_credit.min(CREDIT_MAX);
        let possible = (P::LOSSY || !chosen.lossy)
            && chosen.block <= LARGEST_BLOCK
            && chunk > 0
            && send_credit > 0
            && recv_credit > 0;
        possible.then_some(Self {
            lossy: chosen.lossy,
            half_duplex: chosen.half_duplex,
            features: (chosen.features & 0xFF) as u8,
            block_bits,
            chunk,
            send_credit,
            recv_credit,
        })
    }

    /// The hello reply that the parameters follow from.
    pub(crate) fn hello(&self, session: u32) -> Hello {
        Hello {
            session,
            version: VERSION,
            lossy: self.lossy,
            half_duplex: self.half_duplex,
            features: self.features.into(),
            chunk: self.chunk,
            block: self.block_bits.saturating_sub(SMALLEST_BLOCK_BITS),
            credit: self.recv_credit,
        }
    }

    /// Whether the link is lossy.
    pub(crate) fn is_lossy<P: Profile>(&self) -> bool {
        P::is_lossy(self.lossy)
    }

    /// Whether each file's `DON` contains its SHA-256.
    pub fn sha256(&self) -> bool {
        u16::from(self.features) & FEATURE_SHA256 != 0
    }

    /// Whether chunks may be holes.
    pub fn holes(&self) -> bool {
        u16::from(self.features) & FEATURE_HOLES != 0
    }

    /// Whether chunks may be holes, and this build has them.
    pub(crate) fn has_holes<P: Profile>(&self) -> bool {
        P::has_holes() && self.holes()
    }

    /// Whether one end cannot receive while it sends.
    pub(crate) fn is_half_duplex<P: Profile>(&self) -> bool {
        P::is_half_duplex(self.half_duplex)
    }

    /// Length of a block, in bytes.
    pub(crate) fn block(&self) -> u16 {
        1 << self.block_bits
    }

    /// The number of blocks that `bytes` fill, the last one perhaps in part.
    pub(crate) fn blocks(&self, bytes: u32) -> u32 {
        bytes.saturating_add(u32::from(self.block().wrapping_sub(1))) >> self.block_bits
    }

    /// The length in bytes of a number of blocks, at most that of the window.
    pub(crate) fn bytes(&self, blocks: u32) -> u32 {
        debug_assert!(
            blocks <= SACK_BLOCKS.saturating_add(1),
            "{blocks} blocks are past the window"
        );
        blocks << self.block_bits
    }

    /// Whether a block begins at this position.
    pub(crate) fn is_block_start(&self, position: u32) -> bool {
        position & u32::from(self.block().wrapping_sub(1)) == 0
    }

    /// The receive window: how far past the position a chunk may end, in bytes.
    pub(crate) fn window(&self) -> u32 {
        self.bytes(SACK_BLOCKS + 1)
    }

    /// Whether an offer is answered, and its sender waits for that: always on a lossy link; on a
    /// reliable one where the low half of a position is ambiguous.
    pub(crate) fn answers_offer<P: Profile>(&self, size: u64, resume: u64) -> bool {
        self.is_lossy::<P>() || (resume > 0 && size > u64::from(u32::MAX >> 1))
    }
}
