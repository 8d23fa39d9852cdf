//! The calls to a store that may take long.

use core::task::Poll;

use super::{Accepted, CommitFailed, Kind, Offer, Operation, Stat};
use crate::error::Reason;
#[cfg(doc)]
use crate::store::Store;

/// The calls of [`Store`] that may take long, and commits that are deferred: see [`Store::deferral`].
///
/// The store begins the work elsewhere (a thread, a flash controller) and returns pending. The session
/// then answers queries, sends keepalives, detects the end of the connection, and polls the store again a
/// few milliseconds later. A store that can wait for its work should wait at most 50 ms in each call, so
/// that short work loses no time.
///
/// It is a separate trait, so that a wrapper forwards all of it or nothing: a store that defers commits
/// must also complete them.
pub trait Deferral {
    /// As [`Store::offer`]. While it is pending it is polled again with the same offer, or
    /// [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::offer`].
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>>;

    /// As [`Store::operate`]. While it is pending it is polled again with the same operation, or
    /// [`Store::abandon`] follows.
    ///
    /// # Errors
    /// Those of [`Store::operate`].
    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>>;

    /// As [`Store::commit`]; with an [`Offer::commit_id`] the commit may be deferred. While it is pending
    /// it is polled again, or [`Store::abandon`] follows: the commit is then completed or dropped, but as a
    /// whole.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    fn poll_commit(&mut self) -> Poll<Result<(), Reason>>;

    /// Completes all deferred commits. Files with an [`Offer::commit_id`] need not be in place after
    /// their commit, so that many can be put in place at once; now they must be.
    ///
    /// It is called before an answer to the sender that acknowledges earlier files, and before the tree is
    /// committed; not for a tree that is abandoned. The prefix of an offered file acknowledges no file, but
    /// after 1,024 commits it is called before that answer too. While it is pending it is polled again, or
    /// [`Store::abandon`] follows.
    ///
    /// # Errors
    /// The first file that could not be put in place. The sender is told, and it is called again until
    /// it returns `Ok`.
    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>>;
}
