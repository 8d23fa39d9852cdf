extern crate std;

use core::task::Poll;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use super::*;
use crate::error::Reason;

/// Records the calls of all methods.
#[derive(Default)]
struct Probe {
    calls: Vec<String>,
    is_deferring: bool,
}

impl Probe {
    fn call(&mut self, call: &str) {
        self.calls.push(call.to_string());
    }
}

impl Store for Probe {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        if self.is_deferring { Some(self) } else { None }
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.call(&format!("offer {:?}", offer.commit_id));
        Err(Reason::Busy)
    }

    fn rejected(&mut self, _: &[u8], _: Reason) {
        self.call("rejected");
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.call("store");
        Ok(bytes.len())
    }

    fn is_ready(&mut self) -> bool {
        self.call("is_ready");
        true
    }

    fn digest(&mut self, start: u64, _: u64, _: u64) -> Option<u64> {
        self.call("digest");
        Some(start)
    }

    fn load(&mut self, _: u64, into: &mut [u8]) -> Result<usize, Reason> {
        self.call("load");
        Ok(into.len())
    }

    fn verified(&mut self, _: &Digests) {
        self.call("verified");
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.call("commit");
        Ok(())
    }

    fn refusal_message(&mut self) -> &str {
        self.call("refusal_message");
        "no"
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        self.call("abandon");
    }

    fn open(&mut self, _: &str, _: bool) -> Result<(), Reason> {
        self.call("open");
        Ok(())
    }

    fn names_only(&mut self, _: bool) {
        self.call("names_only");
    }

    fn options(&mut self, _: &RequestOptions<'_>) -> Result<(), Reason> {
        self.call("options");
        Ok(())
    }

    fn next(&mut self, _: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.call("next");
        Ok(None)
    }

    fn omitted(&mut self) -> u32 {
        self.call("omitted");
        3
    }

    fn check(&mut self) -> Result<(), Reason> {
        self.call("check");
        Err(Reason::SourceChanged)
    }

    fn refused(&mut self, _: u32, _: Reason, _: &str) -> bool {
        self.call("refused");
        true
    }

    fn resumed(&mut self, _: u32, _: u64) {
        self.call("resumed");
    }

    fn operate(&mut self, _: &str, _: Kind, _: &Operation<'_>) -> Result<Stat, Reason> {
        self.call("operate");
        Ok(Stat::default())
    }

    fn index(&mut self) -> Option<u32> {
        self.call("index");
        None
    }

    fn answered(&mut self, _: u32, _: &Stat, _: Index<'_>) {
        self.call("answered");
    }

    fn tree_refused(&mut self, _: Reason, _: &str) {
        self.call("tree_refused");
    }

    fn completed(&mut self) {
        self.call("completed");
    }
}

impl Deferral for Probe {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        self.call(&format!("poll_offer {:?}", offer.commit_id));
        Poll::Pending
    }

    fn poll_operate(&mut self, _: &str, _: Kind, _: &Operation<'_>) -> Poll<Result<Stat, Reason>> {
        self.call("poll_operate");
        Poll::Pending
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        self.call("poll_commit");
        Poll::Pending
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        self.call("poll_flush_commits");
        Poll::Pending
    }
}

struct Wrapper(Probe);

impl Store for Wrapper {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(&mut self.0)
    }
}

fn offer() -> Offer<'static> {
    Offer {
        path: "f",
        kind: Kind::File,
        size: None,
        modified: None,
        mode: None,
        content: None,
        resume: 0,
        names_only: false,
        commit_id: Some(1),
    }
}

/// Makes each request, and returns the replies.
fn all_requests(mut store: impl Store) -> Vec<Reply> {
    let reason = Reason::Busy;
    let (mut payload, mut path, mut message) = ([0; 3], [0; 9], [0; 9]);
    let (mut index, options) = ([0; 9], RequestOptions::default());
    let digests = Digests::default();
    let requests = [
        Request::Offer(offer()),
        Request::Rejected { path: b"p", reason },
        Request::Store { position: 0, bytes: b"abc", waits: true },
        Request::Load {
            position: 0,
            into: &mut payload,
            holes: false,
            waits: true,
            is_part: false,
            proves: false,
        },
        Request::Commit(digests),
        Request::CommitAgain,
        Request::FlushCommits,
        Request::RefusalMessage { into: &mut message },
        Request::Abandon { reason, all: true },
        Request::Operate { path: "p", kind: Kind::File, operation: Operation::Remove },
        Request::Index { into: &mut index },
        Request::Open { path: "f", tree: false, names_only: true, options: Some(options) },
        Request::Next { path: &mut path },
        Request::Check(digests),
        Request::Refused { entry: 0, reason, message: "" },
        Request::Resumed { entry: 0, position: 0 },
        Request::Answered { entry: 0, stat: Stat::default(), index: Index::default() },
        Request::TreeRefused { reason, message: "" },
        Request::Completed,
    ];
    let mut replies: Vec<Reply> = vec![];
    for request in requests {
        replies.push(answer(&mut store, request));
    }
    assert_eq!(store.digest(7, 0, 1), Some(7));
    replies
}

#[test]
fn a_reference_and_a_wrapper_forward_each_method() {
    let (mut direct, mut referred) = (Probe::default(), Probe::default());
    let mut wrapped = Wrapper(Probe::default());
    let expected = {
        let direct: &mut dyn Store = &mut direct;
        all_requests(direct)
    };
    let by_reference = {
        let mut twice = &mut referred;
        all_requests(&mut twice)
    };
    assert_eq!(by_reference, expected);
    assert_eq!(all_requests(&mut wrapped), expected);
    assert_eq!(direct.calls.len(), 26);
    assert_eq!(referred.calls, direct.calls);
    assert_eq!(wrapped.0.calls, direct.calls);
}

#[test]
fn a_reference_forwards_the_deferral_and_a_wrapper_defers_nothing() {
    let mut probe = Probe { is_deferring: true, ..Probe::default() };
    let deferred = [Request::Offer(offer()), Request::CommitAgain, Request::FlushCommits];
    for request in deferred {
        assert_eq!(answer(&mut &mut probe, request), Reply::Pending);
    }
    assert_eq!(probe.calls, ["poll_offer Some(1)", "poll_commit", "poll_flush_commits"]);

    let mut wrapper = Wrapper(Probe { is_deferring: true, ..Probe::default() });
    assert_eq!(answer(&mut wrapper, Request::Offer(offer())), Reply::Refused(Reason::Busy));
    assert_eq!(answer(&mut wrapper, Request::CommitAgain), Reply::Done);
    assert_eq!(answer(&mut wrapper, Request::FlushCommits), Reply::Done);
    assert_eq!(wrapper.0.calls, ["offer None", "commit"]);
}

#[test]
fn a_store_that_is_not_ready_is_pending_only_if_it_is_asked() {
    struct Waits;
    impl Store for Waits {
        fn is_ready(&mut self) -> bool {
            false
        }
    }
    for waits in [true, false] {
        let mut into = [0; 3];
        for request in [
            Request::Store { position: 0, bytes: b"abc", waits },
            Request::StoreZeros { position: 0, length: 3, waits },
            Request::Load {
                position: 0,
                into: &mut into,
                holes: true,
                waits,
                is_part: false,
                proves: false,
            },
        ] {
            assert_eq!(answer(&mut Waits, request) == Reply::Pending, waits);
        }
    }
}
