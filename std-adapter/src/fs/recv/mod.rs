//! Receiving: the open file and the open tree. Knows nothing of how the bytes arrive.

pub(crate) mod batch;
mod committing;
pub(crate) mod deferred;
pub(crate) mod file;
mod opening;
pub(crate) mod partial;
pub(crate) mod partials;
mod placing;
pub(crate) mod staged;
pub(crate) mod tmpfile;
pub(crate) mod tree;
pub(crate) mod worker;

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer};

use crate::fs::error::Trouble;
use crate::fs::event::Direction;
use crate::fs::event::Event;
use crate::fs::event::Observer;
use crate::fs::limits::Limits;
use crate::fs::names::join;
use crate::fs::names::refusal;
use crate::fs::recv::deferred::Later;
use crate::fs::recv::file::Access;
use crate::fs::recv::file::Incoming;
use crate::fs::recv::file::Wanted;
use crate::fs::recv::file::can_go_on_after;
use crate::fs::recv::partial::Whose;
use crate::fs::recv::partials::Left;
use crate::fs::recv::tree::Tree;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::refusals;
use crate::fs::sys::sync::Sync;

use self::committing::Committing;

#[derive(Debug)]
pub(crate) struct Inbox {
    place: Place,
    /// Where everything goes; `None`: where the offer says.
    target: Option<String>,
    sync: Sync,
    holes: bool,
    access: Arc<Access>,
    limits: Limits,
    /// Entries of the open tree so far.
    entries: u64,
    tree: Option<Tree>,
    open: Option<Incoming>,
    committing: Option<Committing>,
    buffer: Buffer,
    later: Later,
}

impl Inbox {
    pub(crate) fn new(root: Arc<Dir>, target: Option<String>, sync: Sync) -> Self {
        Self {
            place: Place::receiving(root),
            target,
            sync,
            holes: false,
            access: Arc::default(),
            limits: Limits::default(),
            entries: 0,
            tree: None,
            open: None,
            committing: None,
            buffer: Buffer::default(),
            later: Later::default(),
        }
    }

    pub(crate) fn expect_holes(&mut self, holes: bool) {
        self.holes = holes;
    }

    /// Sets the rights of the other end.
    pub(crate) fn allow(&mut self, is_blind: bool, partials: Whose) {
        let access = Arc::make_mut(&mut self.access);
        (access.is_blind, access.partials) = (is_blind, partials);
    }

    pub(crate) fn limit(&mut self, limits: Limits) {
        Arc::make_mut(&mut self.access).kept = limits.kept.clone();
        self.limits = limits;
    }

