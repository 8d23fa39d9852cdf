//! Commits that may take long. Their syncs may take minutes and run on another thread; the caller polls
//! for the result and serves the other end meanwhile.

use std::io;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::{RecvStore, report_done, stored_as};
use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::names::split;
use crate::fs::recv::deferred::FailedFile;
use crate::fs::recv::staged::Staged;
use crate::fs::sys::background::Background;
use crate::fs::sys::metadata::report_unset;

/// A pending commit. It is completed even if the other end disconnects.
#[derive(Debug)]
pub(crate) enum Committing {
    /// A lone file is made durable and put in place.
    File { work: Background<Staged>, path: String, size: u64, prefix: u64 },
    /// The names of a tree are made durable; all of its entries are in place.
    Tree { work: Background<io::Result<()>>, path: String },
}

impl RecvStore {
    /// Commits the open file or tree and closes it; called again while it is pending.
    pub(crate) fn poll_commit(
        &mut self,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Poll<Result<(), StoreError>> {
        let committing = match self.committing.take() {
            Some(committing) => committing,
            None => match self.announce_commit(observer).begin_commit(observer) {
                Ok(Some(committing)) => {
                    observer.event(Event::Completing);
                    committing
                }
                Ok(None) => return Poll::Ready(self.commit_here(sha256, observer)),
                Err((path, error)) => {
                    return Poll::Ready(Err(self.fail(error, &path, observer)));
                }
            },
        };
        let (kind, path, sizes, result) = match committing {
            Committing::File { work, path, size, prefix } => match work.poll() {
                Poll::Pending => {
                    self.committing = Some(Committing::File { work, path, size, prefix });
                    return Poll::Pending;
                }
                Poll::Ready(staged) => {
                    let result = staged.map_or(Err(Reason::Storage.into()), Staged::into_result);
                    match result {
                        Ok((other_name, metadata_set)) => {
                            let path = stored_as(&path, other_name, observer).into_owned();
                            let result = report_unset(metadata_set, &path, observer);
                            (Kind::File, path, (size, prefix), result)
                        }
                        Err(error) => (Kind::File, path, (size, prefix), Err(error)),
                    }
                }
            },
            Committing::Tree { work, path } => match work.poll() {
                Poll::Pending => {
                    self.committing = Some(Committing::Tree { work, path });
                    return Poll::Pending;
                }
                Poll::Ready(result) => {
                    let result = result.map_or(Err(Reason::Storage.into()), |it| Ok(it?));
                    (Kind::Tree, path, (0, 0), result)
                }
            },
        };
        self.cursor.report_unset(observer);
        Poll::Ready(match result {
            Ok(()) => {
                report_done(&path, kind, sizes, sha256, observer);
                Ok(())
            }
            Err(error) => Err(self.fail(error, &path, observer)),
        })
    }

    /// Completes the deferred commits. Returns the first file that could not be placed; called again while
    /// it is pending.
    pub(crate) fn poll_flush_commits(
        &mut self,
        observer: &mut impl Observer,
    ) -> Poll<Result<(), FailedFile>> {
        self.deferred.poll_flush_commits(&mut self.cursor, observer)
    }

    /// Reports a file before it is put in place.
    fn announce_commit(&mut self, observer: &mut impl Observer) -> &mut Self {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_new_file()) {
            observer.event(Event::Committing { path: &open.expected.path, size: open.size() });
        }
        self
    }

    /// Begins a commit that may take long. `None`: the open file or tree needs no such commit.
    fn begin_commit(
        &mut self,
        observer: &mut impl Observer,
    ) -> Result<Option<Committing>, (String, StoreError)> {
        let is_lone = self.tree.is_none() && self.sync.is_due(false);
        if is_lone
            && let Some(mut incoming) = self.open.take_if(|open| open.expected.kind == Kind::File)
        {
            let size = incoming.size();
            let prefix = incoming.prefix;
            let staged = incoming.stage(&mut self.cursor, &mut self.buffer, true);
            self.buffer.clear();
            self.register_partial(incoming.left.take());
            let path = incoming.expected.path;
            let prepared = staged.and_then(|(staged, _)| {
                let dir = self.cursor.made(split(&path).0, None, true);
                // Another entry may have the name since the offer.
                let looked = dir.and_then(|dir| self.cursor.look(&path).map(|_| dir));
                match looked {
                    Ok(dir) => Ok((staged, dir)),
                    Err(error) => {
                        staged.discard();
                        Err(error)
                    }
                }
            });
            let (staged, dir) = match prepared {
                Ok(prepared) => prepared,
                Err(error) => return Err((path, error)),
            };
            let (name, existing) = (split(&path).1.to_owned(), self.access.policy.existing);
            let share = incoming.share;
            let work = Background::start(move || {
                let placed = staged.put_alone(&dir, &name, existing);
                drop(share);
                placed
            });
            return Ok(Some(Committing::File { work, path, size, prefix }));
        }
        if self.open.is_none()
            && self.sync.gathers()
            && let Some(mut tree) = self.tree.take()
        {
            if let Err(error) = self.commit_tree(&mut tree, observer) {
                return Err((tree.path, error));
            }
            let volumes = self.cursor.take_volumes();
            let work = Background::start(move || volumes.finish());
            return Ok(Some(Committing::Tree { work, path: tree.path }));
        }
        Ok(None)
    }
}
