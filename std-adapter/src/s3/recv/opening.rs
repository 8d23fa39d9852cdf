//! Opens an offer: looks at its path on another thread, and answers how much of it is in place.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer};

use super::{Content, Open, Receiving, Tree};
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::policy::Existing;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::fs::{Direction, Event, Observer};
use crate::s3::done::Done;
use crate::s3::facts::{Attributes, Facts};
use crate::s3::look::{Found, Knowledge, Name};
use crate::s3::looked::{Looked, look_at};
use crate::s3::objects::COPY_MAX;
use crate::s3::upload::Uploading;

impl Receiving {
    /// Opens an offer; called again while it is pending.
    pub(in crate::s3) fn poll_offer(
        &mut self,
        offer: &Offer<'_>,
        observer: &mut impl Observer,
    ) -> Poll<Result<Accepted, StoreError>> {
        if self.looking.is_none() {
            match self.begin(offer, observer) {
                Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(self.failed(error, offer, observer))),
            }
        }
        let Some(looking) = &self.looking else { return Poll::Pending };
        let Poll::Ready(looked) = looking.poll() else { return Poll::Pending };
        self.looking = None;
        let looked = looked.unwrap_or_else(|| Err(Reason::Storage.into()));
        let opened = looked.and_then(|looked| self.opened(offer, looked, observer));
        Poll::Ready(opened.map_err(|error| self.failed(error, offer, observer)))
    }

    fn failed(
        &mut self,
        error: StoreError,
        offer: &Offer<'_>,
        observer: &mut impl Observer,
    ) -> StoreError {
        let path = self.path_of(offer.path).unwrap_or_else(|_| offer.path.to_owned());
        error.report(&path, Direction::Receiving, observer)
    }

    /// Checks an offer and begins to look at its path. An answer that needs no request comes at once; neither: it is to
    /// be called again.
    fn begin(
        &mut self,
        offer: &Offer<'_>,
        observer: &mut impl Observer,
    ) -> Result<Option<Accepted>, StoreError> {
        if offer.kind == Kind::Tree {
            self.tree = None;
            self.forget();
            self.deferred.end_tree();
        }
        self.close(true);
        if offer.kind == Kind::File && offer.path.is_empty() {
            return Err(Reason::BadPath.into());
        }
        let path = self.path_of(offer.path)?;
        // An upload of the same name must not pass this one.
        self.deferred.reap(Duration::ZERO, observer);
        if self.deferred.has(&path) {
            self.deferred.reap(POLL_INTERVAL, observer);
            return Ok(None);
        }
        let entry = self.tree.as_mut().map_or(0, |tree| {
            tree.entries += 1;
            tree.entries
        });
        let file_size = if offer.kind == Kind::File { offer.size } else { None };
        self.access.limits.check(&path, file_size, entry)?;
        if offer.names_only {
            return Ok(Some(Accepted { prefix: 0, in_order: true }));
        }
        let (above, name) = split(&path);
        let (over, last) = split(above);
        if self.tree.as_ref().is_some_and(|tree| tree.path != above)
            && self.known.about(over, last) == Knowledge::Is(Name::File)
        {
            return Err(Reason::NotDirectory.into());
        }
        let knowledge = match self.tree {
            Some(_) => self.known.about(above, name),
            None => Knowledge::TooMany,
        };
        let access = Arc::clone(&self.access);
        let target = self.access.target(&path, offer);
        let (kind, resume) = (offer.kind, offer.resume);
        let lists = self.tree.is_some();
        self.looking = Some(Background::start(move || {
            look_at(&access, &path, kind, resume, &target, (knowledge, lists))
        }));
        Ok(None)
    }

    fn opened(
        &mut self,
        offer: &Offer<'_>,
        looked: Looked,
        observer: &mut impl Observer,
    ) -> Result<Accepted, StoreError> {
        let path = self.path_of(offer.path)?;
        let (kind, size, direction) = (offer.kind, offer.size, Direction::Receiving);
        if let Some(listed) = looked.listed {
            self.known.learn(split(&path).0, listed);
        }
        let target = self.access.target(&path, offer);
        let attributes = target.attributes;
        let is_alone = kind == Kind::Directory && offer.modified.is_none() && offer.mode.is_none();
        let (commit_id, prefix) = (offer.commit_id, 0);
        let mut done = Done { path, kind, size: size.unwrap_or(0), prefix, is_alone, commit_id };
        let (open, prefix) = match (kind, looked.found) {
            (Kind::File, Found::Directory) => return Err(Reason::IsDirectory.into()),
            (Kind::Directory | Kind::Tree, Found::File(_)) => {
                return Err(Reason::NotDirectory.into());
            }
            (Kind::Tree, _) => {
                self.tree = Some(Tree { path: done.path.clone(), attributes, entries: 0 });
                (None, 0)
            }
            (Kind::Directory, found) => {
                let is_in_place = looked.marker.is_some_and(|it| it.attributes == attributes);
                done.is_alone &= found == Found::Missing;
                (Some(Open::Directory { done: done.clone(), attributes, is_in_place }), 0)
            }
            (Kind::File, found) => {
                let same = match &found {
                    Found::File(facts) => self.same(offer, facts, attributes),
                    _ => None,
                };
                let content = match (same, found) {
                    (Some(content), _) => {
                        done.prefix = done.size;
                        content
                    }
                    (None, Found::File(_)) if self.access.policy.existing != Existing::Replace => {
                        let detail =
                            "a file of that name exists, and this server does not replace it";
                        return Err(StoreError::new(Reason::Exists, detail));
                    }
                    (None, _) => {
                        let resumed = looked.resumed;
                        done.prefix = resumed.as_ref().map_or(0, |resumed| resumed.length);
                        let crc64 = resumed.as_ref().map_or(0, |resumed| resumed.crc64);
                        let uploading = Box::new(Uploading::new(target, resumed));
                        Content::New { uploading, crc64 }
                    }
                };
                let prefix = done.prefix;
                (Some(Open::File { done: done.clone(), content }), prefix)
            }
        };
        self.open = open;
        self.stats.forget_path(&done.path);
        let path = &done.path;
        observer.event(Event::Begin { path, kind, size, prefix, direction });
        Ok(Accepted { prefix, in_order: true })
    }

    /// The file in place, if it seems to be the offered one, and the client may learn that.
    fn same(&self, offer: &Offer<'_>, facts: &Facts, attributes: Attributes) -> Option<Content> {
        let crc64 = facts.crc64?;
        let is_like = offer.size == Some(facts.size)
            && facts.size > 0
            && offer.resume >= facts.size
            && attributes.modified.is_some()
            && facts.attributes.modified == attributes.modified;
        let is_readable = !self.access.is_blind();
        let is_set = facts.attributes == attributes;
        // S3 copies no larger object onto itself.
        let attributes = (!is_set && facts.size <= COPY_MAX).then_some(attributes);
        let etag = facts.etag.clone();
        (is_like && is_readable).then_some(Content::Same { crc64, etag, attributes })
    }
}
