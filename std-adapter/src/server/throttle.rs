//! Limits log lines that a peer or a lack of resources can cause without end: a few in each interval, then
//! a count.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// The first lines of each interval are written, the others are counted.
const INTERVAL: Duration = Duration::from_secs(10);

/// Decides which lines are written.
#[derive(Debug)]
pub(crate) struct Throttle {
    most: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Instant,
    lines: u32,
    omitted: u64,
}

/// Whether a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is only counted.
    Omitted,
    /// It is written; the number of lines omitted before it.
    Written(u64),
}

impl Throttle {
    /// Writes `most` lines in ten seconds.
    pub(crate) fn new(most: u32) -> Self {
        let state = State { since: Instant::now(), lines: 0, omitted: 0 };
        Self { most, state: Mutex::new(state) }
    }

    /// Counts a line.
    pub(crate) fn line(&self) -> Line {
        self.line_at(Instant::now())
    }

    fn line_at(&self, now: Instant) -> Line {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.since) >= INTERVAL {
            (state.since, state.lines) = (now, 0);
        }
        if state.lines >= self.most {
            state.omitted += 1;
            return Line::Omitted;
        }
        state.lines += 1;
        Line::Written(std::mem::take(&mut state.omitted))
    }

    /// Writes a line as a warning, or counts it.
    pub(crate) fn warn(&self, text: &str) {
        self.write(text, |line| warn!("{line}"));
    }

    /// Writes a line by `write`, or counts it. Writes the number of omitted lines first.
    pub(crate) fn write(&self, text: &str, write: impl Fn(&str)) {
        match self.line() {
            Line::Omitted => {}
            Line::Written(0) => write(text),
            Line::Written(count) => {
                write(&format!("{count} lines like the next one were not written"));
                write(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lines_are_written_and_the_others_counted() {
        let throttle = Throttle::new(2);
        let begin = Instant::now();
        let lines: Vec<_> = (0..1000).map(|_| throttle.line_at(begin)).collect();
        assert_eq!(lines[..2], [Line::Written(0); 2]);
        assert!(lines[2..].iter().all(|line| *line == Line::Omitted));
        assert_eq!(throttle.line_at(begin + INTERVAL), Line::Written(998));
        assert_eq!(throttle.line_at(begin + INTERVAL), Line::Written(0));
    }
}
