//! What is held of a file, and how far its digest is (`PROTOCOL.md`, sections 6.3 and 6.4).

use crate::profile::Profile;
use crate::shared::Intent;
use crate::terms::Terms;
use crate::wire::{Map, Proof, UNKNOWN, low_half};

/// A file being received.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct File {
    /// In bytes; [`UNKNOWN`] while it is not known.
    size: u64,
    /// Whether its sender resumes it.
    pub(super) resumable: bool,
    /// Everything before is held.
    pub(super) position: u64,
    /// Everything before is in the digest.
    digested: u64,
    /// CRC-64 of everything before `digested`.
    pub(super) digest: u64,
    /// So much was held when the offer came.
    prefix: u64,
    /// CRC-64 of that, once all of it is in the digest.
    proof: u64,
    /// CRC-64 of the file, as the sender's `DON` says.
    claimed: u64,
    /// Whether that `DON` came, and all is held.
    is_sent: bool,
    in_order: bool,
    /// Units that are held already, from the one after the position on.
    have: Map,
}

/// Where a chunk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: u64,
    /// Bytes at the front that are held already.
    pub(crate) skip: u16,
}

impl File {
    /// No file yet.
    pub(super) const NONE: Self = Self {
        size: 0,
        resumable: false,
        position: 0,
        digested: 0,
        digest: 0,
        prefix: 0,
        proof: 0,
        claimed: 0,
        is_sent: false,
        in_order: false,
        have: Map::EMPTY,
    };

    /// A file of which so many bytes are `held`.
    pub(super) const fn new(size: u64, resume: u64, held: u64, in_order: bool) -> Self {
        Self { size, resumable: resume > 0, position: held, prefix: held, in_order, ..Self::NONE }
    }

    /// Whether all of it is held.
    pub(super) fn is_whole(&self) -> bool {
        self.position == self.size
    }

    /// Whether the digest of the prefix is still being made.
    fn is_proving(&self) -> bool {
        self.digested < self.prefix
    }

    /// What is held, as a `PON` says it; `None` while nothing is proven.
    pub(super) fn held(&self, to_offer: bool) -> Option<(u64, Proof)> {
        if self.is_proving() {
            None
        } else if to_offer && self.prefix > 0 {
            Some((self.prefix, Proof::Prefix(self.proof)))
        } else {
            Some((self.position, Proof::Map(self.have)))
        }
    }

    /// All was sent. Whether that can be, and is `None` while something is missing.
    pub(super) fn sent(&mut self, size: u64, digest: u64, is_lossy: bool) -> Option<bool> {
        let fits = (self.size == UNKNOWN || self.size == size) && self.position <= size;
        if !fits || (self.position < size && !is_lossy) {
            return Some(false);
        }
        self.size = size;
        if self.position < size {
            return None;
        }
        self.is_sent = true;
        self.claimed = digest;
        Some(true)
    }

    /// Whether the whole digest is what the sender says; `None` while it is not known.
    pub(super) fn is_as_claimed(&self) -> Option<bool> {
        (self.is_sent && self.digested == self.position).then_some(self.claimed == self.digest)
    }

    /// Whether a chunk may end at `end`.
    fn takes(&self, end: u64, terms: &Terms) -> bool {
        let is_whole = terms.is_whole(low_half(end));
        end == self.size || self.size == UNKNOWN || (is_whole && end < self.size)
    }

    /// Where a chunk goes that begins `ahead` (wrapping) of the position; `None` if it is not
    /// wanted.
    pub(super) fn place(&self, ahead: u32, length: u16, terms: &Terms) -> Option<Place> {
        if length > terms.chunk {
            return None;
        }
        let (ahead, skip) = if ahead < terms.reach() {
            (ahead, 0)
        } else {
            (0, u16::try_from(ahead.wrapping_neg()).ok()?)
        };
        let fresh = length.checked_sub(skip)?;
        let is_new = if ahead == 0 {
            fresh > 0
        } else {
            !self.in_order
                && terms.is_whole(ahead)
                && units(ahead, length, terms).any(|unit| !self.have.contains(unit))
        };
        let position = self.position.checked_add(ahead.into())?;
        let end = position.checked_add(fresh.into())?;
        (is_new && self.takes(end, terms)).then_some(Place { position, skip })
    }

    /// So many bytes were stored at the place; `digest` continues over them.
    pub(super) fn stored<P: Profile>(
        &mut self,
        position: u64,
        length: u16,
        terms: &Terms,
        digest: impl FnOnce(u64) -> u64,
    ) {
        let ahead = low_half(position.saturating_sub(self.position));
        let end = position.saturating_add(length.into());
        if terms.is_lossy::<P>() && self.size == UNKNOWN && !terms.is_whole(low_half(end)) {
            // Only at its end does the file end within a unit.
            self.size = end;
        }
        if position == self.digested {
            self.digest = digest(self.digest);
            self.digested = end;
        }
        if ahead > 0 {
            units(ahead, length, terms).for_each(|unit| self.have.set(unit, true));
            return;
        }
        self.position = end;
        if self.have.is_empty() {
            return;
        }
        // The units that came are held, and those after them that were held before.
        let mut is_held = false;
        for _ in 0..terms.units(length.into()) {
            is_held = self.have.take_first();
        }
        while is_held {
            self.position = self.position.saturating_add(terms.unit().into()).min(self.size);
            is_held = self.have.take_first();
        }
    }

    /// Whether everything that is held lies before the position.
    pub(super) fn has_no_gaps(&self) -> bool {
        self.have.is_empty()
    }

    /// Whether the digest covers everything before the position.
    pub(super) fn is_summed_up(&self) -> bool {
        self.digested == self.position
    }

    /// The digest goes on over what was stored without it since it covered all before the position.
    pub(super) fn sum_up(&mut self, digest: impl FnOnce(u64, u64) -> u64) {
        self.digest = digest(self.digest, self.position);
    }

    /// Whether all came, and it only waits for its digest and to be put in place.
    pub(super) fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// The digest goes on over what is held, up to the end of the prefix first. `None`: it is there.
    pub(super) fn digest_on(&self) -> Option<Intent> {
        let end = if self.is_proving() { self.prefix } else { self.position };
        let length = end.saturating_sub(self.digested).min(1024) as u16;
        (length > 0).then_some(Intent::Digest { position: self.digested, length })
    }

    /// So many bytes at `digested` were loaded back. Whether that proves the prefix.
    pub(super) fn digested(&mut self, length: u16, digest: impl FnOnce(u64) -> u64) -> bool {
        let was_proving = self.is_proving();
        self.digest = digest(self.digest);
        self.digested = self.digested.saturating_add(length.into());
        let proves = was_proving && !self.is_proving();
        if proves {
            self.proof = self.digest;
        }
        proves
    }
}

/// The units that `length` bytes at `ahead` past the position make up, counted from the one after
/// the position.
fn units(ahead: u32, length: u16, terms: &Terms) -> impl Iterator<Item = u32> {
    let first = terms.units(ahead).saturating_sub(1);
    first..first.saturating_add(terms.units(length.into()))
}
