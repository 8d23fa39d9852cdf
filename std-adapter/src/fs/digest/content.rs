//! The facts of one file. Knows nothing of directories.

use std::fs::File;

use cap_std::fs::Dir;
use tinyferry_core::checksum::Checksums;
use tinyferry_core::error::Reason;

use super::cancel::Cancel;
use super::record::{Facts, FileFacts};
use crate::checksum::Fast;
use crate::fs::error::StoreError;
use crate::fs::sys::buffer::read_at;
use crate::fs::sys::dir_cursor::open_file;
use crate::fs::sys::metadata::FileMetadata;

const BUFFER_BYTES: usize = 256 * 1024;

/// Reads files for their CRC-64.
#[derive(Debug, Default)]
pub(crate) struct ContentReader {
    /// Grown at the first file.
    buffer: Vec<u8>,
}

impl ContentReader {
    /// The facts of the file `name`, whose metadata is `found`; reads it if its content is compared.
    ///
    /// # Errors
    /// It cannot be read, or changes meanwhile.
    pub(crate) fn facts(
        &mut self,
        dir: &Dir,
        name: &str,
        found: FileMetadata,
        compared: Facts,
        cancel: &Cancel,
    ) -> Result<FileFacts, StoreError> {
        let facts = |found: FileMetadata, content| FileFacts {
            size: found.size,
            modified: found.modified,
            mode: found.mode,
            content,
        };
        if !compared.contains(Facts::CONTENT) {
            return Ok(facts(found, None));
        }
        let (file, metadata) = open_file(dir, name)?;
        let found = FileMetadata::of(&metadata);
        let content = self.crc64(&file, found.size, cancel)?;
        Ok(facts(found, Some(content)))
    }

    fn crc64(&mut self, file: &File, size: u64, cancel: &Cancel) -> Result<u64, StoreError> {
        self.buffer.resize(BUFFER_BYTES, 0);
        let (mut crc, mut position) = (0, 0);
        while position < size {
            cancel.check()?;
            let rest = usize::try_from(size - position).unwrap_or(BUFFER_BYTES);
            let buffer = self.buffer.get_mut(..rest.min(BUFFER_BYTES)).unwrap_or_default();
            let count = read_at(file, buffer, position)?;
            if count == 0 {
                return Err(StoreError::new(Reason::SourceChanged, "it became shorter"));
            }
            crc = Fast::crc64(crc, buffer.get(..count).unwrap_or_default());
            position = position.saturating_add(count as u64);
        }
        Ok(crc)
    }
}
