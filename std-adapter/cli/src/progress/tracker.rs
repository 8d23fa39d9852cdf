//! Follows the events of a transfer, and keeps its state.

use std::sync::Arc;

use tinyferry::core::store::Kind;
use tinyferry::fs::Amount;

use super::measure::{Measure, Phase, Scope};

/// The state of a transfer, and the current entry.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    measure: Arc<Measure>,
    /// The path of the current entry in the events.
    path: String,
    is_file: bool,
    /// The position in its content, in bytes.
    position: u64,
    /// Whether the next content is the first that the rate is measured by.
    is_resumed: bool,
}

impl Tracker {
    pub(super) fn measure(&self) -> &Arc<Measure> {
        &self.measure
    }

    /// An attempt begins, of a tree or of a lone file; `bytes`: the size of all content.
    pub(super) fn attempt(&mut self, tree: bool, bytes: Option<u64>) {
        let measure = Arc::clone(&self.measure);
        *self = Self { measure, is_resumed: true, ..Self::default() };
        let measure = &self.measure;
        for counter in [&measure.files, &measure.bytes, &measure.resumed, &measure.unchanged] {
            counter.set(0);
        }
        measure.attempts.add(1);
        measure.set_scope(if tree { Scope::Tree } else { Scope::File });
        measure.bytes_total.set(bytes);
        self.enter(Phase::Transfer);
    }

    /// An entry begins, of whose content the receiver has `prefix` bytes; `shown`: its path as the user wrote it.
    pub(super) fn begin(&mut self, path: &str, shown: String, kind: Kind, prefix: u64) {
        self.pass();
        (self.is_file, self.position) = (kind == Kind::File, 0);
        path.clone_into(&mut self.path);
        self.measure.set_path(shown);
        self.resume(prefix);
    }

    /// The receiver has `prefix` bytes of the current entry.
    pub(super) fn resume(&mut self, prefix: u64) {
        let more = prefix.saturating_sub(self.position);
        if more > 0 {
            self.position += more;
            self.measure.bytes.add(more);
            self.measure.resumed.add(more);
            self.is_resumed = true;
        }
    }

    /// Content was transferred. This is called for each chunk.
    pub(super) fn moved(&mut self, bytes: u64) {
        self.measure.moved.add(bytes);
        if std::mem::take(&mut self.is_resumed) {
            self.measure.rates.add(1);
        }
        self.advance(bytes);
    }

    /// Zeros of a hole were passed.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        self.measure.bytes.add(bytes);
        self.enter(Phase::Transfer);
    }

    /// Content was transferred once more.
    pub(super) fn resent(&mut self, bytes: u64) {
        self.measure.resent.add(bytes);
    }

    /// A file of this size is transferred again from its start.
    pub(super) fn again(&mut self, path: &str, size: u64) {
        let counted = if path == self.path { std::mem::take(&mut self.position) } else { size };
        if path == self.path {
            self.is_file = false;
        } else {
            self.measure.files.subtract(1);
        }
        self.measure.bytes.subtract(counted);
        self.measure.resent.add(counted);
    }

    /// The receiver has files that are not transferred.
    pub(super) fn unchanged(&mut self, amount: Amount) {
        self.measure.files.add(amount.files);
        self.measure.bytes.add(amount.bytes);
        self.measure.unchanged.add(amount.files);
    }

    /// A link is in place.
    pub(super) fn linked(&mut self) {
        self.measure.files.add(1);
    }

    /// Another phase begins.
    pub(super) fn enter(&mut self, phase: Phase) {
        // This is called for each chunk, and writes to memory that another thread reads only if it has to.
        if self.measure.phase() != phase {
            self.measure.set_phase(phase);
        }
    }

    /// The current entry is complete.
    pub(super) fn pass(&mut self) {
        self.measure.files.add(u64::from(std::mem::take(&mut self.is_file)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and bytes, and those that were resumed and sent again.
    fn numbers(tracker: &Tracker) -> [u64; 4] {
        let measure = tracker.measure();
        [&measure.files, &measure.bytes, &measure.resumed, &measure.resent].map(|it| it.get())
    }

    #[test]
    fn content_counts_once_however_it_came() {
        let mut tracker = Tracker::default();
        tracker.attempt(true, None);
        tracker.unchanged(Amount { files: 3, bytes: 300 });
        tracker.begin("a", "a".to_owned(), Kind::File, 0);
        tracker.moved(10);
        // The sender has sent less than the receiver has.
        tracker.resume(60);
        tracker.resume(60);
        tracker.moved(40);
        assert_eq!(numbers(&tracker), [3, 400, 50, 0]);
        tracker.begin("b", "b".to_owned(), Kind::File, 0);
        tracker.advance(5);
        assert_eq!(numbers(&tracker), [4, 405, 50, 0]);
        // Both are sent again: one that is complete, and the current one.
        tracker.again("a", 100);
        tracker.again("b", 5);
        assert_eq!(numbers(&tracker), [3, 300, 50, 105]);
        tracker.begin("a", "a".to_owned(), Kind::File, 0);
        tracker.moved(100);
        tracker.begin("b", "b".to_owned(), Kind::File, 0);
        tracker.moved(5);
        tracker.pass();
        assert_eq!(numbers(&tracker), [5, 405, 50, 105]);
        tracker.attempt(true, Some(405));
        assert_eq!(numbers(&tracker), [0, 0, 0, 105]);
        assert_eq!(tracker.measure().bytes_total.get(), Some(405));
    }

    #[test]
    fn the_rate_begins_anew_with_the_first_content_after_a_prefix() {
        let mut tracker = Tracker::default();
        tracker.attempt(false, Some(100));
        tracker.begin("a", "a".to_owned(), Kind::File, 50);
        tracker.enter(Phase::Verify);
        assert_eq!((tracker.measure().rates.get(), tracker.measure().phase()), (0, Phase::Verify));
        tracker.moved(1);
        tracker.moved(1);
        assert_eq!(
            (tracker.measure().rates.get(), tracker.measure().phase()),
            (1, Phase::Transfer)
        );
    }
}
