//! Room for a partial on the storage: set aside before it is written, begun to be written before it is
//! to be durable, and given back.

use std::fs::File;
use std::io;

use super::Partial;
use crate::fs::sys::sync_failures;

/// The amount of room that is reserved at once, in bytes.
const PIECE: u64 = 4 << 20;

/// The amount of content whose writing is started at once, in bytes.
const WRITTEN_AT_ONCE: u64 = 8 << 20;

impl Partial {
    /// Before something is stored at `position`: sets room aside for what follows of `size` bytes
    /// in all, a piece at a time, so that who lies about the size gains nothing. The length of the
    /// file stays. It makes writing cheaper; where it cannot be done, that is no failure.
    pub(crate) fn reserve(&mut self, position: u64, size: u64) {
        if position >= self.reserved && size.saturating_sub(position) >= PIECE {
            self.reserved = match set_aside(&self.file, position) {
                Ok(()) => position.saturating_add(PIECE),
                Err(_) => u64::MAX,
            };
        }
    }

    /// So much is there: what comes a piece before begins to be written to the storage, so that not
    /// much is left to be written when all of it is to be durable.
    pub(crate) fn start_writing(&mut self, end: u64) {
        let from = self.started;
        if end >= from.saturating_add(2 * WRITTEN_AT_ONCE) {
            self.started = end - end % WRITTEN_AT_ONCE - WRITTEN_AT_ONCE;
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

    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, position, PIECE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_aside(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
