//! Time: the wait before a question is repeated, the round trip, and timeouts without progress
//! (`PROTOCOL.md`, R71 and R73 to R76).
//!
//! Reads no clock. Where the driver has none, each silence that it reports counts as 20 ms.

use core::num::{NonZeroU16, NonZeroU32};

use crate::profile::{Capabilities, Profile};

#[cfg(feature = "model")]
mod identity;
mod progress;
mod silence;
#[cfg(test)]
mod tests;

/// Milliseconds from any origin; they wrap around.
pub type Millis = u32;

/// The shortest silence after which an incomplete frame counts as damaged, in ms.
pub(crate) const SHORTEST_SILENCE: u16 = 20;
/// The longest one, in ms: an incomplete frame always counts as damaged then.
const LONGEST_SILENCE: u16 = 500;
/// The time without a frame of its own after which a busy end sends a keepalive, in ms.
pub(crate) const KEEPALIVE_INTERVAL: Millis = 2_000;
/// The time between two polls of a busy store, in ms.
const STORE_POLL_INTERVAL: Millis = 10;
/// The shortest wait before a question is repeated, in ms.
const SHORTEST_TIMEOUT: Millis = 2;
/// The shortest one while the other end says that it is busy, in ms (R49).
const BUSY_TIMEOUT: Millis = 250;
/// The longest one, in ms.
const LONGEST_TIMEOUT: u16 = 5_000;
/// The first one before a round trip was measured, in ms.
const FIRST_TIMEOUT: Millis = 1_000;
/// The round trip that is assumed where the driver has no clock, in ms.
const UNMEASURED_ROUND_TRIP: Option<NonZeroU16> = NonZeroU16::new(128);
/// The smallest number of retries, or of frames without progress, before a wait ends in a timeout.
const RETRIES_MIN: u8 = 1 << RETRIES_SHIFT;
/// Its logarithm: no wait is longer than this part of the timeout.
const RETRIES_SHIFT: u8 = 3;

/// A point in time, with a niche for `None`; 0 is rounded to the millisecond before it.
type Moment = NonZeroU32;

