//! Room for a partial on the storage: set aside before it is written, begun to be written before it is
//! to be durable, and given back.

use std::fs::File;
use std::io;

use super::Partial;
use crate::fs::sys::sync_failures;

/// The amount of room that is reserved at once, in bytes.
const PREALLOCATED_BYTES: u64 = 4 << 20;

/// The amount of content whose writing is started at once, in bytes.
const WRITEBACK_BYTES: u64 = 8 << 20;

impl Partial {
    /// Reserves room before content is stored at `position` of a file of `size` bytes, a piece at a time, so
    /// that a false size gains nothing. The length of the file does not change. It makes writes cheaper; if
    /// the file system cannot reserve, that is no failure.
    pub(crate) fn reserve(&mut self, position: u64, size: u64) {
        if position >= self.reserved && size.saturating_sub(position) >= PREALLOCATED_BYTES {
            self.reserved = match set_aside(&self.file, position) {
                Ok(()) => position.saturating_add(PREALLOCATED_BYTES),
                Err(_) => u64::MAX,
            };
        }
    }

    /// Starts to write the content up to one piece before the end to the storage, so that the final sync is
    /// short.
    pub(crate) fn start_writing(&mut self, end: u64) {
        let from = self.started;
        if end >= from.saturating_add(2 * WRITEBACK_BYTES) {
            self.started = end - end % WRITEBACK_BYTES - WRITEBACK_BYTES;
            sync_failures::start_writing(&self.file, from, self.started - from);
        }
    }

    /// Gives back room that was reserved and not used.
    pub(crate) fn release(&self) {
        // Content in the buffer does not count.
        if self.reserved > 0
            && let Ok(now) = self.file.metadata()
        {
            let _ = self.file.set_len(now.len());
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_aside(file: &File, position: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};

    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, position, PREALLOCATED_BYTES)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_aside(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
