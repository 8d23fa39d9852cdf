//! Whether the other end makes progress.

use super::{Millis, RETRIES_MIN, Timer, reached};

/// The number of retries after which the silence of the other end is unusual.
const RETRIES_UNANSWERED: u8 = 3;

impl Timer {
    /// Whether frames come, and none of them has made progress for `timeout`.
    pub(crate) fn is_stalled_for(&self, timeout: Millis) -> bool {
        self.is_stalled() && self.without_progress_for(timeout)
    }

    /// Whether frames without progress come or questions are not answered, and there was no progress for `time`.
    pub(crate) fn is_stuck_for(&self, time: Millis) -> bool {
        (self.is_stalled() || self.retries >= RETRIES_UNANSWERED) && self.without_progress_for(time)
    }

    /// Whether there was no progress for `timeout`.
    pub(crate) fn without_progress_for(&self, timeout: Millis) -> bool {
        reached(self.now, self.progress_at.wrapping_add(timeout))
    }

    /// Whether the last frames made no progress.
    pub(super) fn is_stalled(&self) -> bool {
        self.futile_frames >= RETRIES_MIN
    }

    /// Whether frames without progress still come.
    pub(crate) fn receives_futile_frames(&self) -> bool {
        self.is_stalled() && self.retries < RETRIES_MIN
    }
}
