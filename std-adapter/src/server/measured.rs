//! A store whose slow calls are measured.

use std::task::Poll;
use std::time::Instant;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Kind, Offer, Operation, Stat, Store,
};

use super::counters::{Call, Counters};

/// Measures the slow calls of a store, and forwards all calls.
pub(crate) struct Measured<'a, S> {
    store: &'a mut S,
    counters: &'a Counters,
    /// When the call began that is pending.
    since: Option<Instant>,
}

impl<'a, S> Measured<'a, S> {
    pub(crate) fn new(store: &'a mut S, counters: &'a Counters) -> Self {
        Self { store, counters, since: None }
    }

    /// Measures a call from its first poll on.
    fn poll<T>(&mut self, call: Call, poll: impl FnOnce(&mut S) -> Poll<T>) -> Poll<T> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let polled = poll(self.store);
        if polled.is_ready() {
            self.since = None;
            self.counters.took(call, since.elapsed());
        }
        polled
    }
}

impl<S: Store + Deferral> Store for Measured<'_, S> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(self.store)
    }

    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let since = Instant::now();
        let opened = self.store.open(path, tree);
        self.counters.took(Call::Open, since.elapsed());
        opened
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.since = None;
        self.store.abandon(reason, all);
    }

    fn hole(&mut self, position: u64) -> Option<u64> {
        self.store.hole(position)
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        self.store.store_zeros(position, length)
    }
}

impl<S: Deferral> Deferral for Measured<'_, S> {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        self.poll(Call::Offer, |store| store.poll_offer(offer))
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        self.poll(Call::Operate, |store| store.poll_operate(path, kind, operation))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        self.poll(Call::Commit, S::poll_commit)
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        self.store.poll_flush_commits()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    /// A store whose commit is pending at the first polls.
    struct Slow(u32);

    impl Store for Slow {}

    impl Deferral for Slow {
        fn poll_offer(&mut self, _: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
            Poll::Pending
        }

        fn poll_operate(
            &mut self,
            _: &str,
            _: Kind,
            _: &Operation<'_>,
        ) -> Poll<Result<Stat, Reason>> {
            Poll::Pending
        }

        fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
            sleep(Duration::from_millis(5));
            match self.0.checked_sub(1) {
                Some(left) => {
                    self.0 = left;
                    Poll::Pending
                }
                None => Poll::Ready(Ok(())),
            }
        }

        fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_call_is_measured_once_from_its_first_poll_on() {
        let (mut slow, counters) = (Slow(3), Counters::default());
        let mut measured = Measured::new(&mut slow, &counters);
        while measured.poll_commit().is_pending() {}
        let latency = counters.latency(Call::Commit).unwrap();
        let times =
            || latency.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum::<u64>();
        assert_eq!(times(), 1);
        assert!(latency.nanoseconds.load(Ordering::Relaxed) >= 20_000_000);
        // A call that is abandoned is none, and its time does not count for the next one.
        measured.store.0 = 1;
        assert!(measured.poll_commit().is_pending());
        sleep(Duration::from_millis(500));
        measured.abandon(Reason::Cancelled, true);
        assert!(measured.poll_commit().is_ready());
        assert_eq!(times(), 2);
        assert!(latency.nanoseconds.load(Ordering::Relaxed) < 500_000_000);
    }
}
