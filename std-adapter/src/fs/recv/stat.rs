//! Answers questions about the entries below the root. A digest may take minutes: it is computed on another thread.

use std::collections::VecDeque;
use std::task::Poll;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Stat, StatQuery};

use super::RecvStore;
use crate::fs::digest::Summary;
use crate::fs::digest::cancel::Cancel;
use crate::fs::digest::kept::Kept;
use crate::fs::digest::query::Query;
use crate::fs::digest::record::{Facts, Granularity, Parameters};
use crate::fs::digest::tree::TreeDigests;
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::filter::Exclusion;
use crate::fs::names::{self, join, split};
use crate::fs::sys::background::Background;
use crate::fs::sys::dir_cursor::Found;
use crate::fs::sys::metadata::FileMetadata;
use crate::fs::sys::space::Space;

/// The digests of the tree that is open, and the one that is being computed.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Whether the other end may ask.
    is_allowed: bool,
    /// `None` while they are on the other thread.
    digests: Option<TreeDigests>,
    /// The facts that the file system of the target keeps.
    kept: Option<Kept>,
    pending: Option<Pending>,
    /// The remaining values of the index of the last answer.
    index: VecDeque<u32>,
    /// The entries of a tree that are neither received nor counted.
    exclusion: Exclusion,
}

#[derive(Debug)]
struct Pending {
    work: Background<(TreeDigests, Result<Summary, StoreError>)>,
    cancel: Cancel,
    parameters: Parameters,
    /// The sender's own digest.
    digest: Option<u64>,
}

impl Stats {
    /// Leaves these entries out of all digests.
    pub(crate) fn exclude(&mut self, exclusion: Exclusion) {
        self.exclusion = exclusion;
        self.digests = None;
    }

    /// Whether an entry of the tree is left out.
    pub(crate) fn excludes(&self, path: &str, is_directory: bool) -> bool {
        self.exclusion.excludes(path, is_directory)
    }

    /// Something in the tree is about to change.
    pub(crate) fn forget(&mut self) {
        if let Some(digests) = &mut self.digests {
            digests.forget();
        }
    }

    /// The entry at a path is about to change.
    pub(crate) fn forget_path(&mut self, path: &str) {
        if let Some(digests) = &mut self.digests {
            digests.forget_path(path);
        }
    }

    /// The answer about a directory; `digest`: the sender's own.
    fn answer(&mut self, summary: Summary, parameters: Parameters, digest: Option<u64>) -> Stat {
        let (stat, index) = summary.answer(parameters, digest);
        self.index = index;
        stat
    }

    /// Cancels the pending answer.
    pub(crate) fn cancel(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.cancel.cancel();
        }
    }

    /// Frees the digests between two requests.
    pub(crate) fn free_buffers(&mut self) {
        if self.pending.is_none() {
            (self.digests, self.kept, self.index) = (None, None, VecDeque::new());
        }
    }

    /// Another tree begins.
    pub(crate) fn begin_tree(&mut self) {
        self.cancel();
        self.forget();
        self.kept = None;
    }
}

impl RecvStore {
    /// The next value of the index of the last answer.
    pub(crate) fn next_index(&mut self) -> Option<u32> {
        self.stats.index.pop_front()
    }

    /// Allows the other end to ask about the entries below the root.
    pub(crate) fn allow_stat(&mut self) {
        self.stats.is_allowed = true;
    }

