//! Answers questions about the entries below the client's root. The digests of directories are those of
//! [`crate::fs::digest`], over the facts of objects; they are computed on another thread.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::task::Poll;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Stat, StatQuery};

use super::Access;
use super::ahead::fetch;
use super::bucket::LONG;
use super::facts::Facts as ObjectFacts;
use super::listing::{Listed, PAGE};
use super::look::{Found, inside, look, marker};
use super::recv::Receiving;
use crate::fs::Observer;
use crate::fs::digest::range::Range;
use crate::fs::digest::record::{Facts, FileFacts, Granularity, Parameters};
use crate::fs::digest::{Summary, Total};
use crate::fs::error::StoreError;
use crate::fs::names::{ancestors, can_be_sent, join, split};
use crate::fs::sys::background::{Background, POLL_INTERVAL};

/// The digests of directories that are known.
#[derive(Debug, Default)]
pub(super) struct Stats {
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

    pub(super) fn next_index(&mut self) -> Option<u32> {
        self.index.pop_front()
    }

    fn answer(&mut self, parameters: Parameters, digest: Option<u64>, summary: Summary) -> Stat {
        let Summary { total, index } = summary;
        if digest.is_some_and(|theirs| theirs != total.digest) {
            self.index = index.unwrap_or_default().into();
        }
        Stat {
            size: total.entries,
            value: total.digest,
            facts: parameters.facts.bits(),
            granularity: parameters.granularity.code(),
        }
    }
}

impl Receiving {
    /// All that is known may have changed.
    pub(super) fn forget(&mut self) {
        self.stats.forget();
        self.forget_names();
    }

    /// The answer to a stat; called again while it is pending.
    pub(super) fn poll_stat(
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
                self.stats.answer(parameters, digest, summary)
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
        let (Some(range), Some(granularity)) =
            (Range::new(query.bits, query.prefix), Granularity::from_code(query.granularity))
        else {
            return Err(Reason::Unsupported.into());
        };
        let path = self.path_of(path)?;
        let asked = Facts::from_bits(query.facts);
        let asked = Parameters { facts: asked, granularity, salt: query.salt };
        let changes_modes = self.access.policy.changes_modes();
        let changed = if changes_modes { Facts::MODE } else { Facts::NONE };
        let kept = Facts::ALL.without(changed);
        let parameters = asked.common(kept, Granularity::NANOSECOND);
        // Of other facts the sender's digest says nothing.
        let digest = query.digest.filter(|_| parameters == asked);
        if self.stats.parameters != Some(parameters) || self.tree.is_none() {
            self.stats.known.clear();
            self.stats.parameters = Some(parameters);
        }
        if kind != Kind::File
            && let Some(hashes) = self.stats.known.get(&path)
        {
            let summary = Summary::of_sorted(hashes, range);
            return Ok(Some(self.stats.answer(parameters, digest, summary)));
        }
        let (access, asked_path) = (Arc::clone(&self.access), path.clone());
        let tree = self.tree.as_ref().map_or_else(|| path.clone(), |tree| tree.path.clone());
        let work = Background::start(move || match kind {
            Kind::File => stat_file(&access, &asked_path, parameters),
            Kind::Directory | Kind::Tree => {
                directories(&access, &asked_path, &tree, parameters).map(Answer::Directories)
            }
        });
        self.stats.pending = Some(Pending { work, path, parameters, range, digest });
        Ok(None)
    }
}

fn stat_file(access: &Access, path: &str, parameters: Parameters) -> Result<Answer, StoreError> {
    match look(&access.bucket, &access.whole(path), LONG)? {
        Found::Missing => Err(Reason::NotFound.into()),
        Found::Directory => Err(Reason::IsDirectory.into()),
        Found::File(facts) => {
            // The content of a file by itself is compared by an offer.
            let counted = parameters.facts.without(Facts::CONTENT);
            Ok(Answer::File(Stat {
                size: facts.size,
                value: facts.attributes.modified.unwrap_or(i64::MIN).cast_unsigned(),
                facts: counted.bits(),
                granularity: parameters.granularity.code(),
            }))
        }
    }
}

