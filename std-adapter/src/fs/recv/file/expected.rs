//! An offer, and the commit of its file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::limits::partial_index::PartialIndex;
use crate::fs::names::partial_name::UNIT;
use crate::fs::names::{join, split};
use crate::fs::policy::{Existing, Policy};
use crate::fs::recv::naming::{candidates, exists};
use crate::fs::recv::partial::{Partial, PartialOwner, PartialRequest};
use crate::fs::sys::buffer::write_all_at;
use crate::fs::sys::dir_cursor::{DirCursor, Found, open_file};
use crate::fs::sys::metadata::{Attributes, FileMetadata, report_unset, set_metadata};
use crate::fs::sys::sync::{Durable, Sync, synchronise};
use crate::fs::sys::sync_failures::is_stored;
use crate::fs::sys::{sync_failures, times};

/// The maximum number of files that an offered file is compared with, if both are to be kept.
pub(crate) const MAX_COMPARED: usize = 64;

/// The rights of the other end beyond the files that it sends, and the policy for these files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) partials: PartialOwner,
    pub(crate) partial_index: PartialIndex,
    pub(crate) policy: Policy,
}

impl Access {
    /// Whether it may not read: it gets no digest of content that it did not send, and cannot change times
    /// or permission bits of entries that it did not send.
    pub(crate) fn is_blind(&self) -> bool {
        !matches!(self.partials, PartialOwner::Any)
    }
}

/// An offer.
#[derive(Debug)]
pub(crate) struct ExpectedFile {
    /// Its path below the store's root.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) size: Option<u64>,
    /// The bytes that are in no hole, if the sender states them.
    pub(crate) content: Option<u64>,
    pub(crate) attributes: Attributes,
    pub(crate) resume: u64,
    pub(crate) access: Arc<Access>,
    /// The number of its commit, if that may be deferred.
    pub(crate) commit_id: Option<u16>,
    /// The content is made durable, and a prefix that is here already is read from storage.
    pub(crate) durable: bool,
}

impl ExpectedFile {
    /// Whether the existing file has the offered metadata, and the other end may learn that.
    pub(crate) fn is(&self, metadata: &Metadata) -> bool {
        let size = metadata.len();
        !self.access.is_blind() && size > 0 && self.resume >= size && self.is_like(metadata)
    }

    fn is_like(&self, metadata: &Metadata) -> bool {
        let found = FileMetadata::of(metadata);
        let times = self.attributes.modified.zip(found.modified);
        self.size == Some(found.size)
            && times.is_some_and(|(offered, found)| times::is_same(offered, found))
    }

    /// Whether a file with the offered metadata is in place: another transfer was faster.
    pub(crate) fn is_in_place(&self, cursor: &mut DirCursor) -> bool {
        matches!(cursor.look(&self.path), Ok(Found::File(metadata)) if self.is_like(&metadata))
    }

    /// The file in place that seems to be the same, with its path: the one of the offered path or, if both are
    /// to be kept, one with a number.
    ///
    /// # Errors
    /// The path belongs to something that may not be replaced.
    pub(crate) fn find_same(
        &self,
        cursor: &mut DirCursor,
        dir: &Dir,
    ) -> Result<Option<(String, File, Metadata)>, StoreError> {
        let (parent, name) = split(&self.path);
        for (number, candidate) in candidates(name).take(MAX_COMPARED).enumerate() {
            let path = join(parent, &candidate);
            match cursor.look(&path)? {
                Found::Missing => return Ok(None),
                Found::Directory(_) if number == 0 => return Err(Reason::IsDirectory.into()),
                // It is replaced, or kept, like a file.
                Found::Other(error) if self.access.policy.links.may_replace(&error) => {}
                Found::Other(error) if number == 0 => return Err(error),
                Found::Directory(_) | Found::Other(_) => continue,
                // If it has changed since or cannot be read, it is received.
                Found::File(metadata) if self.is(&metadata) => {
                    if let Ok((file, metadata)) = open_file(dir, &*candidate)
                        && self.is(&metadata)
                        && is_stored(&file, &metadata, false)
                    {
                        return Ok(Some((path, file, metadata)));
                    }
                }
                Found::File(_) => {}
            }
            match self.access.policy.existing {
                Existing::Replace => return Ok(None),
                Existing::Refuse => return Err(exists()),
                Existing::KeepBoth => {}
            }
        }
        Ok(None)
    }

    /// The position to resume from if a partial has `length` bytes.
    pub(crate) fn resumes_from(&self, length: u64) -> u64 {
        match length.min(self.resume) {
            length if self.size.is_some_and(|size| length >= size) => self.size.unwrap_or(length),
            length => length - length % UNIT,
        }
    }

    /// Commits the complete content through a partial, which is removed if that fails. Returns the final name of the
    /// file, if that is another one.
    pub(crate) fn put(
        &self,
        cursor: &mut DirCursor,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<Option<Box<str>>, StoreError> {
        let mut partial = self.create(cursor, false)?;
        partial.has_content_to(bytes.len() as u64);
        let written = write_all_at(&partial.file, bytes, 0).map_err(StoreError::from);
        let durable = Sync::Never.durable(true);
        let result = written.and_then(|()| self.place(cursor, &partial, durable, observer));
        result.map_err(|error| partial.discard_after(error))
    }

    /// Puts a complete partial in place. Returns its final name, if that is another one.
    pub(crate) fn place(
        &self,
        cursor: &mut DirCursor,
        partial: &Partial,
        durable: Durable,
        observer: &mut impl Observer,
    ) -> Result<Option<Box<str>>, StoreError> {
        report_unset(self.complete(partial)?, &self.path, observer)?;
        if durable.content {
            sync_failures::synchronise(&partial.file)?;
        }
        // Another entry may have the name since the offer.
        cursor.look(&self.path)?;
        let (_, name) = split(&self.path);
        let (stored, dir) = partial.place(name, self.access.policy.existing)?;
        if durable.names {
            synchronise(dir)?;
        }
        Ok((stored != name).then(|| stored.into()))
    }

    /// Sets the length, the time and the permission bits of a complete partial. Returns whether the latter
    /// two could be set.
    pub(crate) fn complete(&self, partial: &Partial) -> Result<io::Result<()>, StoreError> {
        match self.size {
            Some(size) if partial.length < size => return Err(Reason::Incomplete.into()),
            // The file of an earlier offer was longer.
            Some(size) if partial.length > size => partial.file.set_len(size)?,
            _ => partial.fill()?,
        }
        Ok(set_metadata(&partial.file, &partial.metadata, self.attributes))
    }

    /// Sets the time and the permission bits of a file that is in place, if they differ.
    pub(crate) fn set_metadata(&self, file: &File, metadata: &Metadata) -> io::Result<()> {
        let now = FileMetadata::of(metadata).modified;
        let modified = self.attributes.modified.filter(|offered| Some(*offered) != now);
        set_metadata(file, metadata, Attributes { modified, ..self.attributes })
    }

    pub(crate) fn partial_request(&self) -> PartialRequest<'_> {
        let Access { partials: owner, partial_index, .. } = &*self.access;
        PartialRequest {
            owner,
            index: Some(partial_index),
            target: split(&self.path).1,
            mode: self.attributes.mode,
        }
    }

    pub(crate) fn create(
        &self,
        cursor: &mut DirCursor,
        synced: bool,
    ) -> Result<Partial, StoreError> {
        let (parent, _) = split(&self.path);
        let dir = cursor.made(parent, None, synced)?;
        Partial::create(&dir, self.partial_request())
    }
}