    /// The answer to a stat; called again while it is pending.
    pub(crate) fn poll_stat(
        &mut self,
        path: &str,
        kind: Kind,
        query: &StatQuery,
        observer: &mut impl Observer,
    ) -> Poll<Result<Stat, StoreError>> {
        if let Some(pending) = &self.stats.pending {
            return match pending.work.poll() {
                Poll::Pending => Poll::Pending,
                Poll::Ready(done) => Poll::Ready(self.digested(done)),
            };
        }
        self.finish_commits(observer);
        match self.begin_stat(path, kind, query) {
            Ok(Some(stat)) => Poll::Ready(Ok(stat)),
            Ok(None) => self.poll_stat(path, kind, query, observer),
            Err(error) => {
                self.cursor.forget();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Answers for a file; begins to compute the digest of a directory.
    fn begin_stat(
        &mut self,
        path: &str,
        kind: Kind,
        query: &StatQuery,
    ) -> Result<Option<Stat>, StoreError> {
        self.stats.index.clear();
        let digest = query.digest;
        // A client that may only write learns whether there is room for its files.
        let is_space = query.facts & StatQuery::SPACE != 0 && path.is_empty();
        if !self.stats.is_allowed && !is_space {
            return Err(Reason::NoPermission.into());
        }
        let Query { parameters: asked, range } = Query::read(query)?;
        let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
        names::check(path)?;
        let in_tree = path.to_owned();
        let path = match (&self.tree, &self.target) {
            // A lone file has the path of the target, not that of the other end.
            (None, Some(target)) => target.clone(),
            _ => join(tree, path),
        };
        if kind == Kind::File {
            return self.stat_file(&path, asked.facts, asked.granularity).map(Some);
        }
        let Some(dir) = self.cursor.existing(&path)? else { return Err(Reason::NotFound.into()) };
        let kept = self.kept(&dir);
        if query.facts & StatQuery::SPACE != 0 {
            let Space { free, total } = Space::of(&dir).ok_or(Reason::Unsupported)?;
            let granularity = asked.granularity.max(kept.granularity).code();
            return Ok(Some(Stat {
                size: free,
                value: total,
                facts: StatQuery::SPACE,
                granularity,
            }));
        }
        let parameters = asked.common(kept.facts, kept.granularity);
        let cancel = Cancel::default();
        let (theirs, query) = (cancel.clone(), Query { parameters, range });
        // Of other facts the sender's digest says nothing.
        let digest = digest.filter(|_| parameters == asked);
        // The digests that are known have their paths below the root of a tree.
        if self.tree.is_none() {
            self.stats.forget();
        }
        let exclusion = &self.stats.exclusion;
        let mut digests =
            self.stats.digests.take().unwrap_or_else(|| TreeDigests::excluding(exclusion));
        if let Some(summary) = digests.known(&in_tree, query) {
            let answer = self.stats.answer(summary, parameters, digest);
            self.stats.digests = Some(digests);
            return Ok(Some(answer));
        }
        let work = Background::start(move || {
            let result = digests.summary(&dir, &in_tree, query, &theirs);
            (digests, result)
        });
        self.stats.pending = Some(Pending { work, cancel, parameters, digest });
        Ok(None)
    }

    /// The facts that this end keeps.
    fn kept(&mut self, dir: &Dir) -> Kept {
        let Kept { facts, granularity } =
            *self.stats.kept.get_or_insert_with(|| Kept::of_target(dir));
        let changed = if self.access.policy.changes_modes() { Facts::MODE } else { Facts::NONE };
        Kept { facts: facts.without(changed), granularity }
    }

    fn stat_file(
        &mut self,
        path: &str,
        asked: Facts,
        granularity: Granularity,
    ) -> Result<Stat, StoreError> {
        let (above, _) = split(path);
        let Some(dir) = self.cursor.existing(above)? else { return Err(Reason::NotFound.into()) };
        // A name that the file system takes for this one is another file.
        let metadata = match self.cursor.look(path)? {
            Found::File(metadata) => FileMetadata::of(&metadata),
            Found::Missing => return Err(Reason::NotFound.into()),
            Found::Directory(_) => return Err(Reason::IsDirectory.into()),
            Found::Other(what) => return Err(what),
        };
        let kept = self.kept(&dir);
        // The content of a file by itself is compared by an offer.
        let facts = asked.and(kept.facts).without(Facts::CONTENT).without(Facts::LINKS);
        Ok(Stat {
            size: metadata.size,
            value: metadata.modified.unwrap_or(i64::MIN).cast_unsigned(),
            facts: facts.bits(),
            granularity: granularity.max(kept.granularity).code(),
        })
    }

    fn digested(
        &mut self,
        done: Option<(TreeDigests, Result<Summary, StoreError>)>,
    ) -> Result<Stat, StoreError> {
        let Some(pending) = self.stats.pending.take() else { return Err(Reason::Storage.into()) };
        let Some((digests, result)) = done else { return Err(Reason::Storage.into()) };
        self.stats.digests = Some(digests);
        Ok(self.stats.answer(result?, pending.parameters, pending.digest))
    }
}
