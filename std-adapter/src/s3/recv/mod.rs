//! Receives: the open file and the open tree. Requests run on other threads; the session polls for their results.

mod committing;
mod opening;
mod operate;
mod stat;

use std::sync::Arc;

use tinyferry_core::error::Reason;

use self::operate::Operating;
use self::stat::Stats;
use super::Access;
use super::deferred::Deferred;
use super::done::Done;
use super::facts::Attributes;
use super::look::Known;
use super::looked::Looked;
use super::upload::Uploading;
use crate::fs::error::StoreError;
use crate::fs::names::{self, join};
use crate::fs::sys::background::Background;
use crate::fs::{Direction, Event, Observer};

/// Receives into a bucket.
#[derive(Debug)]
pub(in crate::s3) struct Receiving {
    access: Arc<Access>,
    /// The path of the open tree.
    tree: Option<Tree>,
    known: Known,
    looking: Option<Background<Result<Looked, StoreError>>>,
    open: Option<Open>,
    committing: Option<(Background<Result<(), StoreError>>, Done)>,
    pub(in crate::s3) deferred: Deferred,
    operating: Option<Operating>,
    pub(in crate::s3) stats: Stats,
}

#[derive(Debug)]
struct Tree {
    path: String,
    attributes: Attributes,
    entries: u64,
}

/// The open entry.
#[derive(Debug)]
enum Open {
    File { done: Done, content: Content },
    Directory { done: Done, attributes: Attributes, is_in_place: bool },
}

#[derive(Debug)]
enum Content {
    /// The same file is in place; `Some`: it gets these attributes.
    Same {
        crc64: u64,
        /// Of that file.
        etag: String,
        attributes: Option<Attributes>,
    },
    New {
        uploading: Box<Uploading>,
        crc64: u64,
    },
}

impl Receiving {
    pub(in crate::s3) fn new(access: Arc<Access>) -> Self {
        Self {
            access,
            tree: None,
            known: Known::default(),
            looking: None,
            open: None,
            committing: None,
            deferred: Deferred::default(),
            operating: None,
            stats: Stats::default(),
        }
    }

    pub(in crate::s3) fn is_receiving(&self) -> bool {
        self.open.is_some()
    }

    /// The path below the client's root.
    fn path_of(&self, path: &str) -> Result<String, StoreError> {
        names::check(path)?;
        Ok(join(self.tree.as_ref().map_or("", |tree| &tree.path), path))
    }

    pub(in crate::s3) fn is_ready(&mut self) -> bool {
        match &mut self.open {
            Some(Open::File { content: Content::New { uploading, .. }, .. }) => {
                uploading.is_ready()
            }
            _ => true,
        }
    }

    pub(in crate::s3) fn store(
        &mut self,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        let Some(Open::File { done, content: Content::New { uploading, .. } }) = &mut self.open
        else {
            return Err(Reason::Storage.into());
        };
        let end = uploading.length.saturating_add(bytes.len() as u64);
        let taken = self.access.limits.check_end(end).and_then(|()| Ok(uploading.take(bytes)?));
        match taken {
            Ok(count) => {
                observer.event(Event::Moved { bytes: count as u64 });
                Ok(count)
            }
            Err(error) => {
                let path = done.path.clone();
                self.close(true);
                Err(error.report(&path, Direction::Receiving, observer))
            }
        }
    }

    /// The CRC-64 of the part that was in the storage.
    pub(in crate::s3) fn prefix_digest(&self) -> Option<u64> {
        match &self.open {
            Some(Open::File { content: Content::New { crc64, .. }, .. }) => Some(*crc64),
            Some(Open::File { content: Content::Same { crc64, .. }, .. }) => Some(*crc64),
            _ => None,
        }
    }

    /// Closes the open file. `keeps`: what came is kept for a resume.
    fn close(&mut self, keeps: bool) {
        self.looking = None;
        if let Some(Open::File { content: Content::New { uploading, .. }, .. }) = self.open.take() {
            uploading.abandon(keeps);
        }
    }

    pub(in crate::s3) fn abandon(
        &mut self,
        reason: Reason,
        all: bool,
        given_up: Option<&str>,
        observer: &mut impl Observer,
    ) {
        let path = match &self.open {
            Some(Open::File { done, .. } | Open::Directory { done, .. }) => Some(done.path.clone()),
            None => self.tree.as_ref().filter(|_| all).map(|tree| tree.path.clone()),
        };
        self.close(!reason.wants_reoffer());
        self.operating = None;
        self.committing = None;
        self.stats.cancel();
        if all {
            self.tree = None;
            self.deferred.end_tree();
        }
        if let Some(path) = path
            && !reason.wants_reoffer()
        {
            let (path, direction, at_peer) =
                (path.as_str(), Direction::Receiving, given_up.is_some());
            let detail = given_up.unwrap_or_default();
            observer.event(Event::Failed { path, direction, reason, detail, at_peer });
        }
    }
}
