//! Closes the open file and the open tree without completing them.

use tinyferry_core::error::Reason;

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::limits::partial_index::LeftPartial;
use crate::fs::recv::file::{ExpectedFile, can_go_on_after};
use crate::fs::sys::buffer::CAPACITY;

impl RecvStore {
    pub(crate) fn abandon(
        &mut self,
        reason: Reason,
        all: bool,
        given_up: Option<&str>,
        observer: &mut impl Observer,
    ) {
        let is_of_use = !reason.wants_reoffer() && reason != Reason::SourceChanged;
        // The commit is completed nevertheless.
        self.committing = None;
        self.stats.cancel();
        let closed = self.close_open(is_of_use);
        if all {
            self.close_tree(observer);
        }
        let Some(expected) = closed else { return };
        let is_reoffered = reason.wants_reoffer() && expected.resume > 0;
        if !is_reoffered {
            let is_own = given_up.is_none()
                && matches!(reason, Reason::DigestDiffers | Reason::Incomplete | Reason::Cancelled);
            let path = &expected.path;
            let (direction, at_peer) = (Direction::Receiving, !is_own);
            let detail = given_up.unwrap_or_default();
            observer.event(Event::Failed { path, direction, reason, detail, at_peer });
        }
    }

    /// Closes the open file and the open tree without completing them: another request follows.
    pub(crate) fn close(&mut self, observer: &mut impl Observer) {
        self.committing = None;
        self.stats.cancel();
        self.close_open(true);
        self.close_tree(observer);
    }

    pub(super) fn close_open(&mut self, is_of_use: bool) -> Option<ExpectedFile> {
        let open = self.open.take()?;
        // The other store may have all of a small file in memory, without a partial that would be locked.
        let is_received_elsewhere = open.size() <= CAPACITY as u64
            && self.tree.as_ref().is_some_and(|tree| {
                self.limits.is_received_elsewhere(&tree.open, &open.expected.path)
            });
        let limits = (is_of_use && !is_received_elsewhere).then_some(&self.limits);
        let (expected, left) = open.close(&mut self.cursor, &mut self.buffer, limits);
        self.buffer.clear();
        self.register_partial(left);
        Some(expected)
    }

    /// Registers the partial of an interrupted transfer.
    pub(super) fn register_partial(&self, left: Option<LeftPartial>) {
        if let Some(left) = left {
            self.limits.add_partial(left);
        }
    }

    /// Closes the open file because of a failure.
    pub(super) fn fail_open(
        &mut self,
        error: StoreError,
        observer: &mut impl Observer,
    ) -> StoreError {
        match self.close_open(can_go_on_after(error.reason)) {
            Some(expected) => self.fail(error, &expected.path, observer),
            None => error,
        }
    }

    pub(super) fn fail(
        &mut self,
        error: StoreError,
        path: &str,
        observer: &mut impl Observer,
    ) -> StoreError {
        // The open directories may have been moved.
        self.cursor.forget();
        self.cursor.explain(error).report(path, Direction::Receiving, observer)
    }
}

impl Drop for RecvStore {
    /// Completes pending commits, without reports.
    fn drop(&mut self) {
        self.close_tree(&mut |_: Event<'_>| {});
    }
}
