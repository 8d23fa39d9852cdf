//! Removes and renames entries for the other end.

use std::sync::Arc;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Operation, Stat};

use super::Receiving;
use crate::fs::error::StoreError;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::fs::{Direction, Event, Observer};
use crate::s3::change::{Changed, remove, rename};

/// An operation that is under way.
#[derive(Debug)]
pub(super) struct Operating {
    work: Background<Result<Changed, StoreError>>,
    direction: Direction,
    /// The path in an error.
    path: String,
}

impl Receiving {
    /// Performs an operation other than a stat; called again while it is pending.
    pub(in crate::s3) fn poll_change(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
        observer: &mut impl Observer,
    ) -> Poll<Result<Stat, StoreError>> {
        if self.operating.is_none() {
            if !self.deferred.is_empty() {
                // One of them may have the path.
                self.deferred.reap(POLL_INTERVAL, observer);
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
