//! A store that checks the calls of the session.

use tinyferry_core::Reason;
use tinyferry_core::path::{PATH_MAX, is_sound};
use tinyferry_core::store::{Accepted, Kind, Reply, Request, Store, answer};
use tinyferry_core::wire::{HOLE_MAX, PAYLOAD_MAX};
use tinyferry_kit::Memory;

enum Open {
    Nothing,
    Inbound(Inbound),
    Outbound,
}

#[derive(Debug)]
struct Inbound {
    size: Option<u64>,
    in_order: bool,
    /// The received ranges, as start and end; in order and apart from each other.
    covered: Vec<(u64, u64)>,
}

impl Inbound {
    fn cover(&mut self, from: u64, to: u64) {
        self.covered.push((from, to));
        self.covered.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (from, to) in self.covered.drain(..).filter(|(from, to)| from < to) {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.covered = merged;
    }

    /// All bytes before it are received.
    fn front(&self) -> u64 {
        self.covered.first().filter(|(from, _)| *from == 0).map_or(0, |(_, to)| *to)
    }
}

/// The last request, without its lent slices.
enum Asked {
    Offer { is_tree: bool, names_only: bool, size: Option<u64>, resume: u64 },
    Store { position: u64, length: u64 },
    Load,
    Commit,
    Abandon { all: bool },
    Open,
    Next,
    Other,
}

/// A store and its open files. A call that is not allowed ends the run.
pub(crate) struct Watched {
    pub(crate) memory: Memory,
    open: Open,
    in_tree: bool,
    yielded: u64,
}

impl Watched {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { memory, open: Open::Nothing, in_tree: false, yielded: 0 }
    }

    /// Nothing may be left open at the end of a session or a task.
    pub(crate) fn assert_closed(&self) {
        assert!(!matches!(self.open, Open::Inbound(_)), "a file is still open");
        assert!(!self.in_tree, "a tree is still open");
    }

    /// Answers honestly, or as `reply` says.
    pub(crate) fn answer(&mut self, request: Request<'_>, reply: Option<Reply>) -> Reply {
        let asked = self.judge(&request);
        let reply = reply.unwrap_or_else(|| answer(&mut self.memory, request));
        self.note(&asked, &reply);
        reply
    }

    fn judge(&self, request: &Request<'_>) -> Asked {
        match request {
            Request::Offer(offer) => {
                let is_tree = offer.kind == Kind::Tree;
                assert!(is_sound(offer.path) && !offer.path.ends_with('/'), "{}", offer.path);
                assert!(is_tree || !offer.path.is_empty());
                assert!(!matches!(self.open, Open::Inbound(_)), "two files are open");
                assert!(!(is_tree && self.in_tree), "a tree in a tree");
                assert!(offer.kind != Kind::Directory || offer.size == Some(0));
                let (names_only, size, resume) = (offer.names_only, offer.size, offer.resume);
                Asked::Offer { is_tree, names_only, size, resume }
            }
            Request::Rejected { path, .. } => {
                assert!(!matches!(self.open, Open::Inbound(_)), "a file is open");
                assert!(path.len() <= PAYLOAD_MAX && !path.contains(&0));
                Asked::Other
            }
            Request::Operate { path, .. } => {
                assert!(is_sound(path) && !path.ends_with('/'), "{path}");
                assert!(!matches!(self.open, Open::Inbound(_)), "a file is open");
                Asked::Other
            }
            Request::Index { into } => {
                assert!(into.len() <= PAYLOAD_MAX);
                Asked::Other
            }
            Request::Answered { .. } => Asked::Other,
            Request::Store { position, bytes, .. } => {
                let Open::Inbound(inbound) = &self.open else { panic!("nothing is open") };
                let length = bytes.len() as u64;
                let end = position.checked_add(length).expect("positions fit");
                assert!(length > 0 && length <= 1024);
                assert!(inbound.size.is_none_or(|size| end <= size), "past the end");
                assert!(*position <= inbound.front().saturating_add(97 * 1024), "too far ahead");
                assert!(!inbound.in_order || *position == inbound.front(), "out of order");
                Asked::Store { position: *position, length }
            }
            Request::StoreZeros { position, length, .. } => {
                let Open::Inbound(inbound) = &self.open else { panic!("nothing is open") };
                let end = position.checked_add(*length).expect("positions fit");
                assert!(*length > 0 && *length <= HOLE_MAX.into());
                assert!(inbound.size.is_none_or(|size| end <= size), "past the end");
                let is_next = *position == inbound.front();
                assert!(is_next || !inbound.in_order, "out of order");
                assert!(
                    is_next || end <= inbound.front().saturating_add(97 * 1024),
                    "too far ahead"
                );
                Asked::Store { position: *position, length: *length }
            }
            Request::Load { position, into, .. } => {
                let length = into.len() as u64;
                assert!(length > 0 && length <= 1024);
                match &self.open {
                    Open::Inbound(inbound) => {
                        let end = position.checked_add(length).expect("positions fit");
                        assert!(end <= inbound.front(), "it is not there yet");
                    }
                    Open::Outbound => {}
                    Open::Nothing => panic!("nothing is open"),
                }
                Asked::Load
            }
            Request::Commit(_) | Request::CommitAgain => {
                match &self.open {
                    Open::Inbound(inbound) => {
                        let front = inbound.front();
                        assert!(inbound.covered.len() <= 1, "there are holes: {inbound:?}");
                        assert!(inbound.size.is_none_or(|size| size == front), "{inbound:?}");
                    }
                    _ => assert!(self.in_tree, "nothing is open"),
                }
                Asked::Commit
            }
            Request::FlushCommits => {
                assert!(self.in_tree, "no tree is open");
                Asked::Other
            }
            Request::Abandon { all, .. } => Asked::Abandon { all: *all },
            Request::Open { path, .. } => {
                assert!(is_sound(path) && !path.ends_with('/'));
                assert!(!matches!(self.open, Open::Inbound(_)));
                Asked::Open
            }
            Request::Next { path } => {
                assert_eq!(path.len(), PATH_MAX);
                Asked::Next
            }
            Request::Check(_) => {
                assert!(matches!(self.open, Open::Outbound));
                Asked::Other
            }
            Request::Refused { entry, .. } => {
                assert!(u64::from(*entry) < self.yielded, "entry {entry} of {}", self.yielded);
                Asked::Other
            }
            Request::Resumed { entry, .. } => {
                assert!(u64::from(*entry) < self.yielded, "entry {entry} of {}", self.yielded);
                Asked::Other
            }
            Request::RefusalMessage { .. }
            | Request::TreeRefused { .. }
            | Request::GivenUp { .. }
            | Request::Completed => Asked::Other,
        }
    }

