//! An offer, and the commit of its file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::recv::partial::Purpose;
use crate::fs::recv::partial::UNIT;
use crate::fs::recv::partial::Whose;
use crate::fs::recv::partials::Kept;
use crate::fs::sys::buffer::write_all_at;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::metadata::Facts;
use crate::fs::sys::metadata::settle;
use crate::fs::sys::metadata::settled;
use crate::fs::sys::sync::Durable;
use crate::fs::sys::sync::Sync;
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::sync_failures;
use crate::fs::sys::times;

/// The rights of the other end beyond the files that it sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// Whether it may not read: it gets no digest of content that it did not send, and cannot change times
    /// or permission bits of entries that it did not send.
    pub(crate) is_blind: bool,
    pub(crate) partials: Whose,
    pub(crate) kept: Kept,
}

/// An offer.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Where it goes, below the store's root.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) size: Option<u64>,
    pub(crate) modified: Option<i64>,
    pub(crate) mode: Option<u32>,
    pub(crate) resume: u64,
    pub(crate) access: Arc<Access>,
    /// It may come to its place later, as this transfer.
    pub(crate) later: Option<u16>,
    /// The content is made durable, and a prefix that is here already is read from storage.
    pub(crate) durable: bool,
}

impl Wanted {
    /// Whether the file found in its place is the same, as far as one can see from outside.
    pub(crate) fn is(&self, metadata: &Metadata) -> bool {
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
    pub(crate) fn resumes_from(&self, length: u64) -> u64 {
        match length.min(self.resume) {
            length if self.size.is_some_and(|size| length >= size) => self.size.unwrap_or(length),
            length => length - length % UNIT,
        }
    }

    /// Commits all of the content by way of a partial, which is removed if that fails.
    pub(crate) fn put(
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
        result.map_err(|trouble| partial.discard_after(trouble))
    }

    /// All of it is in the partial: puts that in place.
    pub(crate) fn place(
        &self,
        place: &mut Place,
        partial: &Partial,
        durable: Durable,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        settled(self.complete(partial)?, &self.path, observer)?;
        if durable.content {
            sync_failures::synchronise(&partial.file)?;
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
    pub(crate) fn complete(&self, partial: &Partial) -> Result<io::Result<()>, Trouble> {
        match self.size {
            Some(size) if partial.length < size => return Err(Reason::Incomplete.into()),
            // An older one was longer.
            Some(size) if partial.length > size => partial.file.set_len(size)?,
            _ => {}
        }
        Ok(settle(&partial.file, &partial.metadata, self.mode, self.modified))
    }

    /// Gives a file that is in place its time and its permission bits, where they differ.
    pub(crate) fn settle(&self, file: &File, metadata: &Metadata) -> io::Result<()> {
        let now = Facts::of(metadata).modified;
        let modified = self.modified.filter(|offered| Some(*offered) != now);
        settle(file, metadata, self.mode, modified)
    }

    pub(crate) fn purpose(&self) -> Purpose<'_> {
        let Access { partials: whose, kept, .. } = &*self.access;
        Purpose { whose, kept: Some(kept), target: split(&self.path).1, mode: self.mode }
    }

    pub(crate) fn create(&self, place: &mut Place, synced: bool) -> Result<Partial, Trouble> {
        let (parent, _) = split(&self.path);
        let dir = place.made(parent, None, synced)?;
        Partial::create(&dir, self.purpose())
    }
}
