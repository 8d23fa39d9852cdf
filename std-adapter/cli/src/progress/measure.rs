//! The state of a transfer, which one thread changes and another one shows.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The current work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Content is transferred.
    #[default]
    Transfer,
    /// This end reads the part of a file that the receiver has.
    Verify,
    /// Everything was transferred, and the receiver makes it durable.
    Sync,
    /// The connection failed, and is made again.
    Wait,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Transfer, Self::Verify, Self::Sync, Self::Wait];
}

/// The entries of a transfer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// It has not begun.
    #[default]
    Unknown,
    File,
    Tree,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Unknown, Self::File, Self::Tree];
}

/// The state of a transfer.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// Files that are complete, or that the receiver had.
    pub(super) files: Counter,
    /// The content of files so far, in bytes: transferred, resumed or unchanged.
    pub(super) bytes: Counter,
    /// The content that was transferred, in bytes.
    pub(super) moved: Counter,
    /// The content that the receiver had of files that were resumed, in bytes.
    pub(super) resumed: Counter,
    /// Files that were not offered, since the receiver had them.
    pub(super) unchanged: Counter,
    /// Content that was transferred more than once, in bytes.
    pub(super) resent: Counter,
    /// The attempts that have begun.
    pub(super) attempts: Counter,
    /// How often the rate was begun anew.
    pub(super) rates: Counter,
    pub(super) bytes_total: Total,
    scope: AtomicU8,
    phase: AtomicU8,
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

    pub(super) fn subtract(&self, number: u64) {
        self.set(self.get().saturating_sub(number));
    }
}

/// A number that may not be known.
#[derive(Debug)]
pub(super) struct Total(AtomicU64);

impl Total {
    /// No total is as large.
    const UNKNOWN: u64 = u64::MAX;

    pub(super) fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != Self::UNKNOWN)
    }

    pub(super) fn set(&self, number: Option<u64>) {
        self.0.store(number.unwrap_or(Self::UNKNOWN), Ordering::Relaxed);
    }
}

impl Default for Total {
    fn default() -> Self {
        Self(AtomicU64::new(Self::UNKNOWN))
    }
}

impl Measure {
    pub(super) fn scope(&self) -> Scope {
        let index = usize::from(self.scope.load(Ordering::Relaxed));
        Scope::ALL.get(index).copied().unwrap_or_default()
    }

    pub(super) fn set_scope(&self, scope: Scope) {
        self.scope.store(scope as u8, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        let index = usize::from(self.phase.load(Ordering::Relaxed));
        Phase::ALL.get(index).copied().unwrap_or_default()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The path of the current entry.
    pub(super) fn path(&self) -> String {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_path(&self, path: String) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }
}
