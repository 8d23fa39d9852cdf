//! The state of a transfer at one time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tinyferry::fs::Count;

use super::measure::{Measure, Phase, Scope};
use super::rate::Rate;

/// A count of the source that begins when a transfer takes a while.
pub(super) type Counting = Box<dyn FnOnce() -> Count + Send>;

/// So long a transfer takes before its source is counted.
const COUNT_AFTER: Duration = Duration::from_millis(300);

/// The state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    /// The path of the current entry, as the user wrote it; empty: none has begun.
    pub(super) path: String,
    pub(super) is_tree: bool,
    pub(super) phase: Phase,
    /// How long it takes so far, in seconds.
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
}

impl Reader {
    pub(super) fn new(measure: Arc<Measure>, counting: Arc<Mutex<Option<Counting>>>) -> Self {
        let (rate, phase) = (Rate::default(), (Phase::default(), Duration::ZERO));
        Self { measure, counting, count: None, rate, rates: 0, phase }
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
        let bytes_per_second = self.rate.add(now, moved);
        let phase = measure.phase();
        if self.phase.0 != phase {
            self.phase = (phase, now);
        }
        let counted = self.count.as_ref().and_then(Count::amount);
        let bytes = measure.bytes.get();
        let bytes_total = counted.map(|amount| amount.bytes).or_else(|| measure.bytes_total.get());
        let lone = (measure.scope() == Scope::File).then_some(1);
        let left = bytes_total.map(|total| total.saturating_sub(bytes));
        State {
            path: measure.path(),
            is_tree: measure.scope() == Scope::Tree,
            phase,
            phase_seconds: now.saturating_sub(self.phase.1).as_secs_f64(),
            files: measure.files.get(),
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
