//! What was offered, and what is to become of the file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::super::buffer::write_all_at;
use super::super::event::Observer;
use super::super::facts::{Facts, settle, settled};
use super::super::failures;
use super::super::kept::Kept;
use super::super::names::split;
use super::super::partial::{Partial, Purpose, UNIT, Whose};
use super::super::place::Place;
use super::super::sync::{Durable, Sync, synchronise};
use super::super::times;
use super::super::trouble::Trouble;

/// What the other end may learn and change besides what it sends.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Access {
    /// Whether it may not read: no digest of what it did not send, and no change of times or
    /// permission bits of what it did not send.
    pub(in super::super) is_blind: bool,
    pub(in super::super) partials: Whose,
    pub(in super::super) kept: Kept,
}

/// What was offered.
#[derive(Debug)]
pub(in super::super) struct Wanted {
    /// Where it goes, below the store's root.
    pub(in super::super) path: String,
    pub(in super::super) kind: Kind,
    pub(in super::super) size: Option<u64>,
    pub(in super::super) modified: Option<i64>,
    pub(in super::super) mode: Option<u32>,
    pub(in super::super) resume: u64,
    pub(in super::super) access: Arc<Access>,
    /// It may come to its place later, as this transfer.
    pub(in super::super) later: Option<u16>,
    /// What it contains is made durable, and what is here already is proven from storage.
    pub(in super::super) durable: bool,
}

impl Wanted {
    /// Whether the file found in its place is the same, as far as one can see from outside.
    pub(super) fn is(&self, metadata: &Metadata) -> bool {
        let found = Facts::of(metadata);
        !self.access.is_blind
            && found.size > 0
            && self.resume >= found.size
            && self.size == Some(found.size)
            && self
                .modified
                .zip(found.modified)
                .is_some_and(|(offered, found)| times::is_same(offered, found))
    }

    /// Where to go on if so much of it is here.
    pub(super) fn resumes_from(&self, length: u64) -> u64 {
        match length.min(self.resume) {
            length if self.size.is_some_and(|size| length >= size) => self.size.unwrap_or(length),
            length => length - length % UNIT,
        }
    }

    /// Puts all of it in place by way of a partial; what finds no place is too little to be kept.
    pub(in super::super) fn put(
        &self,
        place: &mut Place,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let mut partial = self.create(place, false)?;
        partial.length = bytes.len() as u64;
        let written = write_all_at(&partial.file, bytes, 0).map_err(Trouble::from);
        let durable = Sync::Never.durable(true);
        let result = written.and_then(|()| self.place(place, &partial, durable, observer));
        if result.is_err() {
            partial.discard();
        }
        result
    }

    /// All of it is in the partial: puts that in place.
    pub(super) fn place(
        &self,
        place: &mut Place,
        partial: &Partial,
        durable: Durable,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        settled(self.complete(partial)?, &self.path, observer)?;
        if durable.content {
            failures::synchronise(&partial.file)?;
        }
        // Something may have come there since the offer.
        place.look(&self.path)?;
        let (_, name) = split(&self.path);
        let dir = partial.place(name)?;
        if durable.names {
            synchronise(dir)?;
        }
        Ok(())
    }

    /// All of it is in the partial: gives that its length, its time and its permission bits. Whether
    /// the latter could be set.
    pub(super) fn complete(&self, partial: &Partial) -> Result<io::Result<()>, Trouble> {
        match self.size {
            Some(size) if partial.length < size => return Err(Reason::Incomplete.into()),
            // An older one was longer.
            Some(size) if partial.length > size => partial.file.set_len(size)?,
            _ => {}
        }
        Ok(settle(&partial.file, &partial.metadata, self.mode, self.modified))
    }

    /// Gives a file that is in place its time and its permission bits, where they differ.
    pub(super) fn settle(&self, file: &File, metadata: &Metadata) -> io::Result<()> {
        let now = Facts::of(metadata).modified;
        let modified = self.modified.filter(|offered| Some(*offered) != now);
        settle(file, metadata, self.mode, modified)
    }

    pub(super) fn purpose(&self) -> Purpose<'_> {
        let Access { partials: whose, kept, .. } = &*self.access;
        Purpose { whose, kept: Some(kept), target: split(&self.path).1, mode: self.mode }
    }

    pub(super) fn create(&self, place: &mut Place, synced: bool) -> Result<Partial, Trouble> {
        let (parent, _) = split(&self.path);
        let dir = place.made(parent, None, synced)?;
        Partial::create(&dir, self.purpose())
    }
}
