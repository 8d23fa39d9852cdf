//! The holes of a file that is being received, and those of the part that is here already.

use tinyferry_core::error::Reason;

use super::{ExpectedFile, RecvFile, Stage};
use crate::fs::error::StoreError;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::DirCursor;
use crate::fs::sys::holes::Holes;
use crate::fs::sys::metadata::allocated;

/// As many zeros as are written at once, in bytes.
static ZEROS: [u8; 32 * 1024] = [0; 32 * 1024];

impl ExpectedFile {
    /// The bytes that its content takes of the storage, if its size is known.
    pub(crate) fn content(&self) -> u64 {
        let size = self.size.unwrap_or(0);
        self.content.map_or(size, |content| content.min(size))
    }
}

impl RecvFile {
    /// Stores zeros of a hole; returns their number. Where other content may be they are written, behind it they
    /// become a hole of the file.
    pub(crate) fn write_zeros(
        &mut self,
        cursor: &mut DirCursor,
        buffer: &mut Buffer,
        synced: bool,
        position: u64,
        length: u64,
    ) -> Result<u64, StoreError> {
        let end = position.checked_add(length).ok_or(Reason::TooLarge)?;
        let partial = self.partial(cursor, synced)?;
        if let Some(written) = partial.solid.checked_sub(position).filter(|written| *written > 0) {
            let count = usize::try_from(written.min(length)).unwrap_or(usize::MAX);
            let zeros = ZEROS.get(..count).unwrap_or(&ZEROS);
            self.write(cursor, buffer, synced, position, zeros)?;
            return Ok(zeros.len() as u64);
        }
        partial.skip_to(buffer, end)?;
        Ok(length)
    }

    /// The number of zeros at `position` if the part that is here already has a hole there.
    pub(crate) fn hole(&mut self, position: u64) -> Option<u64> {
        let file = match &self.stage {
            Stage::Partial(partial) => &partial.file,
            Stage::Same(file, _) => file,
            Stage::Directory { .. } | Stage::Awaited | Stage::Buffered(_) => return None,
        };
        self.holes.as_mut()?.at(file, position)
    }

    /// The holes of the part that is here already.
    pub(super) fn find_holes(mut self) -> Self {
        self.holes = match &self.stage {
            Stage::Partial(partial) => {
                Holes::of(&partial.file, self.prefix, allocated(&partial.metadata))
            }
            Stage::Same(file, metadata) => Holes::of(file, self.prefix, allocated(metadata)),
            Stage::Directory { .. } | Stage::Awaited | Stage::Buffered(_) => None,
        };
        self
    }
}
