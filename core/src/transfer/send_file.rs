//! The file that a sender has open: its progress, the detection of lost blocks (`PROTOCOL.md`, R53
//! and R54), their retransmission (R55), and the check of a prefix (R61).

use super::is_reached;
use crate::error::Reason;
use crate::link::Negotiated;
use crate::profile::{Capabilities, Profile};
use crate::store::Entry;
use crate::wire::{Ack, AckInfo, HOLE_MAX, SACK_BLOCKS, SackMap, UNKNOWN, UNKNOWN_TIME, low_half};

#[cfg(test)]
mod tests;

/// The content that is sent before the receiver has said where it resumes, in bytes (R96).
pub(super) const UNASKED_MAX: u64 = 256 * 1024;
/// The number of chunks of new data that are one block long after a loss.
const SMALL_CHUNKS: u8 = 128;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
// Aligned to words: a microcontroller needs no more, and padding would take RAM.
#[repr(Rust, packed(4))]
pub(super) struct SendFile {
    /// In bytes; [`UNKNOWN`] until the source ends.
    pub(super) size: u64,
    pub(super) resumable: bool,
    /// Why it was refused, or cannot be sent.
    pub(super) error: Option<Reason>,
    /// Chunks of new data that are still to be one block long.
    small_chunks_left: u8,
    /// The count of frames after the last retransmission of any block (R54).
    retransmitted_at: u16,
    /// The receiver has everything before.
    pub(super) acked: u64,
    /// Everything before was sent once.
    pub(super) sent: u64,
    /// CRC-64 of everything before `sent`.
    pub(super) digest: u64,
    /// Blocks from `acked` on that are lost, and are to be sent again (R55).
    pub(super) lost: SackMap,
    /// Blocks from `acked` on that were sent again.
    retransmitted: SackMap,
    pub(super) phase: Phase,
}

/// The step before chunks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Phase {
    /// The file is offered; the offer has the time of its last modification, in nanoseconds since 1970, or
    /// [`UNKNOWN_TIME`]. On a reliable link the receiver was asked where it resumes, and has not answered.
    Offer { modified: Unaligned<i64> },
    /// The receiver resumes at `acked`: the digest of its prefix is compared with that of the source there.
    CheckPrefix { digest: Unaligned<u64> },
    /// Nothing.
    Chunks,
}

/// A number of 64 bits that is aligned to words: a [`Phase`] has no padding before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[repr(Rust, packed(4))]
pub(super) struct Unaligned<T: Copy>(pub(super) T);

impl SendFile {
    /// An empty file, before the first entry. It has zeros only, which take no flash.
    pub(super) const EMPTY: Self = Self {
        size: 0,
        resumable: false,
        error: None,
        small_chunks_left: 0,
        retransmitted_at: 0,
        acked: 0,
        sent: 0,
        digest: 0,
        lost: SackMap::EMPTY,
        retransmitted: SackMap::EMPTY,
        phase: Phase::Offer { modified: Unaligned(0) },
    };

    pub(super) fn new<P: Profile>(entry: &Entry, error: Option<Reason>) -> Self {
        let size = entry.size.unwrap_or(UNKNOWN);
        let phase = Phase::Offer { modified: Unaligned(entry.modified.unwrap_or(UNKNOWN_TIME)) };
        let resumable = P::resumes() && entry.resumable && (size != UNKNOWN || P::has_pipes());
        Self { size, phase, resumable, error, ..Self::EMPTY }
    }

    /// The time of last modification, for the offer.
    pub(super) fn modified(&self) -> i64 {
        match self.phase {
            Phase::Offer { modified: Unaligned(modified) } => modified,
            _ => UNKNOWN_TIME,
        }
    }

    /// Whether the digest of the receiver's prefix is to be checked.
    pub(super) fn checks_prefix(&self) -> bool {
        matches!(self.phase, Phase::CheckPrefix { .. })
    }

    /// Whether the receiver has not said where it resumes.
    pub(super) fn is_offered(&self) -> bool {
        matches!(self.phase, Phase::Offer { .. })
    }

    /// The highest position to resume from.
    pub(super) fn resume(&self) -> u64 {
        if self.resumable { self.size } else { 0 }
    }

    /// No answer came. If chunks are in flight, the link may drop large ones.
    pub(super) fn shrink_chunks(&mut self) {
        if self.acked < self.sent {
            self.small_chunks_left = SMALL_CHUNKS;
        }
    }

    /// Bytes past `acked` that were sent; on a lossy link at most those of the window.
    fn in_flight(&self) -> u32 {
        low_half(self.sent.saturating_sub(self.acked))
    }

