//! Small files of a tree that are being stored: their commits were answered before, and several run at once.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::Duration;

use super::done::Done;
use crate::fs::error::StoreError;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::fs::{Direction, Observer};
use tinyferry_core::error::Reason;

/// The maximum number of files that are stored at once.
const AT_ONCE: usize = 16;
/// Their maximum size together, in bytes.
const BYTES: u64 = 8 << 20;

#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// In the order of the offers.
    running: VecDeque<Running>,
    failed: VecDeque<Failed>,
}

/// A file that is being stored.
#[derive(Debug)]
struct Running {
    done: Done,
    work: Background<Result<(), StoreError>>,
}

/// A file that could not be put in place.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) commit_id: u16,
    pub(super) error: StoreError,
}

impl Deferred {
    pub(super) fn add(&mut self, done: Done, work: Background<Result<(), StoreError>>) {
        self.running.push_back(Running { done, work });
    }

    /// The tree has ended: the files that are still being stored are reported here only, since their numbers belong to
    /// other files in the next tree.
    pub(super) fn end_tree(&mut self) {
        self.failed.clear();
        self.running.iter_mut().for_each(|running| running.done.commit_id = None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.running.iter().any(|running| running.done.path == path)
    }

    /// Whether one more file can be stored now; waits a moment.
    pub(super) fn has_room(&mut self, observer: &mut impl Observer) -> bool {
        self.reap(Duration::ZERO, observer);
        if !self.is_full() {
            return true;
        }
        self.reap(POLL_INTERVAL, observer);
        !self.is_full()
    }

    fn is_full(&self) -> bool {
        let bytes: u64 = self.running.iter().map(|running| running.done.size).sum();
        self.running.len() >= AT_ONCE || bytes >= BYTES
    }

    /// Reports the files that are in place; waits up to `limit` for the first one.
    pub(super) fn reap(&mut self, limit: Duration, observer: &mut impl Observer) {
        let mut limit = limit;
        while let Some(first) = self.running.front() {
            let Some(result) = first.work.wait_for(limit) else { return };
            limit = Duration::ZERO;
            let Some(Running { done, .. }) = self.running.pop_front() else { return };
            match result.unwrap_or_else(|| Err(Reason::Storage.into())) {
                Ok(()) => done.report(observer),
                Err(error) => {
                    let error = error.report(&done.path, Direction::Receiving, observer);
                    let failed = done.commit_id.map(|commit_id| Failed { commit_id, error });
                    self.failed.extend(failed);
                }
            }
        }
    }

    /// Completes all; called again while it is pending, and until there is no failure.
    pub(super) fn poll(&mut self, observer: &mut impl Observer) -> Poll<Result<(), Failed>> {
        if !self.running.is_empty() {
            self.reap(POLL_INTERVAL, observer);
        }
        match self.failed.pop_front() {
            Some(failed) => Poll::Ready(Err(failed)),
            None if self.running.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use tinyferry_core::store::Kind;

    use super::*;
    use crate::fs::Event;

    #[test]
    fn a_failure_of_one_tree_is_not_answered_in_the_next_one() {
        for ends in [false, true] {
            let mut deferred = Deferred::default();
            for (path, commit_id) in [("a", 1), ("b", 2)] {
                let (path, kind, commit_id) = (path.to_owned(), Kind::File, Some(commit_id));
                let done = Done { path, kind, size: 1, prefix: 0, is_alone: false, commit_id };
                deferred.add(done, Background::start(|| Err(Reason::NoSpace.into())));
            }
            let mut reported = 0;
            let mut observer = |_: Event<'_>| reported += 1;
            while deferred.failed.is_empty() {
                deferred.reap(POLL_INTERVAL, &mut observer);
            }
            if ends {
                deferred.end_tree();
            }
            let mut answered = Vec::new();
            loop {
                match deferred.poll(&mut observer) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => break,
                    Poll::Ready(Err(failed)) => answered.push(failed.commit_id),
                }
            }
            assert_eq!(answered, if ends { vec![] } else { vec![1, 2] });
            assert_eq!(reported, 2);
        }
    }
}
