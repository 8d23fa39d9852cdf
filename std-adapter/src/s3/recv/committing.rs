//! Puts the open entry in place: on another thread, and for small files of a tree several at once.

use std::sync::Arc;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::{Content, Open, Receiving, Tree};
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::policy::Existing;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::fs::{Direction, Event, Observer};
use crate::s3::Access;
use crate::s3::bucket::LONG;
use crate::s3::done::Done;
use crate::s3::facts::Attributes;
use crate::s3::fault::Fault;
use crate::s3::look::{Name, marker};
use crate::s3::objects::Put;
use crate::s3::target::PART;

impl Receiving {
    /// Puts the open entry in place and closes it; called again while it is pending.
    pub(in crate::s3) fn poll_commit(
        &mut self,
        crc64: u64,
        observer: &mut impl Observer,
    ) -> Poll<Result<(), StoreError>> {
        if self.committing.is_none() {
            let defers = match &self.open {
                Some(Open::File { done, .. }) => {
                    done.commit_id.is_some() && done.size <= PART as u64
                }
                Some(Open::Directory { done, .. }) => done.commit_id.is_some(),
                // All entries of a tree are in place before the tree is.
                None if !self.deferred.is_empty() => {
                    self.deferred.reap(POLL_INTERVAL, observer);
                    return Poll::Pending;
                }
                None => false,
            };
            if defers && !self.deferred.has_room(observer) {
                return Poll::Pending;
            }
            let Some((done, work)) = self.work(crc64) else {
                return Poll::Ready(Err(Reason::Storage.into()));
            };
            let (above, name) = split(&done.path);
            let kind = if done.kind == Kind::File { Name::File } else { Name::Directory };
            self.known.add(above, name, kind);
            match work {
                None => {
                    done.report(observer);
                    return Poll::Ready(Ok(()));
                }
                Some(work) if defers => {
                    self.deferred.add(done, work);
                    return Poll::Ready(Ok(()));
                }
                Some(work) => {
                    observer.event(Event::Completing);
                    self.committing = Some((work, done));
                }
            }
        }
        let Some((work, _)) = &self.committing else { return Poll::Pending };
        let Poll::Ready(result) = work.poll() else { return Poll::Pending };
        let Some((_, done)) = self.committing.take() else { return Poll::Pending };
        let result = result.unwrap_or_else(|| Err(Reason::Storage.into()));
        Poll::Ready(match result {
            Ok(()) => {
                done.report(observer);
                Ok(())
            }
            Err(error) => Err(error.report(&done.path, Direction::Receiving, observer)),
        })
    }

    /// Takes the open entry, or else the open tree, and begins the requests that put it in place, if it needs some.
    #[expect(clippy::type_complexity, reason = "the result of one call")]
    fn work(&mut self, crc64: u64) -> Option<(Done, Option<Background<Result<(), StoreError>>>)> {
        let access = Arc::clone(&self.access);
        match self.open.take() {
            Some(Open::File { mut done, content: Content::New { uploading, .. } }) => {
                done.size = uploading.length;
                let is_new = access.policy.existing != Existing::Replace;
                let work = move || uploading.finish(crc64).map_err(|fault| stored(fault, is_new));
                Some((done, Some(Background::start(work))))
            }
            Some(Open::File { done, content: Content::Same { etag, attributes, .. } }) => {
                let key = access.key(&done.path);
                let work = attributes.map(|attributes| {
                    let copy =
                        move || access.bucket.copy((&key, &etag), &key, Some(attributes), LONG);
                    Background::start(move || Ok(copy()?))
                });
                Some((done, work))
            }
            Some(Open::Directory { done, attributes, is_in_place }) => {
                let work = (!is_in_place).then(|| mark(access, &done.path, attributes));
                Some((done, work))
            }
            None => {
                let Tree { path, attributes, .. } = self.tree.take()?;
                let work = (!path.is_empty()).then(|| mark(access, &path, attributes));
                let kind = Kind::Tree;
                let (is_alone, commit_id) = (false, None);
                Some((Done { path, kind, size: 0, prefix: 0, is_alone, commit_id }, work))
            }
        }
    }
}

/// The error of a file that could not be put in place.
fn stored(fault: Fault, is_new: bool) -> StoreError {
    if is_new && fault.is(412) {
        let detail =
            "a file of that name has appeared meanwhile, and this server does not replace it";
        return StoreError::new(Reason::Exists, detail);
    }
    fault.into()
}

/// Makes the marker of a directory.
fn mark(
    access: Arc<Access>,
    path: &str,
    attributes: Attributes,
) -> Background<Result<(), StoreError>> {
    let key = marker(&access.key(path));
    Background::start(move || {
        let (key, body) = (key.as_str(), [].as_slice());
        let put = Put { key, body, crc64: 0, attributes, replaces: true };
        Ok(access.bucket.put(&put, LONG)?)
    })
}