    /// Length of the next chunk of new data, in bytes; 0 where the window is full.
    pub(super) fn next_chunk<P: Profile>(&mut self, link: &Negotiated) -> u16 {
        let mut length = if self.small_chunks_left > 0 { link.block() } else { link.chunk };
        if link.is_lossy::<P>() {
            length = clamp(length, link.window().saturating_sub(self.in_flight()).into());
            length &= !link.block().wrapping_sub(1);
            if P::has_pipes() && !link.is_block_start(self.in_flight()) {
                // Nothing is sent behind a part of a block before the receiver has it (R99).
                length = 0;
            }
        }
        debug_assert!(self.sent <= self.size, "more was sent than there is");
        length = clamp(length, self.size.saturating_sub(self.sent));
        if length > 0 {
            self.small_chunks_left = self.small_chunks_left.saturating_sub(1);
        }
        length
    }

    /// Position and length in bytes of a lost block, which is sent again (R55) as frame number `count`.
    pub(super) fn retransmit(&mut self, block: u32, link: &Negotiated, count: u16) -> (u64, u16) {
        self.retransmitted_at = count;
        self.lost.set(block, false);
        self.retransmitted.set(block, true);
        let ahead = link.bytes(block);
        debug_assert!(ahead < self.in_flight(), "a block that was never sent is not lost");
        let length = clamp(link.block(), self.in_flight().saturating_sub(ahead).into());
        (self.acked.saturating_add(ahead.into()), length)
    }

    /// The number of zeros that are sent as a hole, of `hole` zeros at `position`, where a chunk of `length` bytes
    /// would be next; `None`: they do not fill a block (R93).
    pub(super) fn hole<P: Profile>(
        &self,
        position: u64,
        hole: u64,
        length: u16,
        link: &Negotiated,
    ) -> Option<u32> {
        let most = if position < self.sent {
            length.into()
        } else if link.is_lossy::<P>() {
            link.window().saturating_sub(self.in_flight())
        } else {
            HOLE_MAX
        };
        let most = u64::from(most).min(self.size.saturating_sub(position)).min(hole);
        let ends_file = position.saturating_add(most) == self.size;
        let partial = if ends_file { 0 } else { most & u64::from(link.block().wrapping_sub(1)) };
        let most = u32::try_from(most.saturating_sub(partial)).ok()?;
        (most > 0 && link.is_block_start(low_half(position))).then_some(most)
    }

    /// The receiver's position. `all_acked`: its count is that of the last frame.
    pub(super) fn on_ack<P: Profile>(&mut self, ack: &Ack, all_acked: bool, link: &Negotiated) {
        let position = ack.position;
        if position < self.acked || position > self.size {
            return;
        }
        match ack.info {
            AckInfo::PrefixDigest(_) if !P::resumes() || position > self.resume() => {}
            AckInfo::PrefixDigest(digest) => {
                // A part that was sent meanwhile is verified by the digest of the whole.
                if position > self.sent {
                    self.phase = Phase::CheckPrefix { digest: Unaligned(digest) };
                }
                self.advance(position, link);
            }
            AckInfo::Sack(_) if !link.is_lossy::<P>() || position > self.sent => {}
            AckInfo::Sack(map) => {
                self.advance(position, link);
                self.detect_losses(&map, ack.count, all_acked, link);
            }
        }
    }

    /// R54. A block that was sent and is not received is lost if a later block is received or `count`
    /// acknowledges every frame, and if it was never sent again or `count` is at or past the last
    /// retransmission of any block.
    fn detect_losses(&mut self, map: &SackMap, count: u16, all_acked: bool, link: &Negotiated) {
        let sent = link.blocks(self.in_flight());
        let retransmissions_acked = is_reached(count, self.retransmitted_at);
        let mut is_passed = all_acked;
        for block in (0..SACK_BLOCKS + 1).rev() {
            let is_received = block.checked_sub(1).is_some_and(|past| map.contains(past));
            is_passed |= is_received;
            let not_in_flight = retransmissions_acked || !self.retransmitted.contains(block);
            let is_lost = is_passed && block < sent && !is_received && not_in_flight;
            if is_lost && !self.lost.contains(block) {
                self.small_chunks_left = SMALL_CHUNKS;
            }
            self.lost.set(block, is_lost);
        }
    }

    /// The receiver has everything before `position`.
    fn advance(&mut self, position: u64, link: &Negotiated) {
        let bytes = position.saturating_sub(self.acked);
        let blocks = link.blocks(u32::try_from(bytes).unwrap_or(u32::MAX));
        for _ in 0..blocks.min(SACK_BLOCKS + 1) {
            self.lost.shift();
            self.retransmitted.shift();
        }
        self.acked = position;
    }
}

/// The smaller of a length and the remaining bytes.
pub(super) fn clamp(length: u16, rest: u64) -> u16 {
    rest.min(length.into()) as u16
}
