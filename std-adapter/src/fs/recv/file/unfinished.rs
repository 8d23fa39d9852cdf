//! The end of a file that is not completed: its partial is kept for a resume, or removed.

use tinyferry_core::error::Reason;

use super::{ExpectedFile, RecvFile, Stage};
use crate::fs::error::StoreError;
use crate::fs::limits::Limits;
use crate::fs::limits::partial_index::LeftPartial;
use crate::fs::names::partial_name::UNIT;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::DirCursor;

impl RecvFile {
    /// The commit failed. Only an incomplete file can be resumed later.
    pub(crate) fn give_up(&mut self, partial: Partial, error: StoreError) -> StoreError {
        if error.reason == Reason::Incomplete && partial.is_of_use() {
            self.left = Some(partial.left(split(&self.expected.path).0));
            error
        } else {
            partial.discard_after(error)
        }
    }

    /// Closes the file and removes a partial that cannot be resumed, is beyond the limits, or is of a file that
    /// another transfer has completed; also returns the partial that stays. Without limits none stays.
    pub(crate) fn close(
        self,
        cursor: &mut DirCursor,
        buffer: &mut Buffer,
        limits: Option<&Limits>,
    ) -> (ExpectedFile, Option<LeftPartial>) {
        let limits = limits.filter(|_| !self.expected.is_in_place(cursor));
        // Content that cannot be written now is received again.
        let partial = match self.stage {
            Stage::Partial(partial) => Some(partial),
            Stage::Buffered(length @ UNIT..) if limits.is_some() => {
                self.expected.create(cursor, false).ok().map(|mut partial| {
                    partial.has_content_to(length);
                    partial
                })
            }
            _ => None,
        };
        let mut left = None;
        // Of a pipe, whose size is not known, no later transfer can send the same content.
        let has_size = self.expected.size.is_some();
        match (partial, limits) {
            (Some(partial), Some(limits)) if has_size && partial.is_of_use() => {
                let is_stored = buffer.flush(&partial.file).and_then(|()| partial.fill()).is_ok();
                partial.release();
                let found = partial.left(split(&self.expected.path).0);
                if is_stored && limits.may_leave(found.occupied) {
                    left = Some(found);
                } else {
                    partial.discard();
                }
            }
            (Some(partial), _) => {
                partial.discard();
            }
            (None, _) => {}
        }
        (self.expected, left)
    }
}

/// Whether a transfer could resume from the partial after this failure. Without room on the storage a
/// partial would only take it from others; after the other failures the next transfer would fail too.
pub(crate) fn can_go_on_after(reason: Reason) -> bool {
    matches!(reason, Reason::Storage | Reason::Incomplete)
}
