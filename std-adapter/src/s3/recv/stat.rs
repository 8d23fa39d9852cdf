//! Answers questions about the entries below the client's root. The digests of directories are computed on another
//! thread.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Stat, StatQuery};

use super::Receiving;
use crate::fs::Observer;
use crate::fs::digest::Summary;
use crate::fs::digest::query::Query;
use crate::fs::digest::range::Range;
use crate::fs::digest::record::{Facts, Granularity, Parameters};
use crate::fs::error::StoreError;
use crate::fs::names::ancestors;
use crate::fs::sys::background::{Background, POLL_INTERVAL};
use crate::s3::digests::{directories, stat_file};

/// The digests of directories that are known.
#[derive(Debug, Default)]
pub(in crate::s3) struct Stats {
    /// The hashes of the entries of each directory, sorted, for the parameters of the last question.
    known: HashMap<String, Vec<u64>>,
    parameters: Option<Parameters>,
    pending: Option<Pending>,
    /// The remaining values of the index of the last answer.
    index: VecDeque<u32>,
}

#[derive(Debug)]
struct Pending {
    work: Background<Result<Answer, StoreError>>,
    path: String,
    parameters: Parameters,
    range: Range,
    /// The sender's own digest.
    digest: Option<u64>,
}

#[derive(Debug)]
enum Answer {
    File(Stat),
    /// The hashes of this directory and of those below it.
    Directories(HashMap<String, Vec<u64>>),
}

impl Stats {
    /// Something in the tree is about to change.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// The entry at a path is about to change.
    pub(super) fn forget_path(&mut self, path: &str) {
        if !self.known.is_empty() {
            self.known.remove(path);
            self.known.remove("");
            ancestors(path).for_each(|above| drop(self.known.remove(above)));
        }
    }

    /// The pending answer is not wanted any more.
    pub(super) fn cancel(&mut self) {
        self.pending = None;
    }

    pub(in crate::s3) fn next_index(&mut self) -> Option<u32> {
        self.index.pop_front()
    }

    fn answer(&mut self, summary: Summary, parameters: Parameters, digest: Option<u64>) -> Stat {
        let (stat, index) = summary.answer(parameters, digest);
        self.index = index;
        stat
    }
}

impl Receiving {
    /// All that is known may have changed.
    pub(in crate::s3) fn forget(&mut self) {
        self.stats.forget();
        self.known.forget();
    }

    /// The answer to a stat; called again while it is pending.
    pub(in crate::s3) fn poll_stat(
        &mut self,
        path: &str,
        kind: Kind,
        query: &StatQuery,
        observer: &mut impl Observer,
    ) -> Poll<Result<Stat, StoreError>> {
        if self.stats.pending.is_none() {
            if !self.deferred.is_empty() {
                self.deferred.reap(POLL_INTERVAL, observer);
                return Poll::Pending;
            }
            match self.begin_stat(path, kind, query) {
                Ok(Some(stat)) => return Poll::Ready(Ok(stat)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let Some(pending) = &self.stats.pending else { return Poll::Pending };
        let Poll::Ready(result) = pending.work.poll() else { return Poll::Pending };
        let Some(pending) = self.stats.pending.take() else { return Poll::Pending };
        let answer = result.unwrap_or_else(|| Err(Reason::Storage.into()));
        Poll::Ready(answer.map(|answer| match answer {
            Answer::File(stat) => stat,
            Answer::Directories(directories) => {
                let Pending { path, parameters, range, digest, .. } = pending;
                self.stats.known.extend(directories);
                let hashes = self.stats.known.get(&path).map(Vec::as_slice).unwrap_or_default();
                let summary = Summary::of_sorted(hashes, range);
                self.stats.answer(summary, parameters, digest)
            }
        }))
    }

    /// Answers from what is known; `None`: it is being computed.
    fn begin_stat(
        &mut self,
        path: &str,
        kind: Kind,
        query: &StatQuery,
    ) -> Result<Option<Stat>, StoreError> {
        self.stats.index.clear();
        if self.access.is_blind() {
            return Err(Reason::NoPermission.into());
        }
        if query.facts & StatQuery::SPACE != 0 {
            let detail = "the free space of an object storage is not known";
            return Err(StoreError::new(Reason::Unsupported, detail));
        }
        let digest = query.digest;
        let Query { parameters: asked, range } = Query::read(query)?;
        let path = self.path_of(path)?;
        let changes_modes = self.access.policy.changes_modes();
        let changed = if changes_modes { Facts::MODE } else { Facts::NONE };
        let kept = Facts::ALL.without(changed);
        let parameters = asked.common(kept, Granularity::NANOSECOND);
        // Of other facts the sender's digest says nothing.
        let digest = digest.filter(|_| parameters == asked);
        if self.stats.parameters != Some(parameters) || self.tree.is_none() {
            self.stats.known.clear();
            self.stats.parameters = Some(parameters);
        }
        if kind != Kind::File
            && let Some(hashes) = self.stats.known.get(&path)
        {
            let summary = Summary::of_sorted(hashes, range);
            return Ok(Some(self.stats.answer(summary, parameters, digest)));
        }
        let (access, asked_path) = (Arc::clone(&self.access), path.clone());
        let tree = self.tree.as_ref().map_or_else(|| path.clone(), |tree| tree.path.clone());
        let work = Background::start(move || match kind {
            Kind::File => stat_file(&access, &asked_path, parameters).map(Answer::File),
            Kind::Directory | Kind::Tree => {
                directories(&access, &asked_path, &tree, parameters).map(Answer::Directories)
            }
        });
        self.stats.pending = Some(Pending { work, path, parameters, range, digest });
        Ok(None)
    }
}
