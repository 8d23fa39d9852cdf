//! The file that a receiver has open: reassembly (`PROTOCOL.md`, R8 to R10 and R56), the position and
//! the map that it answers with (R53), and the sender's `DON` (R34, R57).

use self::digest::Prefix;
use super::TransferId;
use crate::link::Negotiated;
use crate::profile::{Capabilities, Profile};
use crate::store::Accepted;
use crate::wire::{AckInfo, HOLE_MAX, SACK_BLOCKS, SackMap, UNKNOWN, low_half};

mod digest;
#[cfg(test)]
mod tests;

/// A file that comes in.
///
/// Two processes are independent. The digest follows the position, and proves the prefix. Chunks arrive,
/// until the sender's `DON` claims the digest of the whole file.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
// Aligned to words: a microcontroller needs no more, and padding would take RAM.
#[repr(Rust, packed(4))]
pub(crate) struct RecvFile {
    pub(super) id: TransferId,
    /// Whether the sender can resume the file.
    pub(super) resumable: bool,
    /// Whether the store takes bytes in order only.
    in_order: bool,
    /// In bytes; [`UNKNOWN`] until the end arrives.
    size: u64,
    /// The receiver has everything before.
    pub(super) position: u64,
    /// The digest covers everything before.
    digested: u64,
    /// CRC-64 of everything before `digested`.
    pub(super) digest: u64,
    prefix: Prefix,
    /// The digest that the sender's `DON` claims, once it came and everything is received: the file
    /// is being verified.
    claimed: Option<u64>,
    /// Blocks past the position that are received; block 0 is the one after the position.
    received_ahead: SackMap,
}

/// The result of a sender's `DON` for the open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoneCheck {
    /// Everything is received: the file is verified next.
    Complete,
    /// Chunks are missing, and will be sent again.
    Missing,
    /// The size contradicts the offer or the chunks.
    WrongSize,
}

/// The place of a chunk in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) position: u64,
    /// Bytes at the front of the payload that were received before.
    pub(crate) skip: u16,
}

impl RecvFile {
    /// A file that is offered as transfer `id`. The store has the first `prefix` bytes.
    pub(super) const fn new(
        id: TransferId,
        size: u64,
        resumable: bool,
        Accepted { prefix, in_order }: Accepted,
    ) -> Self {
        Self {
            id,
            resumable,
            in_order,
            size,
            position: prefix,
            digested: 0,
            digest: 0,
            prefix: if prefix > 0 { Prefix::Proving { end: prefix } } else { Prefix::None },
            claimed: None,
            received_ahead: SackMap::EMPTY,
        }
    }

    /// The position and the size, in bytes.
    pub(crate) const fn progress(&self) -> (u64, u64) {
        (self.position, self.size)
    }

    /// Whether everything is received.
    pub(super) fn is_complete(&self) -> bool {
        self.position == self.size
    }

    /// Whether everything is received and the sender's `DON` came.
    pub(super) fn is_verifying(&self) -> bool {
        let claimed = self.claimed;
        claimed.is_some()
    }

    /// The position and the details of a `PON`; `None` while the prefix is not proven.
    pub(super) fn ack<P: Profile>(&self, to_offer: bool) -> Option<(u64, AckInfo)> {
        match self.prefix::<P>() {
            Prefix::Proving { .. } => None,
            Prefix::Proven { end, digest } if to_offer => {
                Some((end, AckInfo::PrefixDigest(digest)))
            }
            _ => Some((self.position, AckInfo::Sack(self.received_ahead))),
        }
    }

    /// The sender's `DON`.
    pub(super) fn on_done<P: Profile>(
        &mut self,
        size: u64,
        digest: u64,
        link: &Negotiated,
    ) -> DoneCheck {
        let fits = (self.size == UNKNOWN || self.size == size) && self.received_end(link) <= size;
        let is_missing = self.position < size;
        if !fits || (is_missing && !link.is_lossy::<P>()) {
            return DoneCheck::WrongSize;
        }
        self.size = size;
        if is_missing {
            return DoneCheck::Missing;
        }
        self.claimed = Some(digest);
        DoneCheck::Complete
    }

    /// The end of all that is received, past gaps as well: the store has nothing behind it.
    fn received_end(&self, link: &Negotiated) -> u64 {
        match self.received_ahead.last() {
            None => self.position,
            // The first block past the position is missing.
            Some(block) => {
                let blocks = u64::from(block).saturating_add(2);
                let ahead = blocks.saturating_mul(link.block().into());
                self.position.saturating_add(ahead).min(self.size)
            }
        }
    }

    /// Whether a chunk may end at `end`: on a block, or where the file may end, which is not before
    /// anything that is received.
    fn may_end_at<P: Profile>(
        &self,
        end: u64,
        is_block_end: bool,
        is_ahead: bool,
        link: &Negotiated,
    ) -> bool {
        let may_be_part = !(P::has_pipes() && is_ahead);
        let may_be_last = end == self.size
            || (self.size == UNKNOWN && may_be_part && end >= self.received_end(link));
        may_be_last || (is_block_end && end < self.size)
    }

