//! What was sent of a file, what the receiver holds of it, and what is lost between (`PROTOCOL.md`,
//! section 6.3).

use crate::error::Reason;
use crate::profile::Profile;
use crate::serial::is_reached;
use crate::shared::Shared;
use crate::store::Entry;
use crate::terms::Terms;
use crate::wire::{MAP_UNITS, Map, Proof, UNKNOWN, UNKNOWN_TIME, low_half};

/// After a loss, chunks are one unit long for so many chunks of new data.
const CAREFUL_CHUNKS: u8 = 128;

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct File {
    /// In bytes; [`UNKNOWN`] while it is not known.
    pub(super) size: u64,
    /// In nanoseconds since 1970; [`UNKNOWN_TIME`] where it is not known.
    pub(super) modified: i64,
    pub(super) resumable: bool,
    /// Why it was refused, or is given up.
    pub(super) refusal: Option<Reason>,
    /// The receiver holds everything before.
    pub(super) held: u64,
    /// Everything before was sent once.
    pub(super) sent: u64,
    /// CRC-64 of everything before `sent`.
    pub(super) digest: u64,
    /// Units from `held` on: to be repeated, repeated before.
    pub(super) lost: Map,
    repeated: Map,
    /// The count after the last repeat.
    repeated_at: u16,
    careful: u8,
    /// The receiver holds a prefix, and it is to be compared once all before `held` was read.
    pub(super) compares: bool,
    /// CRC-64 of that prefix.
    pub(super) prefix: u64,
}

impl File {
    /// No file yet.
    pub(super) const NONE: Self = Self {
        size: 0,
        modified: UNKNOWN_TIME,
        resumable: false,
        refusal: None,
        held: 0,
        sent: 0,
        digest: 0,
        lost: Map::EMPTY,
        repeated: Map::EMPTY,
        repeated_at: 0,
        careful: 0,
        compares: false,
        prefix: 0,
    };

    pub(super) fn new(entry: &Entry, refusal: Option<Reason>) -> Self {
        let size = entry.size.unwrap_or(UNKNOWN);
        let modified = entry.modified.unwrap_or(UNKNOWN_TIME);
        let resumable = entry.resumable && size != UNKNOWN;
        Self { size, modified, resumable, refusal, ..Self::NONE }
    }

    /// The highest position to resume from.
    pub(super) fn resume(&self) -> u64 {
        if self.resumable { self.size } else { 0 }
    }

    /// No answer came: if chunks are under way, large ones may not pass.
    pub(super) fn send_small(&mut self) {
        if self.held < self.sent {
            self.careful = CAREFUL_CHUNKS;
        }
    }

    /// How many bytes of new data may go now; 0 where the window is full.
    pub(super) fn new_chunk<P: Profile>(&mut self, terms: &Terms) -> u16 {
        let mut length = if self.careful > 0 { terms.unit() } else { terms.chunk };
        if terms.is_lossy::<P>() {
            let window = self.held.saturating_add(terms.reach().into()).saturating_sub(self.sent);
            length = clamp(length, window) & !terms.unit().wrapping_sub(1);
        }
        length = clamp(length, self.size.saturating_sub(self.sent));
        if length > 0 {
            self.careful = self.careful.saturating_sub(1);
        }
        length
    }

    /// Repeats this lost unit: its position and length in bytes.
    pub(super) fn repeat(&mut self, unit: u32, terms: &Terms, count: u16) -> (u64, u16) {
        self.repeated_at = count;
        self.lost.set(unit, false);
        self.repeated.set(unit, true);
        let position = self.held.saturating_add(terms.bytes(unit).into());
        (position, clamp(terms.unit(), self.sent.saturating_sub(position)))
    }

    /// What the receiver holds. `counted`: nothing was sent since.
    pub(super) fn on_held<P: Profile>(&mut self, shared: &Shared, counted: bool) {
        let Shared { terms, signal, .. } = shared;
        let (position, proof) = (signal.position, signal.proof());
        if position < self.held || position > self.size {
            return;
        }
        if let Proof::Prefix(prefix) = proof {
            if position > self.resume() {
                return;
            }
            // What was sent meanwhile is judged by the digest at the end.
            if position > self.sent {
                self.compares = true;
                self.prefix = prefix;
            }
            self.advance(position, terms);
            return;
        }
        if !terms.is_lossy::<P>() || position > self.sent {
            return;
        }
        self.advance(position, terms);
        let Proof::Map(map) = proof else { return };
        // Lost, or still on its way? (`PROTOCOL.md`, section 6.3)
        let sent = terms.units(low_half(self.sent.saturating_sub(self.held)));
        let is_fresh = is_reached(signal.count(), self.repeated_at);
        let mut is_settled = counted;
        for unit in (0..=MAP_UNITS).rev() {
            let is_held = unit.checked_sub(1).is_some_and(|past| map.contains(past));
            is_settled |= is_held;
            let may_be_lost = is_fresh || !self.repeated.contains(unit);
            let is_lost = is_settled && unit < sent && !is_held && may_be_lost;
            if is_lost && !self.lost.contains(unit) {
                self.careful = CAREFUL_CHUNKS;
            }
            self.lost.set(unit, is_lost);
        }
    }

    /// The receiver holds everything before `position`.
    fn advance(&mut self, position: u64, terms: &Terms) {
        let bytes = position.saturating_sub(self.held);
        let units = terms.units(u32::try_from(bytes).unwrap_or(u32::MAX));
        for _ in 0..units.min(MAP_UNITS + 1) {
            self.lost.take_first();
            self.repeated.take_first();
        }
        self.held = position;
    }
}

/// The smaller of a length and what is left.
pub(super) fn clamp(length: u16, left: u64) -> u16 {
    left.min(length.into()) as u16
}
