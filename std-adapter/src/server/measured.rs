//! A store whose slow calls are measured.

use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{
    Accepted, CommitFailed, Deferral, Kind, Offer, Operation, Stat, Store,
};

use super::counters::{Call, Counters, Stopwatch};

/// A store whose slow calls are measured.
pub(crate) struct Measured<'a, S> {
    store: &'a mut S,
    counters: Arc<Counters>,
    /// When the commit began that is pending.
    commit: Option<Instant>,
}

impl<'a, S: Store> Measured<'a, S> {
    pub(crate) fn new(store: &'a mut S, counters: &Arc<Counters>) -> Self {
        Self { store, counters: Arc::clone(counters), commit: None }
    }

    fn measure<T>(&mut self, call: Call, run: impl FnOnce(&mut S) -> T) -> T {
        let watch = Stopwatch::start(&self.counters, call);
        let result = run(self.store);
        watch.stop();
        result
    }
}

impl<S: Store> Store for Measured<'_, S> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(self.store)
    }

    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        // The answer of the inner store is always the same.
        if self.store.deferral().is_some() { Some(self) } else { None }
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.measure(Call::Offer, |store| store.offer(offer))
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.measure(Call::Commit, Store::commit)
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.measure(Call::Open, |store| store.open(path, tree))
    }

    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.measure(Call::Operate, |store| store.operate(path, kind, operation))
    }

    // These move content, many times a millisecond.

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.store.store(position, bytes)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        self.store.load(position, into)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.store.digest(start, position, end)
    }

    fn hole(&mut self, position: u64) -> Option<u64> {
        self.store.hole(position)
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        self.store.store_zeros(position, length)
    }
}

impl<S: Store> Deferral for Measured<'_, S> {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        self.measure(Call::Offer, |store| match store.deferral() {
            Some(deferral) => deferral.poll_offer(offer),
            None => Poll::Ready(store.offer(offer)),
        })
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        self.measure(Call::Operate, |store| match store.deferral() {
            Some(deferral) => deferral.poll_operate(path, kind, operation),
            None => Poll::Ready(store.operate(path, kind, operation)),
        })
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        let since = *self.commit.get_or_insert_with(Instant::now);
        let polled = match self.store.deferral() {
            Some(deferral) => deferral.poll_commit(),
            None => Poll::Ready(self.store.commit()),
        };
        if polled.is_ready() {
            self.commit = None;
            self.counters.took(Call::Commit, since.elapsed());
        }
        polled
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        match self.store.deferral() {
            Some(deferral) => deferral.poll_flush_commits(),
            None => Poll::Ready(Ok(())),
        }
    }
}
