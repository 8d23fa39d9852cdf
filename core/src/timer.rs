//! How long to wait: the round trip, measured, and patience, counted (`PROTOCOL.md`, section 6.6).
//!
//! Reads no clock. Where the driver has none, each silence it reports counts as 20 ms.

use core::num::{NonZeroU16, NonZeroU32};

use crate::machine::Millis;

#[cfg(feature = "model")]
mod identity;

/// After so much silence at least an incomplete frame counts as damaged, in ms.
const SILENCE: u16 = 20;
/// After so much silence it does, whatever gaps the line has, in ms.
const LONGEST_SILENCE: u16 = 500;
/// An end that works says that it lives after so much time in which it sent nothing, in ms.
const LIFE_SIGN: Millis = 2_000;
/// A store that is busy is given so much time before it is asked again, in ms.
const PAUSE: Millis = 10;
const SHORTEST: Millis = 2;
/// An end that has said that it is busy is not asked again before, in ms.
const BUSY: Millis = 250;
const LONGEST: u16 = 5_000;
const FIRST: Millis = 1_000;
/// A question is repeated, or answered in vain, at least so often before the patience ends the wait.
const TRIES: u8 = 8;

/// A point in time that takes no room where there is none; 0 is taken for the millisecond before it.
type Moment = NonZeroU32;

