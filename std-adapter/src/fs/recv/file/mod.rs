//! One file or directory that is being received, from its offer to its commit. Knows nothing of its tree.

mod expected;
mod opening;
mod unfinished;
mod zeros;

use std::fs::File;

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::limits::partial_index::LeftPartial;
use crate::fs::limits::quota::Share;
use crate::fs::limits::reservation::Reservation;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::recv::staged::Staged;
use crate::fs::recv::stored_as;
use crate::fs::recv::tmpfile::CompleteFile;
use crate::fs::recv::tree::make_directory;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::DirCursor;
use crate::fs::sys::holes::Holes;
use crate::fs::sys::metadata::{Attributes, allocated, report_unset};
use crate::fs::sys::sync::{Durable, synchronise};
use crate::fs::sys::{sync_failures, times};

pub(crate) use self::expected::{Access, ExpectedFile, MAX_COMPARED};
pub(crate) use self::unfinished::can_go_on_after;

/// The maximum distance of a gap from the end of a partial, in bytes: the receive window in blocks of
/// the largest size.
const MAX_GAP_DISTANCE: u64 = (tinyferry_core::wire::SACK_BLOCKS as u64 + 1) * 1024;

#[derive(Debug)]
pub(crate) struct RecvFile {
    pub(crate) expected: ExpectedFile,
    /// The length of the prefix that is here: the answer to the offer.
    pub(crate) prefix: u64,
    /// The partial that remains if the commit failed.
    pub(crate) left: Option<LeftPartial>,
    /// Space for the content that is not stored yet.
    pub(crate) reservation: Option<Reservation>,
    /// The share of the quota for the content that is not stored yet.
    pub(crate) share: Option<Share>,
    /// Of a file without a size: the position up to which space was found.
    pub(crate) granted: u64,
    /// The holes of the prefix, if it has any.
    holes: Option<Holes>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Directory {
        /// Whether a request makes it by itself, and it does not exist yet.
        is_made: bool,
    },
    /// No part of the file is here.
    Awaited,
    /// The file is small and its directory is new: its content is in the buffer only. The number
    /// of buffered bytes.
    Buffered(u64),
    Partial(Partial),
    /// The file in place seems to be the same.
    Same(File, Metadata),
}

impl RecvFile {
    fn new(expected: ExpectedFile, prefix: u64, stage: Stage) -> Self {
        let (left, reservation, share, granted, holes) = (None, None, None, 0, None);
        Self { expected, prefix, left, reservation, share, granted, holes, stage }.find_holes()
    }

    /// The space that its content still takes, in bytes, if its size is known.
    pub(crate) fn needed(&self) -> u64 {
        let content = self.expected.content();
        match &self.stage {
            Stage::Directory { .. } | Stage::Same(..) => 0,
            Stage::Awaited | Stage::Buffered(_) => content,
            Stage::Partial(partial) => content.saturating_sub(allocated(&partial.metadata)),
        }
    }

    pub(crate) fn write(
        &mut self,
        cursor: &mut DirCursor,
        buffer: &mut Buffer,
        synced: bool,
        position: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let end = position.checked_add(bytes.len() as u64).ok_or(Reason::TooLarge)?;
        if let Stage::Buffered(length) = &mut self.stage
            && buffer.keep(position, bytes)
        {
            *length = end;
            return Ok(());
        }
        let size = self.expected.size.unwrap_or(0);
        let is_sparse = self.expected.content() < size;
        let durable = self.expected.durable;
        let partial = self.partial(cursor, synced)?;
        if !is_sparse {
            partial.reserve(position, size);
        }
        buffer.store(&partial.file, position, bytes)?;
        partial.has_content_to(end);
        if durable {
            partial.start_writing(end);
        }
        if let Some(reservation) = &mut self.reservation {
            reservation.stored(bytes.len() as u64);
        }
        if let Some(share) = &mut self.share {
            share.stored(bytes.len() as u64);
        }
        Ok(())
    }

    /// The partial, which is created if there is none yet.
    fn partial(
        &mut self,
        cursor: &mut DirCursor,
        synced: bool,
    ) -> Result<&mut Partial, StoreError> {
        if matches!(self.stage, Stage::Awaited | Stage::Buffered(_)) {
            let mut partial = self.expected.create(cursor, synced)?;
            partial.has_content_to(self.unfinished());
            self.stage = Stage::Partial(partial);
        }
        match &mut self.stage {
            Stage::Partial(partial) => Ok(partial),
            _ => {
                let detail = "nothing is open that could be written to";
                Err(StoreError::new(Reason::Storage, detail))
            }
        }
    }

