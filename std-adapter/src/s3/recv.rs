//! Receives: the open file and the open tree. Requests run on other threads; the session polls for their results.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer};

use super::bucket::{Bucket, LONG};
use super::deferred::Deferred;
use super::facts::{Attributes, Facts};
use super::fault::Fault;
use super::look::{Found, Knowledge, Known, Name, check_above, look, marker, names};
use super::objects::Put;
use super::operate::Operating;
use super::resume::{self, Resumed};
use super::stat::Stats;
use super::upload::{PART, RECORDED_MIN, Target, Uploading};
use super::{Access, partial};
use crate::fs::error::StoreError;
use crate::fs::names::{self as paths, join, split};
use crate::fs::policy::Existing;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::fs::{Direction, Event, Observer};

/// Receives into a bucket.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) access: Arc<Access>,
    /// The path of the open tree.
    pub(super) tree: Option<Tree>,
    known: Known,
    looking: Option<Background<Result<Looked, StoreError>>>,
    open: Option<Open>,
    committing: Option<(Background<Result<(), StoreError>>, Done)>,
    pub(super) deferred: Deferred,
    pub(super) operating: Option<Operating>,
    pub(super) stats: Stats,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) path: String,
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
        attributes: Option<Attributes>,
    },
    New {
        uploading: Box<Uploading>,
        crc64: u64,
    },
}

/// What is reported when an entry is in place.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) prefix: u64,
    /// Whether a client made the directory by itself.
    pub(super) is_alone: bool,
    /// The number of the commit, if it may be deferred.
    pub(super) commit_id: Option<u16>,
}

impl Done {
    pub(super) fn report(&self, observer: &mut impl Observer) {
        let Self { path, kind, size, prefix, is_alone, .. } = self;
        let (kind, size, prefix) = (*kind, *size, *prefix);
        observer.event(Event::Done { path, kind, size, prefix, sha256: None });
        if *is_alone {
            observer.event(Event::Made { path });
        }
    }
}

/// What is at the path of an offer.
#[derive(Debug)]
struct Looked {
    found: Found,
    /// The directory's marker, for the offer of a directory.
    marker: Option<Facts>,
    resumed: Option<Resumed>,
    /// The names of the directory above, if they were listed.
    listed: Option<Option<HashMap<String, Name>>>,
}

/// A path of the other end that is sound.
fn sound(path: &str) -> Result<(), StoreError> {
    paths::check(path)
}

impl Receiving {
    pub(super) fn new(access: Arc<Access>) -> Self {
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

    /// The names of directories may have changed.
    pub(super) fn forget_names(&mut self) {
        self.known.forget();
    }

    pub(super) fn is_receiving(&self) -> bool {
        self.open.is_some()
    }

    /// The path below the client's root.
    pub(super) fn path_of(&self, path: &str) -> Result<String, StoreError> {
        sound(path)?;
        Ok(join(self.tree.as_ref().map_or("", |tree| &tree.path), path))
    }

    /// Opens an offer; called again while it is pending.
    pub(super) fn poll_offer(
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
            self.stats.forget();
            self.known.forget();
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
        let attributes = (!is_set && facts.size < 5 << 30).then_some(attributes);
        (is_like && is_readable).then_some(Content::Same { crc64, attributes })
    }

    pub(super) fn is_ready(&mut self) -> bool {
        match &mut self.open {
            Some(Open::File { content: Content::New { uploading, .. }, .. }) => {
                uploading.is_ready()
            }
            _ => true,
        }
    }

    pub(super) fn store(
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
    pub(super) fn prefix_digest(&self) -> Option<u64> {
        match &self.open {
            Some(Open::File { content: Content::New { crc64, .. }, .. }) => Some(*crc64),
            Some(Open::File { content: Content::Same { crc64, .. }, .. }) => Some(*crc64),
            _ => None,
        }
    }

    /// Puts the open entry in place and closes it; called again while it is pending.
    pub(super) fn poll_commit(
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
            match (done.commit_id, work) {
                (_, None) => {
                    done.report(observer);
                    return Poll::Ready(Ok(()));
                }
                (Some(commit_id), Some(work)) if defers => {
                    self.deferred.add(commit_id, done, work);
                    return Poll::Ready(Ok(()));
                }
                (_, Some(work)) => {
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
            Some(Open::File { done, content: Content::Same { attributes, .. } }) => {
                let key = access.key(&done.path);
                let work = attributes.map(|attributes| {
                    Background::start(move || {
                        Ok(access.bucket.copy(&key, &key, Some(attributes), LONG)?)
                    })
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

    /// Closes the open file. `keeps`: what came is kept for a resume.
    fn close(&mut self, keeps: bool) {
        self.looking = None;
        if let Some(Open::File { content: Content::New { uploading, .. }, .. }) = self.open.take() {
            uploading.abandon(keeps);
        }
    }

    pub(super) fn abandon(
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
        if all {
            self.tree = None;
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

/// The requests about an offer.
fn look_at(
    access: &Access,
    path: &str,
    kind: Kind,
    resume: u64,
    target: &Target,
    (mut knowledge, lists): (Knowledge, bool),
) -> Result<Looked, StoreError> {
    let bucket: &Bucket = &access.bucket;
    let (whole, root) = (access.whole(path), access.root.as_str());
    let (above, name) = split(path);
    let mut listed = None;
    if knowledge == Knowledge::Unlisted {
        let names = names(bucket, &access.whole(above), LONG)?;
        knowledge = match &names {
            None => Knowledge::TooMany,
            Some(names) => names.get(name).map_or(Knowledge::Missing, |name| Knowledge::Is(*name)),
        };
        listed = Some(names);
    }
    let found = match knowledge {
        Knowledge::Missing => Found::Missing,
        Knowledge::Is(Name::Directory) if kind == Kind::Directory => Found::Directory,
        // Some storages list a directory from which all was removed.
        Knowledge::Is(_) | Knowledge::Unlisted | Knowledge::TooMany => look(bucket, &whole, LONG)?,
    };
    if !lists {
        check_above(bucket, &whole, root, LONG)?;
    }
    let marker = match (kind, &found) {
        (Kind::Directory, Found::Directory) if !whole.is_empty() => {
            bucket.head(&marker(&bucket.key(&whole)), LONG)?
        }
        _ => None,
    };
    let may_be_recorded = target.size.is_none_or(|size| size >= RECORDED_MIN);
    let resumed = match (kind, &found) {
        (Kind::File, Found::Missing | Found::File(_)) if may_be_recorded => {
            resume::find(target, resume, access.is_blind())?
        }
        _ => None,
    };
    Ok(Looked { found, marker, resumed, listed })
}

impl Access {
    /// The object that an offered file becomes.
    fn target(&self, path: &str, offer: &Offer<'_>) -> Target {
        let mode = self.policy.mode(offer.kind, offer.mode);
        Target {
            bucket: Arc::clone(&self.bucket),
            key: self.key(path),
            record: self.bucket.key(&partial::path_of(&self.whole(path))),
            attributes: Attributes {
                modified: offer.modified,
                mode: mode.map(|mode| mode & 0o777),
            },
            owner: self.owner.clone(),
            replaces: self.policy.existing == Existing::Replace,
            size: offer.size,
        }
    }
}