    /// The place of a chunk that begins `ahead` (wrapping) of the position; `None` if it is invalid
    /// or nothing in it is new.
    pub(crate) fn place<P: Profile>(
        &self,
        ahead: u32,
        length: u16,
        link: &Negotiated,
    ) -> Option<Placement> {
        if length > link.chunk {
            return None;
        }
        let (ahead, skip) = if ahead < link.window() {
            (ahead, 0)
        } else {
            (0, u16::try_from(ahead.wrapping_neg()).ok()?)
        };
        let new = length.checked_sub(skip)?;
        let is_new = if ahead == 0 {
            new > 0
        } else {
            !self.in_order
                && link.is_block_start(ahead)
                && blocks(ahead, length.into(), link)
                    .any(|block| !self.received_ahead.contains(block))
        };
        let position = self.position.checked_add(ahead.into())?;
        let end = position.checked_add(new.into())?;
        // Blocks are counted from the position, which may be within one (R99).
        let is_block_end = link.is_block_start(ahead.wrapping_add(new.into()));
        (is_new && self.may_end_at::<P>(end, is_block_end, ahead > 0, link))
            .then_some(Placement { position, skip })
    }

    /// The part of a hole that is stored, which is at the position or past it: where it begins, and its
    /// length. `None` if the hole is invalid or nothing in it is new (R94).
    pub(crate) fn place_hole<P: Profile>(
        &self,
        position: u64,
        length: u64,
        link: &Negotiated,
    ) -> Option<(u64, u32)> {
        let end = position.checked_add(length)?;
        let from = position.max(self.position);
        let ahead = from.saturating_sub(self.position);
        let longest = if link.is_lossy::<P>() { link.window() } else { HOLE_MAX };
        let new = u32::try_from(end.checked_sub(from)?).ok()?;
        let fits = length <= longest.into() && link.is_block_start(low_half(position));
        let is_in_window = ahead.checked_add(new.into())? <= link.window().into();
        let is_new = match low_half(ahead) {
            _ if !is_in_window && (ahead > 0 || link.is_lossy::<P>()) => false,
            0 => new > 0,
            ahead => {
                !self.in_order
                    && link.is_block_start(ahead)
                    && blocks(ahead, new, link).any(|block| !self.received_ahead.contains(block))
            }
        };
        // The position may be within the hole: a part of it is stored.
        let is_block_end = link.is_block_start(low_half(length));
        (fits && is_new && self.may_end_at::<P>(end, is_block_end, ahead > 0, link))
            .then_some((from, new))
    }

    /// `length` bytes were stored at `position`; `digest` continues over them.
    pub(crate) fn stored<P: Profile>(
        &mut self,
        position: u64,
        length: u32,
        link: &Negotiated,
        digest: impl FnOnce(u64) -> u64,
    ) {
        debug_assert!(position >= self.position, "these bytes were received before");
        let ahead = low_half(position.saturating_sub(self.position));
        let end = position.saturating_add(length.into());
        // With pipes no part of a block is taken past the position, and the size comes with the `DON`.
        let may_be_followed = P::has_pipes() || (!link.is_lossy::<P>() && ahead == 0);
        if self.size == UNKNOWN && !may_be_followed && !link.is_block_start(low_half(end)) {
            // Only the last chunk of the file ends inside a block.
            self.size = end;
        }
        if position == self.digested {
            self.digest = digest(self.digest);
            self.digested = end;
        }
        if ahead > 0 {
            blocks(ahead, length, link).for_each(|block| self.received_ahead.set(block, true));
            return;
        }
        self.position = end;
        if self.received_ahead.is_empty() {
            return;
        }
        // The position moves over these blocks, and over those behind them that came before.
        let mut is_received = false;
        let blocks = link.blocks(length);
        // A hole may be longer than the map.
        let blocks = if P::has_holes() { blocks.min(SACK_BLOCKS + 1) } else { blocks };
        for _ in 0..blocks {
            is_received = self.received_ahead.shift();
        }
        while is_received {
            self.position = self.position.saturating_add(link.block().into()).min(self.size);
            is_received = self.received_ahead.shift();
        }
    }

    /// Whether `position` is the position, and nothing is received past it.
    pub(crate) fn is_next(&self, position: u64) -> bool {
        position == self.position && self.has_no_gaps()
    }

    /// Whether nothing is received past the position.
    pub(crate) fn has_no_gaps(&self) -> bool {
        self.received_ahead.is_empty()
    }
}

/// The blocks that `length` bytes at `ahead` past the position fill, numbered from the one after the
/// position.
fn blocks(ahead: u32, length: u32, link: &Negotiated) -> impl Iterator<Item = u32> {
    let first = link.blocks(ahead).saturating_sub(1);
    first..first.saturating_add(link.blocks(length))
}
