//! The identity of a timer, for a search through the states of sessions.

use super::*;

impl Timer {
    /// The same timer at `origin` instead of `now`. A point in time that lies so far back that its
    /// age does not matter is moved to the latest such point. `ignores_silence`: the time of the last
    /// byte is not read again.
    pub(crate) fn moved(&self, now: Millis, origin: Millis, ignores_silence: bool) -> Self {
        let left = |at: Millis| if reached(now, at) { 0 } else { at.wrapping_sub(now) };
        let moved = |at: Millis, most: Millis| origin.wrapping_sub(now.wrapping_sub(at).min(most));
        Self {
            now: origin,
            deadline: self.deadline.and_then(|at| moment(origin.wrapping_add(left(at.get())))),
            progress_at: moved(self.progress_at, Millis::MAX),
            byte_at: if ignores_silence && !self.cut_frame {
                origin
            } else {
                moved(self.byte_at, LONGEST_SILENCE.into())
            },
            probed_at: self
                .probed_at
                .and_then(|at| moment(moved(at.get(), LONGEST_TIMEOUT.into()))),
            round_trip: self.round_trip,
            retries: self.retries,
            futile_frames: self.futile_frames,
            has_clock: self.has_clock,
            cut_frame: self.cut_frame,
            silence: self.silence,
            shortest_silence: self.shortest_silence,
            gap: self.gap,
            sent_at: moved(self.sent_at, KEEPALIVE_INTERVAL),
        }
    }
}
