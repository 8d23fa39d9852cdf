//! The end of a file that is not completed: its partial is kept for a resume, or removed.

use tinyferry_core::error::Reason;

use super::Incoming;
use super::Stage;
use super::Wanted;
use crate::fs::error::Trouble;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::recv::partial::UNIT;
use crate::fs::recv::partials::Left;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::Place;

impl Incoming {
    /// The commit failed. Only an incomplete file can be resumed later.
    pub(crate) fn give_up(&mut self, partial: Partial, trouble: Trouble) -> Trouble {
        if trouble.reason == Reason::Incomplete && partial.is_of_use() {
            self.left = Some(partial.left(split(&self.wanted.path).0));
            trouble
        } else {
            partial.discard_after(trouble)
        }
    }

    /// Closes the file and removes a partial that cannot be resumed; also returns the partial that stays.
    pub(crate) fn close(
        self,
        place: &mut Place,
        buffer: &mut Buffer,
        is_of_use: bool,
    ) -> (Wanted, Option<Left>) {
        // Content that cannot be written now is received again.
        let partial = match self.stage {
            Stage::Partial(partial) => Some(partial),
            Stage::Kept(length @ UNIT..) if is_of_use => {
                self.wanted.create(place, false).ok().map(|mut partial| {
                    partial.length = length;
                    partial
                })
            }
            _ => None,
        };
        let mut left = None;
        match partial {
            Some(partial) if is_of_use && partial.is_of_use() => {
                if buffer.flush(&partial.file).is_ok() {
                    partial.release();
                    left = Some(partial.left(split(&self.wanted.path).0));
                } else {
                    partial.discard();
                }
            }
            Some(partial) => {
                partial.discard();
            }
            None => {}
        }
        (self.wanted, left)
    }
}

/// Whether a file that failed here for this reason could go on from its partial. Where there is no
/// room, the partial would only keep it from others; elsewhere the next transfer fails like this one.
pub(crate) fn can_go_on_after(reason: Reason) -> bool {
    matches!(reason, Reason::Storage | Reason::Incomplete)
}