    pub(crate) fn is_receiving(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn offer(
        &mut self,
        offer: &Offer<'_>,
        observer: &mut impl Observer,
    ) -> Result<Accepted, Reason> {
        self.close_open(true);
        if offer.kind == Kind::Tree {
            self.close_tree(observer);
        }
        if self.tree.is_none() {
            self.place.forget();
        }
        let path = match self.path_of(offer) {
            _ if offer.names_only => offer.path.to_owned(),
            Some(path) => path,
            None => {
                let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
                let path = join(tree, offer.path);
                return Err(self.fail(refusal(offer.path), &path, observer));
            }
        };
        let held = match self.prepare(offer, &path, observer) {
            Ok(held) => held,
            Err(trouble) => return Err(self.fail(trouble, &path, observer)),
        };
        let (path, direction) = (path.as_str(), Direction::Receiving);
        observer.event(Event::Begin { path, kind: offer.kind, size: offer.size, held, direction });
        Ok(Accepted { held, in_order: false })
    }

    pub(crate) fn store(
        &mut self,
        position: u64,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<usize, Reason> {
        match self.write(position, bytes) {
            Ok(()) => {
                observer.event(Event::Moved { bytes: bytes.len() as u64 });
                Ok(bytes.len())
            }
            Err(trouble) => Err(self.fail_open(trouble, observer)),
        }
    }

    pub(crate) fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.buffer.digest(start, position, end)
    }

    pub(crate) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, Reason> {
        let Some(incoming) = &self.open else { return Err(Reason::Storage) };
        incoming
            .read(&mut self.buffer, position, into)
            .map_err(|trouble| self.fail_open(trouble, observer))
    }

    /// Commits the open file or tree on this thread.
    fn commit_here(
        &mut self,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<(), Reason> {
        let (kind, path, sizes, result) = match (self.open.take(), self.tree.take()) {
            (Some(mut incoming), tree) => {
                self.tree = tree;
                let size = incoming.wanted.size.unwrap_or_else(|| incoming.unfinished());
                let sizes = (size, incoming.held);
                let result = self.commit_entry(&mut incoming, sha256, observer);
                (incoming.wanted.kind, incoming.wanted.path, sizes, result)
            }
            (None, Some(mut tree)) => {
                let result = self.commit_tree(&mut tree, observer);
                (Kind::Tree, tree.path, (0, 0), result.map(|()| true))
            }
            (None, None) => return Err(Reason::Storage),
        };
        self.buffer.clear();
        match result {
            Ok(false) => Ok(()),
            Ok(true) => {
                let (size, held) = sizes;
                refusals::report(&path, observer);
                observer.event(Event::Done { path: &path, kind, size, held, sha256 });
                Ok(())
            }
            Err(trouble) => Err(self.fail(trouble, &path, observer)),
        }
    }

    pub(crate) fn abandon(&mut self, reason: Reason, all: bool, observer: &mut impl Observer) {
        let is_of_use = !reason.wants_fresh_offer() && reason != Reason::SourceChanged;
        // It is completed all the same.
        self.committing = None;
        let closed = self.close_open(is_of_use);
        if all {
            self.close_tree(observer);
        }
        let Some(wanted) = closed else { return };
        let comes_again = reason.wants_fresh_offer() && wanted.resume > 0;
        if !comes_again {
            let is_own =
                matches!(reason, Reason::DigestDiffers | Reason::Incomplete | Reason::Cancelled);
            let path = &wanted.path;
            observer.event(Event::Failed { path, reason, detail: "", at_peer: !is_own });
        }
    }

    /// Something else is asked for: whatever is open is not completed.
    pub(crate) fn close(&mut self, observer: &mut impl Observer) {
        self.committing = None;
        self.close_open(true);
        self.close_tree(observer);
    }

    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let synced = self.sync.is_due(self.tree.is_some());
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.place, self.sync)?;
        }
        self.limits.check_end(position.saturating_add(bytes.len() as u64))?;
        let incoming = self.open.as_mut().ok_or(Reason::Storage)?;
        incoming.write(&mut self.place, &mut self.buffer, synced, position, bytes)
    }

    fn close_open(&mut self, is_of_use: bool) -> Option<Wanted> {
        let open = self.open.take()?;
        let is_of_use = is_of_use && self.limits.may_leave(open.unfinished());
        let (wanted, left) = open.close(&mut self.place, &mut self.buffer, is_of_use);
        self.buffer.clear();
        self.leave(left);
        Some(wanted)
    }

    /// A transfer broke off.
    fn leave(&self, left: Option<Left>) {
        if let Some(left) = left {
            self.limits.leave(left);
        }
    }

    /// Closes the open file because of a failure.
    fn fail_open(&mut self, trouble: Trouble, observer: &mut impl Observer) -> Reason {
        match self.close_open(can_go_on_after(trouble.reason)) {
            Some(wanted) => self.fail(trouble, &wanted.path, observer),
            None => trouble.reason,
        }
    }

    fn fail(&mut self, trouble: Trouble, path: &str, observer: &mut impl Observer) -> Reason {
        // Where it led may have been moved away.
        self.place.forget();
        of_removed(trouble, &self.place).tell(path, observer)
    }
}

impl Drop for Inbox {
    /// Completes pending commits. Nobody is told of them any more.
    fn drop(&mut self) {
        self.close_tree(&mut |_: Event<'_>| {});
    }
}

/// A file that comes in is not found only if a directory on its way was removed meanwhile.
pub(crate) fn of_removed(trouble: Trouble, place: &Place) -> Trouble {
    match trouble.reason {
        Reason::NotFound if place.root_is_removed() => Reason::RootGone.into(),
        Reason::NotFound => Trouble::new(Reason::NotFound, "its directory was removed meanwhile"),
        _ => trouble,
    }
}
