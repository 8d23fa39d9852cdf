//! Removes and renames entries for the other end. A file is renamed by a copy inside the storage.

use std::sync::Arc;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Operation, Stat};

use super::Access;
use super::bucket::LONG;
use super::look::{Found, check_above, look, marker};
use super::recv::Receiving;
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::policy::Existing;
use crate::fs::sys::background::Background;
use crate::fs::{Direction, Event, Observer};

/// The maximum size of an object that S3 copies, in bytes.
const COPY_MAX: u64 = 5 << 30;

/// An operation that is under way.
#[derive(Debug)]
pub(super) struct Operating {
    work: Background<Result<Changed, StoreError>>,
    direction: Direction,
    /// The path in an error.
    path: String,
}

/// What has changed.
#[derive(Debug)]
enum Changed {
    Nothing,
    Removed(String),
    Renamed { from: String, to: String },
}

impl Receiving {
    /// Performs an operation other than a stat; called again while it is pending.
    pub(super) fn poll_change(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
        observer: &mut impl Observer,
    ) -> Poll<Result<Stat, StoreError>> {
        if self.operating.is_none() {
            if !self.deferred.is_empty() {
                // One of them may have the path.
                self.deferred.reap(crate::fs::sys::background::POLL_INTERVAL, observer);
                return Poll::Pending;
            }
            self.operating = match self.begin_change(path, kind, operation) {
                Ok(operating) => Some(operating),
                Err((error, direction)) => {
                    return Poll::Ready(Err(error.report(path, direction, observer)));
                }
            };
            self.forget();
        }
        let Some(operating) = &self.operating else { return Poll::Pending };
        let Poll::Ready(result) = operating.work.poll() else { return Poll::Pending };
        let Some(Operating { direction, path, .. }) = self.operating.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match result.unwrap_or_else(|| Err(Reason::Storage.into())) {
            Ok(changed) => {
                match &changed {
                    Changed::Nothing => {}
                    Changed::Removed(path) => observer.event(Event::Removed { path }),
                    Changed::Renamed { from, to } => {
                        observer.event(Event::Renamed { from, path: to });
                    }
                }
                Ok(Stat::default())
            }
            Err(error) => Err(error.report(&path, direction, observer)),
        })
    }

    fn begin_change(
        &self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Operating, (StoreError, Direction)> {
        let access = Arc::clone(&self.access);
        match *operation {
            Operation::Remove => {
                let direction = Direction::Removing;
                let path = self.changeable(path).map_err(|error| (error, direction))?;
                let target = path.clone();
                let work = Background::start(move || remove(&access, target, kind));
                Ok(Operating { work, direction, path })
            }
            Operation::Rename { from } => {
                let direction = Direction::Renaming;
                let paths =
                    self.changeable(from).and_then(|from| Ok((from, self.changeable(path)?)));
                let (from, to) = paths.map_err(|error| (error, direction))?;
                let path = from.clone();
                let work = Background::start(move || rename(&access, from, to));
                Ok(Operating { work, direction, path })
            }
            _ => {
                let detail = "an object storage has no links";
                Err((StoreError::new(Reason::Unsupported, detail), Direction::Receiving))
            }
        }
    }

    /// The path below the client's root, if the client may change it.
    fn changeable(&self, path: &str) -> Result<String, StoreError> {
        if !self.access.may_remove {
            return Err(Reason::NotAllowed.into());
        }
        let path = self.path_of(path)?;
        if path.is_empty() { Err(Reason::BadPath.into()) } else { Ok(path) }
    }
}

fn remove(access: &Access, path: String, kind: Kind) -> Result<Changed, StoreError> {
    let (bucket, whole) = (&*access.bucket, access.whole(&path));
    let key = bucket.key(&whole);
    if kind == Kind::File {
        return match look(bucket, &whole, LONG)? {
            Found::Missing => Ok(Changed::Nothing),
            Found::Directory => Err(Reason::IsDirectory.into()),
            Found::File(_) => {
                bucket.delete(&key, LONG)?;
                Ok(Changed::Removed(path))
            }
        };
    }
    let marker = marker(&key);
    let page = bucket.list(&marker, false, None, 2, LONG)?;
    if page.objects.is_empty() {
        return match bucket.head(&key, LONG)? {
            Some(_) => Err(Reason::NotDirectory.into()),
            None => Ok(Changed::Nothing),
        };
    }
    if page.objects.iter().any(|object| object.key != marker) {
        return Err(Reason::NotEmpty.into());
    }
    bucket.delete(&marker, LONG)?;
    Ok(Changed::Removed(path))
}

fn rename(access: &Access, from: String, to: String) -> Result<Changed, StoreError> {
    let bucket = &*access.bucket;
    let (source, target) = (access.whole(&from), access.whole(&to));
    let at_target = look(bucket, &target, LONG)?;
    let facts = match look(bucket, &source, LONG)? {
        Found::File(facts) => facts,
        Found::Directory => {
            let detail = "an object storage cannot rename a directory; put its files to the new path and remove the old ones";
            return Err(StoreError::new(Reason::NotAllowed, detail));
        }
        // It was renamed before, and the answer was lost.
        Found::Missing => {
            return match at_target {
                Found::Missing => Err(Reason::NotFound.into()),
                _ => Ok(Changed::Nothing),
            };
        }
    };
    match at_target {
        Found::Directory => return Err(Reason::IsDirectory.into()),
        Found::File(_) if access.policy.existing != Existing::Replace => {
            let detail = "a file of that name exists, and this server does not replace it";
            return Err(StoreError::new(Reason::Exists, detail));
        }
        _ if facts.size > COPY_MAX => {
            let detail = "S3 copies no object above 5 GiB, and renames by a copy; put the file to the new path";
            return Err(StoreError::new(Reason::NotAllowed, detail));
        }
        Found::Missing | Found::File(_) => {}
    }
    check_above(bucket, &target, &access.root, LONG)?;
    let above = split(&target).0;
    if look(bucket, above, LONG)? == Found::Missing {
        let detail = format!("the directory \"{}\" does not exist", split(&to).0.escape_debug());
        return Err(StoreError::new(Reason::NotFound, &detail));
    }
    let (source, target) = (bucket.key(&source), bucket.key(&target));
    if source != target {
        bucket.copy(&source, &target, None, LONG)?;
        bucket.delete(&source, LONG)?;
    }
    Ok(Changed::Renamed { from, to })
}
