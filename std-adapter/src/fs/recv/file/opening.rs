//! Opens an offered file or directory: finds the part of it that is here already.

use tinyferry_core::error::Reason;

use super::{ExpectedFile, MAX_GAP_DISTANCE, RecvFile, Stage};
use crate::fs::error::StoreError;
use crate::fs::names::partial_name::UNIT;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::sys::buffer::CAPACITY;
use crate::fs::sys::dir_cursor::{DirCursor, Found, look};
use crate::fs::sys::sync_failures::is_stored;

impl RecvFile {
    /// A directory. `is_alone`: it is no part of a tree that is sent.
    pub(crate) fn directory(
        cursor: &mut DirCursor,
        expected: ExpectedFile,
        is_alone: bool,
    ) -> Result<Self, StoreError> {
        let is_made = match cursor.look(&expected.path)? {
            Found::Missing => is_alone,
            Found::Directory(_) => false,
            Found::File(_) => return Err(Reason::NotDirectory.into()),
            Found::Other(error) => return Err(error),
        };
        Ok(Self::new(expected, 0, Stage::Directory { is_made }))
    }

    /// A file; finds the part of it that is here already. `gaps`: a partial may have gaps near its end.
    pub(crate) fn file(
        cursor: &mut DirCursor,
        expected: ExpectedFile,
        gaps: bool,
    ) -> Result<Self, StoreError> {
        let (parent, name) = split(&expected.path);
        if name.is_empty() {
            return Err(Reason::BadPath.into());
        }
        let dir = match cursor.existing(parent)? {
            Some(dir) if !cursor.is_new() => dir,
            found => {
                // The directory is new: it has only files of this tree.
                if let Some(dir) = found
                    && cursor.has_directories()
                    && let Found::Directory(_) = look(&dir, name)?
                {
                    return Err(Reason::IsDirectory.into());
                }
                let is_small = expected.size.is_some_and(|size| size <= CAPACITY as u64);
                let stage = if is_small { Stage::Buffered(0) } else { Stage::Awaited };
                return Ok(Self::new(expected, 0, stage));
            }
        };
        if let Some((path, file, metadata)) = expected.find_same(cursor, &dir)? {
            let prefix = metadata.len();
            let (expected, stage) =
                (ExpectedFile { path, ..expected }, Stage::Same(file, metadata));
            return Ok(Self::new(expected, prefix, stage));
        }
        // Without a known size, nothing would cut off content of the partial behind the new end.
        if expected.resume >= UNIT
            && expected.size.is_some()
            && let Some(partial) = Partial::find(&dir, expected.partial_request())?
        {
            if !is_stored(&partial.file, &partial.metadata, expected.durable) {
                partial.discard();
                return Ok(Self::new(expected, 0, Stage::Awaited));
            }
            let gaps = if gaps { MAX_GAP_DISTANCE } else { 0 };
            let prefix = expected.resumes_from(partial.length.saturating_sub(gaps));
            if prefix > 0 {
                return Ok(Self::new(expected, prefix, Stage::Partial(partial)));
            }
        }
        Ok(Self::new(expected, 0, Stage::Awaited))
    }
}