fn moment(at: Millis) -> Option<Moment> {
    Moment::new(at).or(Some(Moment::MAX))
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Timer {
    now: Millis,
    /// When the present wait ends; `None` while nothing is awaited.
    deadline: Option<Moment>,
    /// When the other end made progress last.
    progress_at: Millis,
    /// When the last byte came.
    byte_at: Millis,
    /// When the probe of the round trip was sent, while its answer can still measure it.
    probed_at: Option<Moment>,
    /// Smoothed round trip, in ms; at most [`LONGEST_TIMEOUT`].
    round_trip: Option<NonZeroU16>,
    retries: u8,
    /// Valid frames since the last progress; at most [`RETRIES_MIN`].
    futile_frames: u8,
    has_clock: bool,
    /// Whether a silence has cut a frame, and it is not known yet whether its end follows.
    cut_frame: bool,
    /// The silence after which an incomplete frame counts as damaged, in ms.
    silence: u16,
    /// The shortest such silence of this end, in ms.
    shortest_silence: u16,
    /// The longest gap inside the frame that comes in, in ms.
    gap: u16,
    /// When a frame was sent last, or long work began.
    sent_at: Millis,
}

impl Timer {
    /// A timer of a driver with or without a clock. `silence`: the shortest one, in ms.
    pub(crate) const fn new(has_clock: bool, silence: u16) -> Self {
        let silence = match silence {
            ..SHORTEST_SILENCE => SHORTEST_SILENCE,
            LONGEST_SILENCE.. => LONGEST_SILENCE,
            silence => silence,
        };
        Self {
            now: 0,
            deadline: None,
            progress_at: 0,
            byte_at: 0,
            probed_at: None,
            round_trip: if has_clock { None } else { UNMEASURED_ROUND_TRIP },
            retries: 0,
            futile_frames: 0,
            has_clock: false,
            cut_frame: false,
            silence,
            shortest_silence: silence,
            gap: 0,
            sent_at: 0,
        }
    }

    /// Whether the driver passes the time.
    pub(crate) fn has_clock(&self) -> bool {
        self.has_clock
    }

    pub(crate) fn tick(&mut self, now: Option<Millis>) {
        self.has_clock = now.is_some();
        if let Some(now) = now {
            self.now = now;
        }
    }

    /// The store has worked since the last tick: that time does not count as one without progress.
    pub(crate) fn store_worked(&mut self, now: Option<Millis>) {
        let before = self.now;
        self.tick(now);
        self.progress_at = self.progress_at.wrapping_add(self.now.wrapping_sub(before));
    }

    /// Nothing came. For a driver without a clock [`SHORTEST_SILENCE`] has passed.
    pub(crate) fn tick_idle(&mut self, now: Option<Millis>) {
        self.now = now.unwrap_or(self.now.wrapping_add(SHORTEST_SILENCE.into()));
    }

    /// A valid frame came: the present wait ends.
    pub(crate) fn frame_received(&mut self) {
        self.retries = 0;
        self.deadline = None;
    }

    /// The frame counts as one without progress, until [`Timer::progress`] says otherwise.
    pub(crate) fn frame_counts(&mut self) {
        self.futile_frames = self.futile_frames.saturating_add(1).min(RETRIES_MIN);
    }

    /// The other end has made progress.
    pub(crate) fn progress(&mut self) {
        self.progress_at = self.now;
        self.futile_frames = 0;
    }

    /// A probe of the round trip is sent. The answer to a repeated question measures nothing (R74).
    pub(crate) fn probe_sent(&mut self) {
        self.probed_at = if self.retries == 0 { moment(self.now) } else { None };
    }

    /// The answer to the probe came.
    pub(crate) fn probe_answered(&mut self) {
        if let Some(probed_at) = self.probed_at.take() {
            let sample = self.now.wrapping_sub(probed_at.get());
            let sample =
                u16::try_from(sample).map_or(LONGEST_TIMEOUT, |sample| sample.min(LONGEST_TIMEOUT));
            let smoothed = match self.round_trip.map(NonZeroU16::get) {
                None => sample,
                // Seven parts of the old value, one of the new; neither exceeds [`LONGEST_TIMEOUT`].
                Some(smoothed) => {
                    let sum = (smoothed << 3).wrapping_sub(smoothed).wrapping_add(sample);
                    sum.div_ceil(8)
                }
            };
            self.round_trip = NonZeroU16::new(smoothed.max(1));
        }
    }

    /// Waits for an answer on a lossy link: twice the round trip, doubled by each retry. `busy`: the
    /// other end says that it is busy. `has_begun`: the answer is here, but for its metadata. All retries fit into
    /// `timeout` where the round trip and these two allow it.
    pub(crate) fn await_answer(&mut self, busy: bool, has_begun: bool, timeout: Millis) {
        if self.deadline.is_some() {
            return;
        }
        let round_trip = self.round_trip.map_or(0, |it| it.get().into());
        let wait = if round_trip > 0 { round_trip << 1 } else { FIRST_TIMEOUT };
        let shortest = match (busy, has_begun) {
            (true, _) => BUSY_TIMEOUT,
            (false, true) => self.silence.into(),
            (false, false) => SHORTEST_TIMEOUT,
        };
        let doubled = wait.max(shortest) << self.retries.min(12);
        let longest = (timeout >> RETRIES_SHIFT).min(LONGEST_TIMEOUT.into());
        self.deadline =
            moment(self.now.wrapping_add(doubled.min(longest).max(shortest).max(round_trip)));
    }

    /// Waits for any frame, until no progress was made for `timeout`, in ms; `None`: for ever.
    pub(crate) fn await_frame(&mut self, timeout: Option<NonZeroU32>) {
        if let Some(timeout) = timeout
            && self.deadline.is_none()
        {
            self.deadline = moment(self.progress_at.wrapping_add(timeout.get()));
        }
    }

    /// Waits until a busy store is polled again.
    pub(crate) fn await_store(&mut self) {
        self.deadline = moment(self.now.wrapping_add(STORE_POLL_INTERVAL));
    }

    /// Ends the present wait.
    pub(crate) fn cancel(&mut self) {
        self.deadline = None;
    }

    /// A frame is sent: the wait for its answer begins now.
    pub(crate) fn frame_sent(&mut self) {
        self.deadline = None;
        self.sent_at = self.now;
    }

    /// Work begins that may take long.
    pub(crate) fn work_begins(&mut self) {
        self.sent_at = self.now;
    }

    /// Whether a busy end has to send a keepalive.
    pub(crate) fn keepalive_due(&self) -> bool {
        reached(self.now, self.sent_at.wrapping_add(KEEPALIVE_INTERVAL))
    }

    /// Whether no byte has come for `time`.
    pub(crate) fn is_silent_for(&self, time: Millis) -> bool {
        reached(self.now, self.byte_at.wrapping_add(time))
    }

    /// A new wait begins: the time before does not count.
    pub(crate) fn restart(&mut self) {
        self.progress();
        self.retries = 0;
        self.deadline = None;
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.deadline.map(Moment::get)
    }

    pub(crate) fn is_due(&self) -> bool {
        self.deadline.is_some_and(|deadline| reached(self.now, deadline.get()))
    }

    /// Counts a retry. Returns whether there may be another one before `timeout`.
    pub(crate) fn retry(&mut self, timeout: Millis) -> bool {
        self.retries = self.retries.saturating_add(1);
        self.probed_at = None;
        self.deadline = None;
        (self.retries < RETRIES_MIN && !self.is_stalled()) || !self.without_progress_for(timeout)
    }
}

/// Whether `now` is at or past `then`, on a clock that wraps around.
pub(crate) const fn reached(now: Millis, then: Millis) -> bool {
    now.wrapping_sub(then) < 1 << 31
}
