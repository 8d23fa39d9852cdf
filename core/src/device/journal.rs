//! The journal of a device: the requests of a session to its store, and the event that follows from each.

use core::num::NonZeroU32;

use super::event::Wish;
use super::path::Paths;
use super::progress::Progress;
#[cfg(feature = "async")]
use crate::driver::keepalive::Keepalive;
use crate::driver::watch::Requested;
use crate::error::Reason;
use crate::profile::Profile;
use crate::session::Session;
use crate::store::answer::copy_text;
use crate::store::{Kind, Operation, Reply, Request};

/// The present request of a session, as far as its events need it.
#[derive(Debug, Clone)]
pub(super) struct Journal<const PATH: usize> {
    pub(super) paths: Paths<PATH>,
    /// The number of the session whose handshake was reported.
    pub(super) connected: Option<NonZeroU32>,
    /// The request that the store performs.
    asked: Asked,
    open: Open,
    /// The event that waits until the answer is on the wire.
    pub(super) pending: Option<Pending>,
    pub(super) progress: Progress,
    /// The position that was reported last.
    pub(super) position: u64,
    /// The request is to end.
    pub(super) wish: Option<Wish>,
    /// The message of the `ERR` that ends it.
    pub(super) message: Option<&'static str>,
    /// The keepalive that is being sent while an async store works.
    #[cfg(feature = "async")]
    pub(super) keepalive: Keepalive,
}

/// The last request to the store, if an event follows from its reply.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Other,
    Offer { kind: Kind, size: Option<u64> },
    Operation(Pending),
    Commit,
    Open { names_only: bool },
    Next,
}

/// The open entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Received {
        kind: Kind,
    },
    /// A file is to be sent; its path is known, or the store gives it.
    Sent {
        file: bool,
    },
    /// Only the offers are sent.
    Listed,
}

/// An event whose answer is not on the wire yet. Its path is in the journal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    Stored { kind: Kind, size: u64 },
    Sent { size: u64 },
    Removed,
    Renamed,
    Refused { reason: Reason },
}

/// An event that is reported at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offered {
    pub(super) kind: Kind,
    pub(super) size: Option<u64>,
    pub(super) prefix: u64,
}

impl<const PATH: usize> Journal<PATH> {
    pub(super) const fn new() -> Self {
        Self {
            paths: Paths::new(),
            connected: None,
            asked: Asked::Other,
            open: Open::Nothing,
            pending: None,
            progress: Progress::None,
            position: 0,
            wish: None,
            message: None,
            #[cfg(feature = "async")]
            keepalive: Keepalive::NONE,
        }
    }

    /// The session has a request to the store.
    pub(super) fn requested(&mut self, request: &mut Request<'_>) -> Requested {
        if let Request::RefusalMessage { into } = request
            && let Some(message) = self.message.take()
        {
            return Requested::Answer(Reply::Moved(copy_text(message, into)));
        }
        let is_part_of_answer = matches!(
            request,
            Request::FlushCommits | Request::RefusalMessage { .. } | Request::Index { .. }
        );
        if is_part_of_answer {
            return Requested::Perform;
        }
        if self.pending.is_none()
            && let (Request::Next { .. }, Open::Sent { file: true }) = (&*request, self.open)
        {
            self.open = Open::Sent { file: false };
            self.pending = Some(Pending::Sent { size: self.position });
        }
        if self.pending.is_some() {
            return Requested::Flush;
        }
        self.progress.begins();
        self.asked = Asked::Other;
        match request {
            Request::Offer(offer) => {
                // A commit that is deferred is not complete when it is reported.
                offer.commit_id = None;
                if offer.kind == Kind::Tree {
                    self.paths.begin_tree(offer.path);
                } else {
                    self.paths.set_entry(offer.path);
                }
                self.position = 0;
                self.asked = Asked::Offer { kind: offer.kind, size: offer.size };
            }
            Request::Rejected { path, reason } => {
                self.paths.set_entry(core::str::from_utf8(path).unwrap_or_default());
                self.pending = Some(Pending::Refused { reason: *reason });
            }
            Request::Operate { path, operation, .. } => self.operation_requested(path, operation),
            Request::Commit(_) | Request::CommitAgain => self.asked = Asked::Commit,
            Request::Open { path, tree, names_only, .. } => {
                self.paths.end_tree();
                if *tree {
                    self.paths.begin_tree(path);
                } else {
                    self.paths.set_entry(path);
                }
                self.asked = Asked::Open { names_only: *names_only };
            }
            Request::Next { .. } => self.asked = Asked::Next,
            Request::Abandon { reason, all: true } if self.paths.is_in_tree() => {
                self.paths.end_tree();
                self.pending = Some(Pending::Refused { reason: *reason });
            }
            _ => {}
        }
        Requested::Perform
    }

