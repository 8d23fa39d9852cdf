//! The state of a transfer, which one thread changes and another one shows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The state of a transfer.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// Files that are complete.
    pub(super) files: Counter,
    /// The content that was transferred or that the receiver had, in bytes.
    pub(super) bytes: Counter,
    /// The content that was transferred, in bytes.
    pub(super) moved: Counter,
    /// The content that the receiver had of files that were resumed, in bytes.
    pub(super) resumed: Counter,
    path: Mutex<String>,
}

/// A number that one thread changes.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn add(&self, number: u64) {
        self.set(self.get().saturating_add(number));
    }
}

impl Measure {
    /// The path of the entry at hand.
    pub(super) fn path(&self) -> String {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_path(&self, path: String) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }
}