fn moment(at: Millis) -> Option<Moment> {
    Moment::new(at).or(Some(Moment::MAX))
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Timer {
    now: Millis,
    /// When to repeat the question; `None` while nothing is awaited.
    due: Option<Moment>,
    /// When the other end made progress last.
    heard: Millis,
    /// When the last byte came.
    byte: Millis,
    /// When the question was asked, while its answer can still measure the round trip.
    asked: Option<Moment>,
    /// Smoothed round trip, in ms; at most [`LONGEST`].
    round_trip: Option<NonZeroU16>,
    tries: u8,
    /// Valid frames since the last progress; at most [`TRIES`].
    stalls: u8,
    has_clock: bool,
    /// Whether a silence has ended a frame, and what follows is not known yet.
    is_torn: bool,
    /// After so much silence an incomplete frame counts as damaged, in ms.
    silence: u16,
    /// The longest gap within the frame that comes in, in ms.
    gap: u16,
    /// When a frame went out last, or else when long work began.
    went: Millis,
}

impl Timer {
    pub(crate) const fn new() -> Self {
        Self {
            now: 0,
            due: None,
            heard: 0,
            byte: 0,
            asked: None,
            round_trip: None,
            tries: 0,
            stalls: 0,
            has_clock: false,
            is_torn: false,
            silence: SILENCE,
            gap: 0,
            went: 0,
        }
    }

    /// Whether the driver hands in the time.
    pub(crate) fn has_clock(&self) -> bool {
        self.has_clock
    }

    pub(crate) fn tick(&mut self, now: Option<Millis>) {
        self.has_clock = now.is_some();
        if let Some(now) = now {
            self.now = now;
        }
    }

    /// The store has worked: for so long nobody listened, and the other end was not silent.
    pub(crate) fn worked(&mut self, now: Option<Millis>) {
        let before = self.now;
        self.tick(now);
        self.heard = self.heard.wrapping_add(self.now.wrapping_sub(before));
    }

    /// Time as it passes for a driver without a clock.
    pub(crate) fn pass_silence(&mut self, now: Option<Millis>) {
        self.now = now.unwrap_or(self.now.wrapping_add(SILENCE.into()));
    }

    /// Bytes came, in the middle of a frame if so.
    pub(crate) fn bytes_came(&mut self, is_inside: bool) {
        if is_inside || self.is_torn {
            let gap = self.now.wrapping_sub(self.byte).min(LONGEST_SILENCE.into());
            self.gap = self.gap.max(gap as u16);
        }
        self.byte = self.now;
    }

    pub(crate) fn is_silent(&self) -> bool {
        reached(self.now, self.silent_at())
    }

    pub(crate) fn silent_at(&self) -> Millis {
        self.byte.wrapping_add(self.silence.into())
    }

    /// A frame that has begun is given up for a silence.
    pub(crate) fn tear(&mut self) {
        self.is_torn = true;
        self.gap = 0;
    }

    /// Bytes that make no frame were dropped: after a silence, the rest of the frame that it ended.
    /// The line has such gaps.
    pub(crate) fn dropped(&mut self) {
        if self.is_torn && self.gap > 0 {
            self.is_torn = false;
            self.silence = self.silence.max(silence_for(self.gap));
        }
    }

    /// A valid frame has come in whole: the gaps inside it are those of the line.
    pub(crate) fn frame_ended(&mut self) {
        let gap = core::mem::take(&mut self.gap);
        // What came after a silence was a frame of its own.
        let needed = if core::mem::take(&mut self.is_torn) { SILENCE } else { silence_for(gap) };
        let excess = self.silence.saturating_sub(needed);
        self.silence = needed.max(self.silence.saturating_sub(excess.div_ceil(64)));
    }

    /// A valid frame came. Whether it makes any progress is said besides.
    pub(crate) fn frame_came(&mut self) {
        self.tries = 0;
        self.stalls = self.stalls.saturating_add(1).min(TRIES);
        self.due = None;
    }

    /// What came brings the work further.
    pub(crate) fn progress(&mut self) {
        self.heard = self.now;
        self.stalls = 0;
    }

    /// Whether frames come, and none of them has brought the work further for so long.
    pub(crate) fn stands_still(&self, patience: Millis) -> bool {
        self.is_stalled() && reached(self.now, self.heard.wrapping_add(patience))
    }

    /// Whether frames came and brought nothing.
    fn is_stalled(&self) -> bool {
        self.stalls >= TRIES
    }

    /// Whether they still come.
    pub(crate) fn hears_in_vain(&self) -> bool {
        self.is_stalled() && self.tries < TRIES
    }

    /// A question goes out whose answer will be recognised.
    pub(crate) fn question_asked(&mut self) {
        self.asked = if self.tries == 0 { moment(self.now) } else { None };
    }

    /// The answer to that question came.
    pub(crate) fn question_answered(&mut self) {
        if let Some(asked) = self.asked.take() {
            let sample = self.now.wrapping_sub(asked.get());
            let sample = u16::try_from(sample).map_or(LONGEST, |sample| sample.min(LONGEST));
            let smoothed = match self.round_trip.map(NonZeroU16::get) {
                None => sample,
                // Seven parts of the old, one of the new; neither exceeds [`LONGEST`].
                Some(smoothed) => {
                    let sum = (smoothed << 3).wrapping_sub(smoothed).wrapping_add(sample);
                    sum.div_ceil(8)
                }
            };
            self.round_trip = NonZeroU16::new(smoothed.max(1));
        }
    }

    /// Awaits an answer on a lossy link: for twice the round trip, doubled with each try. `busy`: the
    /// other end has said that it is.
    pub(crate) fn await_answer(&mut self, busy: bool) {
        if self.due.is_some() {
            return;
        }
        let wait = self.round_trip.map_or(FIRST, |round_trip| Millis::from(round_trip.get()) << 1);
        let shortest = if busy { BUSY } else { SHORTEST };
        let doubled = wait.max(shortest) << self.tries.min(12);
        self.due = moment(self.now.wrapping_add(doubled.min(LONGEST.into())));
    }

    /// Awaits whatever comes, for as long as `patience`; for ever, if that is 0.
    pub(crate) fn await_anything(&mut self, patience: Millis) {
        if self.due.is_none() && patience != 0 {
            self.due = moment(self.heard.wrapping_add(patience));
        }
    }

    /// Gives a busy store a moment.
    pub(crate) fn await_store(&mut self) {
        self.due = moment(self.now.wrapping_add(PAUSE));
    }

    /// Nothing is awaited any more.
    pub(crate) fn cancel(&mut self) {
        self.due = None;
    }

    /// Something went out: what is awaited is awaited from now on.
    pub(crate) fn frame_went(&mut self) {
        self.due = None;
        self.went = self.now;
    }

    /// Work begins that may take long.
    pub(crate) fn work_begins(&mut self) {
        self.went = self.now;
    }

    /// Whether nothing went out for so long that an end that works says that it lives.
    pub(crate) fn life_sign_due(&self) -> bool {
        reached(self.now, self.went.wrapping_add(LIFE_SIGN))
    }

    /// Begins a wait of its own: what was heard before does not count.
    pub(crate) fn restart(&mut self) {
        self.progress();
        self.tries = 0;
        self.due = None;
    }

    pub(crate) fn due(&self) -> Option<Millis> {
        self.due.map(Moment::get)
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| reached(self.now, due.get()))
    }

    /// Counts one more try; whether there may be another.
    pub(crate) fn try_again(&mut self, patience: Millis) -> bool {
        self.tries = self.tries.saturating_add(1);
        self.asked = None;
        self.due = None;
        (self.tries < TRIES && !self.is_stalled())
            || !reached(self.now, self.heard.wrapping_add(patience))
    }
}

/// After which silence a frame is given up on a line with such gaps.
fn silence_for(gap: u16) -> u16 {
    gap.saturating_mul(2).clamp(SILENCE, LONGEST_SILENCE)
}

/// Whether `now` is at or past `then`, on a clock that wraps around.
pub(crate) const fn reached(now: Millis, then: Millis) -> bool {
    now.wrapping_sub(then) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_silent_20_ms_after_the_last_byte_and_not_before() {
        let mut timer = Timer::new();
        timer.tick(Some(100));
        timer.bytes_came(false);
        timer.tick(Some(119));
        assert!(!timer.is_silent());
        timer.tick(Some(120));
        assert!(timer.is_silent());
    }
}
