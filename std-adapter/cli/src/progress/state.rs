//! The state of a transfer at one time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tinyferry::fs::Count;

use super::measure::{Measure, Phase, Scope};
use super::rate::Rate;

/// A count of the source that begins when a transfer takes a while.
pub(super) type Counting = Box<dyn FnOnce() -> Count + Send>;

/// The time of a transfer after which its source is counted.
const COUNT_AFTER: Duration = Duration::from_millis(300);

/// The most content that a sender transfers before the receiver has given its position, in bytes.
const AHEAD_MAX: u64 = 256 * 1024;

/// The state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    /// The path of the current entry, as the user wrote it; empty: none has begun.
    pub(super) path: String,
    pub(super) is_tree: bool,
    pub(super) phase: Phase,
    /// The time since it began, in seconds.
    pub(super) phase_seconds: f64,
    pub(super) files: u64,
    pub(super) files_total: Option<u64>,
    /// The content of files so far: transferred, resumed or unchanged.
    pub(super) bytes: u64,
    pub(super) bytes_total: Option<u64>,
    pub(super) bytes_per_second: u64,
    pub(super) seconds_left: Option<u64>,
    pub(super) files_unchanged: u64,
    pub(super) bytes_resumed: u64,
    pub(super) bytes_resent: u64,
}

impl State {
    /// The share of the content that is done, from 0 to 1, if the total is known.
    pub(super) fn share(&self) -> Option<f64> {
        let total = self.bytes_total.filter(|total| *total > 0)?;
        Some((self.bytes as f64 / total as f64).min(1.0))
    }
}

/// Reads the state of a transfer again and again.
pub(super) struct Reader {
    measure: Arc<Measure>,
    counting: Arc<Mutex<Option<Counting>>>,
    count: Option<Count>,
    rate: Rate,
    /// The value of `rates` at the last time.
    rates: u64,
    phase: (Phase, Duration),
    attempts: Attempts,
}

/// The position over all attempts: one that begins has the position of the one before, until the receiver has given its
/// position.
#[derive(Debug, Default)]
struct Attempts {
    /// The value of `attempts` at the last time.
    begun: u64,
    /// The files and the bytes at the last time.
    last: (u64, u64),
    /// Those of the attempt before, and the content that was transferred until its end.
    before: Option<((u64, u64), u64)>,
}

impl Attempts {
    fn position(&mut self, measure: &Measure) -> (u64, u64) {
        let (begun, moved) = (measure.attempts.get(), measure.moved.get());
        if std::mem::replace(&mut self.begun, begun) != begun {
            self.before = Some((self.last, moved));
        }
        let now = (measure.files.get(), measure.bytes.get());
        self.before.take_if(|(before, by_then)| {
            now.1 >= before.1 || moved.saturating_sub(*by_then) > AHEAD_MAX
        });
        self.last = self.before.map_or(now, |(before, _)| before);
        self.last
    }
}

impl Reader {
    pub(super) fn new(measure: Arc<Measure>, counting: Arc<Mutex<Option<Counting>>>) -> Self {
        let (rate, phase) = (Rate::default(), (Phase::default(), Duration::ZERO));
        let attempts = Attempts::default();
        Self { measure, counting, count: None, rate, rates: 0, phase, attempts }
    }

    /// The state at a time since the begin.
    pub(super) fn read(&mut self, now: Duration) -> State {
        let measure = &*self.measure;
        if now >= COUNT_AFTER
            && let Some(count) = self.counting.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            self.count = Some(count());
        }
        let (rates, moved) = (measure.rates.get(), measure.moved.get());
        if std::mem::replace(&mut self.rates, rates) != rates {
            self.rate = Rate::default();
        }
        let phase = measure.phase();
        if phase == Phase::Wait {
            self.rate = Rate::default();
        }
        let bytes_per_second = self.rate.add(now, moved);
        if self.phase.0 != phase {
            self.phase = (phase, now);
        }
        let counted = self.count.as_ref().and_then(Count::amount);
        let (files, bytes) = self.attempts.position(measure);
        let bytes_total = counted.map(|amount| amount.bytes).or_else(|| measure.bytes_total.get());
        let lone = (measure.scope() == Scope::File).then_some(1);
        let left = bytes_total.map(|total| total.saturating_sub(bytes));
        State {
            path: measure.path(),
            is_tree: measure.scope() == Scope::Tree,
            phase,
            phase_seconds: now.saturating_sub(self.phase.1).as_secs_f64(),
            files,
            files_total: counted.map(|amount| amount.files).or(lone),
            bytes,
            bytes_total,
            bytes_per_second,
            seconds_left: left.and_then(|left| left.checked_div(bytes_per_second)),
            files_unchanged: measure.unchanged.get(),
            bytes_resumed: measure.resumed.get(),
            bytes_resent: measure.resent.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_rate_after_a_resume() {
        let measure = Arc::new(Measure::default());
        let mut reader = Reader::new(Arc::clone(&measure), Arc::default());
        let at = Duration::from_secs;
        measure.bytes_total.set(Some(1000));
        measure.bytes.set(900);
        // The prefix is verified for a while.
        assert_eq!(reader.read(at(0)).seconds_left, None);
        assert_eq!(reader.read(at(10)).bytes_per_second, 0);
        measure.rates.add(1);
        measure.moved.set(1);
        measure.bytes.add(1);
        reader.read(at(11));
        measure.moved.set(21);
        measure.bytes.add(20);
        let state = reader.read(at(13));
        assert_eq!((state.bytes_per_second, state.seconds_left), (10, Some(7)));
        assert_eq!(state.share(), Some(0.921));
    }

    #[test]
    fn an_attempt_has_the_position_of_the_one_before_until_the_receiver_answers() {
        let measure = Arc::new(Measure::default());
        let mut reader = Reader::new(Arc::clone(&measure), Arc::default());
        let mut now = Duration::ZERO;
        let mut read = || {
            now += Duration::from_secs(1);
            reader.read(now)
        };
        measure.attempts.add(1);
        for counter in [&measure.moved, &measure.bytes] {
            counter.set(900_000);
        }
        assert_eq!(read().bytes, 900_000);
        measure.set_phase(Phase::Wait);
        let state = read();
        assert_eq!((state.bytes, state.bytes_per_second, state.seconds_left), (900_000, 0, None));
        let begin = || {
            measure.attempts.add(1);
            measure.bytes.set(0);
            measure.set_phase(Phase::Transfer);
        };
        begin();
        assert_eq!(read().bytes, 900_000);
        measure.bytes.set(950_000);
        assert_eq!(read().bytes, 950_000);
        // The receiver has no content any more.
        begin();
        assert_eq!(read().bytes, 950_000);
        measure.moved.add(AHEAD_MAX + 1);
        measure.bytes.set(AHEAD_MAX + 1);
        assert_eq!(read().bytes, AHEAD_MAX + 1);
    }

    #[test]
    fn a_phase_has_lasted_since_it_began() {
        let measure = Arc::new(Measure::default());
        let mut reader = Reader::new(Arc::clone(&measure), Arc::default());
        reader.read(Duration::from_secs(5));
        measure.set_phase(Phase::Sync);
        assert_eq!(reader.read(Duration::from_secs(6)).phase_seconds, 0.0);
        let state = reader.read(Duration::from_secs(8));
        assert_eq!((state.phase, state.phase_seconds), (Phase::Sync, 2.0));
    }
}