    pub(crate) fn read(
        &self,
        buffer: &mut Buffer,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, StoreError> {
        match &self.stage {
            Stage::Partial(partial) => match buffer.load(&partial.file, position, into)? {
                0 => Ok(partial.read_hole(position, into)),
                count => Ok(count),
            },
            Stage::Same(file, _) => Ok(buffer.load(file, position, into)?),
            Stage::Directory { .. } | Stage::Awaited | Stage::Buffered(_) => Ok(0),
        }
    }

    /// Puts it in place; its path becomes the final one. The time and permission bits of a directory are set later.
    pub(crate) fn commit(
        &mut self,
        cursor: &mut DirCursor,
        buffer: &mut Buffer,
        durable: Durable,
        observer: &mut impl Observer,
    ) -> Result<Option<Attributes>, StoreError> {
        let expected = &self.expected;
        let synced = durable.names;
        let partial = match std::mem::replace(&mut self.stage, Stage::Awaited) {
            Stage::Directory { is_made } => {
                // Only a client that may read changes an existing directory.
                if expected.access.is_blind() && cursor.existing(&expected.path)?.is_some() {
                    return Ok(None);
                }
                make_directory(cursor, &expected.path, expected.attributes, synced)?;
                if is_made {
                    observer.event(Event::Made { path: &expected.path });
                }
                return Ok(Some(expected.attributes));
            }
            Stage::Same(file, metadata) => {
                report_unset(expected.set_metadata(&file, &metadata), &expected.path, observer)?;
                if durable.content {
                    sync_failures::synchronise(&file)?;
                }
                if synced && let Some(dir) = cursor.existing(split(&expected.path).0)? {
                    synchronise(&dir)?;
                }
                return Ok(None);
            }
            Stage::Buffered(length) => {
                let mut partial = expected.create(cursor, synced)?;
                partial.has_content_to(length);
                partial
            }
            Stage::Awaited => expected.create(cursor, synced)?,
            Stage::Partial(partial) => partial,
        };
        let flushed = buffer.flush(&partial.file).map_err(StoreError::from);
        let placed = flushed.and_then(|()| expected.place(cursor, &partial, durable, observer));
        match placed {
            Ok(other_name) => {
                let stored = stored_as(&expected.path, other_name, observer).into_owned();
                self.expected.path = stored;
                Ok(None)
            }
            Err(error) => Err(self.give_up(partial, error)),
        }
    }

    /// Writes the buffered content of a file, which gets its name later. Also returns the number of bytes.
    pub(crate) fn stage(
        &mut self,
        cursor: &mut DirCursor,
        buffer: &mut Buffer,
        synced: bool,
    ) -> Result<(Staged, u64), StoreError> {
        let expected = &self.expected;
        let mut partial = match std::mem::replace(&mut self.stage, Stage::Awaited) {
            Stage::Same(file, metadata) => {
                let metadata_set = expected.set_metadata(&file, &metadata);
                return Ok((Staged::Same(file, metadata_set), 0));
            }
            Stage::Partial(partial) => partial,
            stage => {
                let mut partial = expected.create(cursor, synced)?;
                partial.has_content_to(if let Stage::Buffered(length) = stage {
                    length
                } else {
                    0
                });
                partial
            }
        };
        let flushed = buffer.flush(&partial.file).map_err(StoreError::from);
        match flushed.and_then(|()| expected.complete(&partial)) {
            Ok(metadata_set) => {
                let length = std::mem::take(&mut partial.length);
                Ok((Staged::Partial(Box::new(partial), metadata_set), length))
            }
            Err(error) => Err(self.give_up(partial, error)),
        }
    }

    /// The complete file, if it can be put in place in one step.
    pub(crate) fn complete<'a>(&self, buffer: &'a Buffer) -> Option<CompleteFile<'a>> {
        let ExpectedFile { attributes, size, .. } = self.expected;
        let bytes = buffer.kept();
        // An unusual time must be compared with the stored one, which takes a partial.
        let is_whole = matches!(self.stage, Stage::Buffered(_))
            && size == Some(bytes.len() as u64)
            && attributes.modified.is_none_or(times::is_usual);
        is_whole.then_some(CompleteFile { bytes, attributes })
    }

    /// The file system of a file that is in place already and seems to be the same.
    pub(crate) fn device_if_same(&self) -> Option<u64> {
        match &self.stage {
            Stage::Same(_, metadata) => Some(sync_failures::device(metadata)),
            _ => None,
        }
    }

    /// Whether it is a file that is not in place already.
    pub(crate) fn is_new_file(&self) -> bool {
        !matches!(self.stage, Stage::Directory { .. } | Stage::Same(..))
    }

    /// Whether no part was searched for, and nothing is written yet.
    pub(crate) fn is_buffered(&self) -> bool {
        matches!(self.stage, Stage::Buffered(_))
    }

    /// The offered size in bytes; without one, the length of the received content.
    pub(crate) fn size(&self) -> u64 {
        self.expected.size.unwrap_or_else(|| self.unfinished())
    }

    /// The length of its partial, in bytes.
    pub(crate) fn unfinished(&self) -> u64 {
        match &self.stage {
            Stage::Partial(partial) => partial.length,
            Stage::Buffered(length) => *length,
            _ => 0,
        }
    }
}
