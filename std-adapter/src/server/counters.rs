//! What a server has done, in numbers: for [`Metrics`](super::Metrics). Counting takes an atomic addition, and of a store's
//! calls a few clock readings.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use crate::fs::{Direction, Event, Observer};

/// The upper bounds of the buckets of a latency, in µs; a further bucket has no bound.
pub(crate) const BOUNDS: [u64; 6] = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The calls of a store that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// An offered file, up to the decision about it.
    Offer,
    /// A file or a tree that is put in place and made durable.
    Commit,
    /// A requested file or tree that is opened.
    Open,
    /// An entry that is looked at, made, renamed or removed.
    Operate,
}

impl Call {
    pub(crate) const ALL: [Self; 4] = [Self::Offer, Self::Commit, Self::Open, Self::Operate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Commit => "commit",
            Self::Open => "open",
            Self::Operate => "operate",
        }
    }
}

/// The numbers of one server.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sessions: AtomicU64,
    pub(crate) open_sessions: AtomicU64,
    /// Clients without a session: their handshake has failed.
    pub(crate) rejected: AtomicU64,
    /// Complete files, by [`way`].
    pub(crate) files: [AtomicU64; 2],
    /// Bytes of content, by [`way`].
    pub(crate) bytes: [AtomicU64; 2],
    /// Entries and requests that were refused or have failed, by the code of the reason.
    refusals: Mutex<BTreeMap<u16, u64>>,
    latencies: [Latency; 4],
}

/// The times that calls of one kind have taken.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// By their bounds.
    pub(crate) buckets: [AtomicU64; BOUNDS.len() + 1],
    pub(crate) nanoseconds: AtomicU64,
}

/// 0: received; 1: sent. `None`: no content moves.
const fn way(direction: Direction) -> Option<usize> {
    match direction {
        Direction::Receiving => Some(0),
        Direction::Sending => Some(1),
        Direction::Listing | Direction::Removing | Direction::Renaming => None,
    }
}

fn add(number: &AtomicU64, more: u64) {
    number.fetch_add(more, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn refused(&self, reason: Reason) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(reason.code()).or_default() += 1;
    }

    /// The codes of the reasons, and how often each came.
    pub(crate) fn refusals(&self) -> BTreeMap<u16, u64> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn took(&self, call: Call, time: Duration) {
        let Some(latency) = self.latencies.get(call as usize) else { return };
        let microseconds = time.as_micros();
        let bucket = BOUNDS.iter().position(|bound| microseconds <= u128::from(*bound));
        if let Some(bucket) = latency.buckets.get(bucket.unwrap_or(BOUNDS.len())) {
            add(bucket, 1);
        }
        add(&latency.nanoseconds, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn latency(&self, call: Call) -> Option<&Latency> {
        self.latencies.get(call as usize)
    }
}

/// Counts the events of one session, and the session itself as long as this exists.
#[derive(Debug)]
pub(crate) struct Count {
    counters: Arc<Counters>,
    way: Option<usize>,
}

impl Count {
    pub(crate) fn new(counters: &Arc<Counters>) -> Self {
        add(&counters.sessions, 1);
        add(&counters.open_sessions, 1);
        Self { counters: Arc::clone(counters), way: None }
    }

    fn add(&self, numbers: &[AtomicU64; 2], more: u64) {
        if let Some(number) = self.way.and_then(|way| numbers.get(way)) {
            add(number, more);
        }
    }
}

impl Observer for Count {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { direction, .. } => self.way = way(direction),
            Event::Moved { bytes } | Event::Resent { bytes } => {
                self.add(&self.counters.bytes, bytes);
            }
            Event::Done { kind: Kind::File, .. } => self.add(&self.counters.files, 1),
            Event::Failed { reason, .. } | Event::NotUtf8 { reason, .. } => {
                self.counters.refused(reason);
            }
            _ => {}
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.counters.open_sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