/// A directory while its objects are listed.
#[derive(Debug, Default)]
struct Level {
    mode: Option<u32>,
    hashes: Vec<u64>,
}

/// The hashes of a directory and of those below it.
fn directories(
    access: &Access,
    path: &str,
    tree: &str,
    parameters: Parameters,
) -> Result<HashMap<String, Vec<u64>>, StoreError> {
    let (bucket, whole) = (&*access.bucket, access.whole(path));
    let prefix = if whole.is_empty() { bucket.key("") } else { marker(&bucket.key(&whole)) };
    let mut levels = BTreeMap::from([(path.to_owned(), Level::default())]);
    let (mut token, mut is_found) = (None, whole.is_empty() || path.is_empty());
    loop {
        let page = bucket.list(&prefix, false, token.as_deref(), PAGE, LONG)?;
        is_found |= !page.objects.is_empty();
        let entries: Vec<(String, Listed)> = page
            .objects
            .into_iter()
            .filter_map(|object| {
                let below_path = object.key.strip_prefix(&prefix)?;
                let name = below_path.strip_suffix('/').unwrap_or(below_path);
                let entry = join(path, name);
                let in_tree = inside(&entry, tree)?;
                let is_sent = name.is_empty()
                    || (in_tree.split('/').all(|name| can_be_sent("", name))
                        && can_be_sent(in_tree, split(in_tree).1));
                is_sent.then_some((entry, object))
            })
            .collect();
        let objects: Vec<Listed> = entries.iter().map(|(_, object)| object.clone()).collect();
        let needs_facts = [Facts::TIME, Facts::MODE, Facts::CONTENT]
            .iter()
            .any(|fact| parameters.facts.contains(*fact));
        let facts: Vec<Option<ObjectFacts>> = if needs_facts {
            let fetched = fetch(bucket, &objects, None, LONG).into_iter();
            fetched
                .map(|result| Ok(result?.map(|it| it.facts)))
                .collect::<Result<_, StoreError>>()?
        } else {
            let size = |object: &Listed| ObjectFacts {
                size: object.size,
                attributes: Default::default(),
                crc64: None,
                etag: String::new(),
            };
            objects.iter().map(|object| Some(size(object))).collect()
        };
        for ((entry, object), facts) in entries.into_iter().zip(facts) {
            let Some(facts) = facts else { continue };
            let (above, name) = split(&entry);
            for directory in ancestors(&entry).filter(|it| inside(it, path).is_some()) {
                levels.entry(directory.to_owned()).or_default();
            }
            if object.key.ends_with('/') {
                levels.entry(entry).or_default().mode = facts.attributes.mode;
                continue;
            }
            let file = FileFacts {
                size: facts.size,
                modified: facts.attributes.modified,
                mode: facts.attributes.mode,
                content: facts.crc64,
            };
            let hash = parameters.hash_of_file(name, &file);
            levels.entry(above.to_owned()).or_default().hashes.push(hash);
        }
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    if !is_found {
        return match look(bucket, &whole, LONG)? {
            Found::File(_) => Err(Reason::NotDirectory.into()),
            _ => Err(Reason::NotFound.into()),
        };
    }
    let mut done = HashMap::new();
    // The deepest ones first: the key of a directory comes before those below it.
    while let Some((directory, mut level)) = levels.pop_last() {
        level.hashes.sort_unstable();
        if directory != path {
            let total = Total::of(level.hashes.iter().copied());
            let (above, name) = split(&directory);
            let hash = parameters.hash_of_directory(name, level.mode, total);
            levels.entry(above.to_owned()).or_default().hashes.push(hash);
        }
        done.insert(directory, level.hashes);
    }
    Ok(done)
}
