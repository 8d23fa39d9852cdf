//! Merges many small reads and writes at positions into few large ones. Knows nothing of transfers.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use tinyferry_core::checksum::Checksums;

use crate::checksum::Fast;

/// Larger ones were measured to be slower.
pub(crate) const CAPACITY: usize = 64 * 1024;
/// The size of a write in bytes. The buffer has room for that much more, so that no content is written
/// before it is in the digest.
const WRITE_BYTES: usize = CAPACITY / 2;

/// The content of the open file that was read ahead, or is not written yet. It is reused for each file.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Grown to its capacity at the first load.
    ahead: Vec<u8>,
    ahead_at: u64,
    /// The filled length of `ahead`.
    filled: usize,
    /// The position of the next load in order.
    expected: u64,
    behind: Vec<u8>,
    behind_at: u64,
    /// The end of `behind` is in the digest: it is written before more content is added.
    is_summed: bool,
}

impl Buffer {
    /// Prepares for another file: drops content that is not written.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
        self.expected = 0;
        self.is_summed = false;
        self.behind.clear();
    }

    /// Reads at least one byte at `position`; 0 at the end.
    pub(crate) fn load(
        &mut self,
        file: &File,
        position: u64,
        into: &mut [u8],
    ) -> io::Result<usize> {
        self.flush(file)?;
        let count = match self.copy_ahead(position, into) {
            0 if position == self.expected && into.len() < CAPACITY => {
                self.filled = 0;
                self.ahead.resize(CAPACITY, 0);
                self.filled = read_at(file, &mut self.ahead, position)?;
                self.ahead_at = position;
                self.copy_ahead(position, into)
            }
            // Out of order: a repetition, which does not predict the next load.
            0 => read_at(file, into, position)?,
            count => count,
        };
        self.expected = position.saturating_add(count as u64);
        Ok(count)
    }

    /// Takes bytes to be written at `position`.
    pub(crate) fn store(&mut self, file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.filled = 0;
        let length = self.behind.len();
        let is_full = if std::mem::take(&mut self.is_summed) {
            length >= WRITE_BYTES
        } else {
            length.saturating_add(bytes.len()) > CAPACITY + WRITE_BYTES
        };
        if is_full || position != self.behind_at.saturating_add(length as u64) {
            self.flush(file)?;
        }
        if bytes.len() >= CAPACITY {
            return write_all_at(file, bytes, position);
        }
        if self.behind.is_empty() {
            self.behind_at = position;
        }
        self.behind.extend_from_slice(bytes);
        Ok(())
    }

    /// CRC-64 of the content of `start` followed by the bytes from `position` to `end`, if none of them
    /// is written yet.
    pub(crate) fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let skip = usize::try_from(position.checked_sub(self.behind_at)?).ok()?;
        let length = usize::try_from(end.checked_sub(position)?).ok()?;
        self.is_summed = true;
        let bytes = self.behind.get(skip..)?.get(..length)?;
        Some(Fast::crc64(start, bytes))
    }

    /// Buffers bytes that have no file yet. Returns whether they are in order and there is room.
    pub(crate) fn keep(&mut self, position: u64, bytes: &[u8]) -> bool {
        if self.behind.is_empty() {
            self.behind_at = 0;
        }
        let kept = self.behind.len();
        let fits = position == kept as u64 && kept.saturating_add(bytes.len()) <= CAPACITY;
        if fits {
            self.behind.extend_from_slice(bytes);
        }
        fits
    }

    /// The content that is not written yet.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.behind
    }

    /// Writes the content that is not written yet.
    pub(crate) fn flush(&mut self, file: &File) -> io::Result<()> {
        if self.behind.is_empty() {
            return Ok(());
        }
        let result = write_all_at(file, &self.behind, self.behind_at);
        self.behind.clear();
        result
    }

    fn copy_ahead(&self, position: u64, into: &mut [u8]) -> usize {
        let Some(skip) = position.checked_sub(self.ahead_at) else { return 0 };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut found = self.ahead.get(skip..self.filled).unwrap_or_default();
        found.read(into).unwrap_or(0)
    }
}

pub(crate) fn read_at(file: &File, into: &mut [u8], position: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::read_at(file, into, position);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_read(file, into, position);
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::write_at(file, bytes, position);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_write(file, bytes, position);
        match result {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                position = position.saturating_add(count as u64);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
