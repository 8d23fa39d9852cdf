//! The hole at the end of a partial: it takes no space, and the file gets its length later.

use std::io;

use super::Partial;
use crate::fs::sys::buffer::Buffer;

/// The longest hole behind the content, in bytes, that is not part of the file yet. A file system without holes
/// writes this number of zeros at once.
const LONGEST: u64 = 16 << 20;

impl Partial {
    /// Content was stored that ends at `end`.
    pub(crate) fn has_content_to(&mut self, end: u64) {
        self.solid = self.solid.max(end);
        self.length = self.length.max(end);
    }

    /// All from the end of the content to `end` is a hole. `buffer` has the content that is not written yet.
    pub(crate) fn skip_to(&mut self, buffer: &mut Buffer, end: u64) -> io::Result<()> {
        self.length = self.length.max(end);
        if self.reserved != u64::MAX {
            // Room in a hole would make it content.
            self.release();
            self.reserved = u64::MAX;
        }
        if self.length - self.solid < LONGEST {
            return Ok(());
        }
        // The length of the file is the prefix of a later transfer: all content below it must be written first.
        buffer.flush(&self.file)?;
        self.fill()?;
        self.solid = self.length;
        Ok(())
    }

    /// Gives the file its length.
    pub(crate) fn fill(&self) -> io::Result<()> {
        if self.length > self.solid { self.file.set_len(self.length) } else { Ok(()) }
    }

    /// Reads zeros at `position`, which is past the end of the file. Returns their number.
    pub(crate) fn read_hole(&self, position: u64, into: &mut [u8]) -> usize {
        let left = usize::try_from(self.length.saturating_sub(position)).unwrap_or(usize::MAX);
        let zeros = into.len().min(left);
        into.iter_mut().take(zeros).for_each(|byte| *byte = 0);
        zeros
    }
}
