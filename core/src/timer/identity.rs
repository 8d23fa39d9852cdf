//! The identity of a timer, for a search through the states of sessions.

use super::*;

impl Timer {
    /// The same timer at `origin` instead of `now`. What has passed long enough counts as just
    /// passed. `is_settled`: the time of the last byte is not read any more.
    pub(crate) fn moved(&self, now: Millis, origin: Millis, is_settled: bool) -> Self {
        let left = |at: Millis| if reached(now, at) { 0 } else { at.wrapping_sub(now) };
        let moved = |at: Millis, most: Millis| origin.wrapping_sub(now.wrapping_sub(at).min(most));
        Self {
            now: origin,
            due: self.due.and_then(|due| moment(origin.wrapping_add(left(due.get())))),
            heard: moved(self.heard, Millis::MAX),
            byte: if is_settled && !self.is_torn {
                origin
            } else {
                moved(self.byte, LONGEST_SILENCE.into())
            },
            asked: self.asked.and_then(|asked| moment(moved(asked.get(), LONGEST.into()))),
            round_trip: self.round_trip,
            tries: self.tries,
            stalls: self.stalls,
            has_clock: self.has_clock,
            is_torn: self.is_torn,
            silence: self.silence,
            gap: self.gap,
            went: moved(self.went, LIFE_SIGN),
        }
    }
}