    fn note(&mut self, asked: &Asked, reply: &Reply) {
        match (asked, reply, &mut self.open) {
            (Asked::Offer { is_tree: true, names_only, .. }, Reply::Accepted(_), _) => {
                self.in_tree = !names_only;
            }
            (
                Asked::Offer { names_only: false, size, resume, .. },
                Reply::Accepted(accepted),
                _,
            ) => {
                let Accepted { prefix: resumed, in_order } = *accepted;
                let mut inbound = Inbound { size: *size, in_order, covered: Vec::new() };
                inbound.cover(0, if resumed <= *resume { resumed } else { 0 });
                self.open = Open::Inbound(inbound);
            }
            (Asked::Store { position, length }, Reply::Moved(count), Open::Inbound(inbound)) => {
                let count = (*count as u64).min(*length);
                inbound.cover(*position, position.saturating_add(count));
            }
            (Asked::Store { .. } | Asked::Load, Reply::Refused(_), _)
            | (Asked::Commit, Reply::Done | Reply::Refused(_), Open::Inbound(_)) => {
                self.open = Open::Nothing;
            }
            (Asked::Commit, Reply::Done | Reply::Refused(_), _) => self.in_tree = false,
            (Asked::Abandon { all }, _, _) => {
                self.open = Open::Nothing;
                self.in_tree &= !all;
            }
            (Asked::Open, ..) => self.begin(),
            (Asked::Next, Reply::Entry(entry), _) => {
                let is_entry = entry.kind != Kind::Tree;
                self.yielded += u64::from(is_entry);
                self.open = if is_entry { Open::Outbound } else { Open::Nothing };
            }
            (Asked::Next, Reply::End { .. }, _) => self.open = Open::Nothing,
            _ => {}
        }
    }

    /// Another request begins: entries are counted from 0 again.
    pub(crate) fn begin(&mut self) {
        self.yielded = 0;
    }
}

/// Of chunks that are taken from the driver's buffer.
impl Store for Watched {
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        match self.answer(Request::Store { position, bytes, waits: false }, None) {
            Reply::Moved(count) => Ok(count),
            Reply::Refused(reason) => Err(reason),
            reply => panic!("{reply:?} to bytes"),
        }
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.memory.digest(start, position, end)
    }
}
