//! A budget of open files that several stores share: one server's clients together open no more
//! than the system allows the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The limit on systems without one.
const UNLIMITED: usize = 1 << 20;

/// The number of open files that the stores which share this budget may have beyond those of each store.
#[derive(Debug, Clone)]
pub struct Descriptors {
    free: Arc<AtomicUsize>,
}

impl Default for Descriptors {
    /// Enough for one store: a quarter of the limit of the process, at most 5,000 and at least 512.
    fn default() -> Self {
        Self::new((limit() / 4).clamp(512, 5_000))
    }
}

impl Descriptors {
    /// A budget of `count` open files.
    pub fn new(count: usize) -> Self {
        Self { free: Arc::new(AtomicUsize::new(count)) }
    }

    /// Reserves `count` open files until the permit is dropped. `None`: the budget is used up, and the
    /// caller does without.
    pub fn take(&self, count: usize) -> Option<Permit> {
        self.take_of(count, 0)
    }

    /// The same, if at least `spare` open files stay free after it.
    pub(crate) fn take_of(&self, count: usize, spare: usize) -> Option<Permit> {
        let less = |free: usize| free.checked_sub(count).filter(|left| *left >= spare);
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).ok()?;
        Some(Permit { free: Arc::clone(&self.free), count })
    }
}

/// The limit of open files of this process.
#[cfg(unix)]
pub(crate) fn limit() -> usize {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(UNLIMITED)
}

#[cfg(not(unix))]
pub(crate) fn limit() -> usize {
    UNLIMITED
}

/// Open files that are reserved.
#[derive(Debug)]
pub struct Permit {
    free: Arc<AtomicUsize>,
    count: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.free.fetch_add(self.count, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_releases_its_descriptors() {
        let descriptors = Descriptors::new(3);
        assert!(descriptors.take_of(2, 2).is_none());
        let two = descriptors.take_of(2, 1);
        assert!(two.is_some());
        assert!(descriptors.take(2).is_none());
        let one = descriptors.clone().take(1);
        assert!(one.is_some());
        drop(two);
        assert!(descriptors.take(2).is_some());
    }
}
