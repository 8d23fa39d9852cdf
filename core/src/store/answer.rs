//! Requests to a store as calls of its methods.

use core::task::Poll;

use super::{Offer, Reply, Request, Store};
use crate::error::Reason;
use crate::wire::operation::emit_index;

/// Performs `request` by a call of `store`.
pub fn answer<S: Store + ?Sized>(store: &mut S, request: Request<'_>) -> Reply {
    let done = |()| Reply::Done;
    match request {
        Request::Offer(offer) => match store.deferral() {
            Some(deferral) => reply_to_poll(deferral.poll_offer(&offer), Reply::Accepted),
            // Nobody would complete a deferred commit.
            None => reply_to(store.offer(&Offer { commit_id: None, ..offer }), Reply::Accepted),
        },
        Request::Operate { path, kind, operation } => match store.deferral() {
            Some(deferral) => {
                reply_to_poll(deferral.poll_operate(path, kind, &operation), Reply::Operated)
            }
            None => reply_to(store.operate(path, kind, &operation), Reply::Operated),
        },
        Request::Index { into } => Reply::Moved(emit_index(into, || store.index())),
        Request::Rejected { path, reason } => {
            store.rejected(path, reason);
            Reply::Done
        }
        Request::Store { waits: true, .. }
        | Request::StoreZeros { waits: true, .. }
        | Request::Load { waits: true, .. }
            if !store.is_ready() =>
        {
            Reply::Pending
        }
        Request::Load { is_part: true, .. } if !store.has_more() => Reply::Pending,
        Request::Store { position, bytes, .. } => {
            reply_to(store.store(position, bytes), Reply::Moved)
        }
        Request::Load { position, into, holes, proves, .. } => {
            if proves && let Some(digest) = store.prefix_digest() {
                return Reply::Digest(digest);
            }
            match if holes { store.hole(position) } else { None } {
                Some(length) if length > 0 => Reply::Hole(length),
                _ => reply_to(store.load(position, into), Reply::Moved),
            }
        }
        Request::StoreZeros { position, length, .. } => {
            let stored = store.store_zeros(position, length);
            reply_to(stored, |count| Reply::Moved(usize::try_from(count).unwrap_or(usize::MAX)))
        }
        Request::Commit(digests) => {
            store.verified(&digests);
            commit(store)
        }
        Request::CommitAgain => commit(store),
        Request::FlushCommits => match store.deferral().map(|store| store.poll_flush_commits()) {
            Some(Poll::Ready(Err(failed))) => Reply::CommitFailed(failed),
            Some(Poll::Pending) => Reply::Pending,
            Some(Poll::Ready(Ok(()))) | None => Reply::Done,
        },
        Request::RefusalMessage { into } => Reply::Moved(copy_text(store.refusal_message(), into)),
        Request::Abandon { reason, all } => {
            store.abandon(reason, all);
            Reply::Done
        }
        Request::Open { path, tree, names_only, options } => {
            store.names_only(names_only);
            let options = options.map_or(Ok(()), |options| store.options(&options));
            reply_to(options.and_then(|()| store.open(path, tree)), done)
        }
        Request::Next { path } => match store.next(path) {
            Ok(Some(entry)) => Reply::Entry(entry),
            Ok(None) => Reply::End { omitted: store.omitted() },
            Err(reason) => Reply::Refused(reason),
        },
        Request::Check(digests) => {
            store.verified(&digests);
            reply_to(store.check(), done)
        }
        Request::Refused { entry, reason, message } => {
            if store.refused(entry, reason, message) {
                Reply::NotCounted
            } else {
                Reply::Done
            }
        }
        Request::TreeRefused { reason, message } => {
            store.tree_refused(reason, message);
            Reply::Done
        }
        Request::GivenUp { reason, message } => {
            store.given_up(reason, message);
            Reply::Done
        }
        Request::Resumed { entry, position } => {
            store.resumed(entry, position);
            Reply::Done
        }
        Request::Answered { entry, stat, index } => {
            store.answered(entry, &stat, index);
            Reply::Done
        }
        Request::Completed => {
            store.completed();
            Reply::Done
        }
    }
}

fn commit<S: Store + ?Sized>(store: &mut S) -> Reply {
    let result = match store.deferral() {
        Some(deferral) => deferral.poll_commit(),
        None => Poll::Ready(store.commit()),
    };
    reply_to_poll(result, |()| Reply::Done)
}

fn reply_to_poll<T>(result: Poll<Result<T, Reason>>, reply: impl FnOnce(T) -> Reply) -> Reply {
    match result {
        Poll::Ready(result) => reply_to(result, reply),
        Poll::Pending => Reply::Pending,
    }
}

fn reply_to<T>(result: Result<T, Reason>, reply: impl FnOnce(T) -> Reply) -> Reply {
    result.map_or_else(Reply::Refused, reply)
}

/// Copies as many characters of `text` as there is room for. Returns their length in bytes.
pub(crate) fn copy_text(text: &str, into: &mut [u8]) -> usize {
    // A NUL would begin the tags of the metadata.
    let text = text.split('\0').next().unwrap_or_default();
    let mut length = text.len().min(into.len());
    while !text.is_char_boundary(length) {
        length = length.saturating_sub(1);
    }
    into.iter_mut().zip(text.bytes().take(length)).for_each(|(to, from)| *to = from);
    length
}