    fn operation_requested(&mut self, path: &str, operation: &Operation<'_>) {
        let event = match operation {
            Operation::Remove => Pending::Removed,
            Operation::Rename { .. } => Pending::Renamed,
            _ => return,
        };
        self.paths.set_entry(path);
        if let Operation::Rename { from } = operation {
            self.paths.set_from(from);
        }
        self.asked = Asked::Operation(event);
    }

    /// The store has answered. Returns the offer that it has accepted.
    pub(super) fn answered<P: Profile>(
        &mut self,
        session: &Session<P>,
        reply: &Reply,
    ) -> Option<Offered> {
        let asked = core::mem::replace(&mut self.asked, Asked::Other);
        match (asked, *reply) {
            (Asked::Offer { kind, size }, Reply::Accepted(accepted)) => {
                if kind != Kind::Tree {
                    self.open = Open::Received { kind };
                }
                return Some(Offered { kind, size, prefix: accepted.prefix });
            }
            (Asked::Offer { .. } | Asked::Open { .. }, Reply::Refused(reason)) => {
                self.pending = Some(Pending::Refused { reason });
            }
            (Asked::Operation(event), Reply::Operated(_)) => self.pending = Some(event),
            (Asked::Commit, Reply::Done) => {
                let (kind, size) = match self.open {
                    Open::Received { kind } => (kind, self.position),
                    _ => (Kind::Tree, 0),
                };
                if kind == Kind::Tree {
                    self.paths.end_tree();
                }
                self.open = Open::Nothing;
                self.pending = Some(Pending::Stored { kind, size });
            }
            (Asked::Commit, Reply::Refused(reason)) if self.open == Open::Nothing => {
                self.paths.end_tree();
                self.pending = Some(Pending::Refused { reason });
            }
            (Asked::Open { names_only }, Reply::Done) => {
                self.open = if names_only { Open::Listed } else { Open::Sent { file: false } };
            }
            (Asked::Next, Reply::Entry(entry)) if self.open != Open::Listed => {
                self.position = 0;
                let is_file = entry.kind == Kind::File && entry.operation.is_none();
                if entry.kind != Kind::Tree
                    && self.paths.is_in_tree()
                    && let Some(path) = session.offered_path()
                {
                    self.paths.set_entry(path);
                }
                self.open = Open::Sent { file: is_file && entry.broken.is_none() };
            }
            (Asked::Next, Reply::End { .. } | Reply::Refused(_)) => {
                self.open = Open::Nothing;
                self.paths.end_tree();
            }
            _ => {}
        }
        None
    }

    /// The next step begins: finds that the open entry has ended, but not by a commit.
    pub(super) fn update<P: Profile>(&mut self, session: &Session<P>) {
        let is_open = match self.open {
            Open::Nothing | Open::Listed => return,
            Open::Received { .. } => session.is_receiving_entry(),
            Open::Sent { file } => session.is_sending() && !(file && session.has_given_up()),
        };
        if !is_open && self.pending.is_none() {
            let is_reported = self.open != (Open::Sent { file: false });
            self.open =
                if session.is_sending() { Open::Sent { file: false } } else { Open::Nothing };
            if is_reported {
                let reason = session.last_refusal().unwrap_or(Reason::Cancelled);
                self.pending = Some(Pending::Refused { reason });
            }
        }
    }

    /// The session is over.
    pub(super) fn clear(&mut self) {
        *self = Self { connected: self.connected, ..Self::new() };
    }
}
