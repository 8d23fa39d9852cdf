//! Sending: what is asked for or named, entry by entry, and the one file that is being read. Knows
//! nothing of how the bytes go.

pub(crate) mod file;
pub(crate) mod listing;
pub(crate) mod queue;
pub(crate) mod recent;
pub(crate) mod source;
pub(crate) mod walk;

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::path::is_sound;
use tinyferry_core::store::{Entry, Kind};

use super::Source;
use crate::fs::error::Trouble;
use crate::fs::event::Direction;
use crate::fs::event::Event;
use crate::fs::event::Observer;
use crate::fs::names::is_allowed;
use crate::fs::send::file::Outgoing;
use crate::fs::send::queue::Job;
use crate::fs::send::queue::Next;
use crate::fs::send::recent::Fate;
use crate::fs::send::source::Origin;
use crate::fs::send::source::Reached;
use crate::fs::send::walk::Item;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::times;

#[derive(Debug)]
pub(crate) struct Outbox {
    /// Requests are answered from below it; `None`: there are none.
    root: Option<Arc<Dir>>,
    job: Option<Job>,
    /// Of the next request only the offers are wanted.
    names_only: bool,
    open: Option<Outgoing>,
    buffer: Buffer,
}

impl Outbox {
    pub(crate) fn serving(root: Arc<Dir>) -> Self {
        Self {
            root: Some(root),
            job: None,
            names_only: false,
            open: None,
            buffer: Buffer::default(),
        }
    }

    /// Gives `sources`, as a tree if it has a path.
    pub(crate) fn sending(tree: Option<String>, sources: Vec<Source>) -> Self {
        let origins = sources.into_iter().map(Origin::from).collect();
        let job = Some(Job::new(tree, origins, false));
        Self { root: None, job, names_only: false, open: None, buffer: Buffer::default() }
    }

    pub(crate) fn expect_names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
    }

    pub(crate) fn open(
        &mut self,
        path: &str,
        tree: bool,
        observer: &mut impl Observer,
    ) -> Result<(), Reason> {
        let root = Arc::clone(self.root.as_ref().ok_or(Reason::WriteOnly)?);
        self.close();
        let path = path.strip_suffix('/').unwrap_or(path);
        let found = find(&root, path, tree, self.names_only).and_then(|mut job| {
            job.begin(observer)?;
            Ok(job)
        });
        match found {
            Ok(job) => {
                self.job = Some(job);
                Ok(())
            }
            // Who does not know asks for a file first, and then for the tree: that is no trouble.
            Err(trouble) if trouble.reason == Reason::IsDirectory => Err(trouble.reason),
            Err(trouble) => Err(trouble.tell(path, observer)),
        }
    }

    pub(crate) fn next(
        &mut self,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<Option<Entry>, Reason> {
        self.open = None;
        self.buffer.clear();
        let Some(job) = &mut self.job else { return Ok(None) };
        if let Err(trouble) = job.begin(observer) {
            return Err(trouble.tell(job.tree_path(), observer));
        }
        let (entry, path) = match job.next(observer) {
            None => return Ok(None),
            Some(Next::Tree { mode, modified }) => {
                let path = job.tree_path();
                if !is_sound(path) || path.ends_with('/') {
                    return Err(Trouble::from(Reason::BadPath).tell(path, observer));
                }
                let entry = Entry {
                    kind: Kind::Tree,
                    path: path.len(),
                    size: None,
                    modified,
                    mode,
                    resumable: false,
                    broken: None,
                };
                (entry, path)
            }
            Some(Next::Item(item, resumable)) => {
                let (entry, open) = give(job, item, resumable, observer);
                self.open = open;
                (entry, job.path_in_tree())
            }
        };
        // Sound paths always fit.
        into.get_mut(..entry.path).ok_or(Reason::NameTooLong)?.copy_from_slice(path.as_bytes());
        Ok(Some(entry))
    }

    pub(crate) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, Reason> {
        let Some(open) = &mut self.open else { return Err(Reason::Storage) };
        match open.load(&mut self.buffer, position, into) {
            Ok((count, fresh)) => {
                if fresh > 0 {
                    observer.event(Event::Moved { bytes: fresh });
                }
                Ok(count)
            }
            Err(trouble) => {
                self.open = None;
                Err(self.fail(trouble, observer))
            }
        }
    }

    pub(crate) fn check(
        &mut self,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<(), Reason> {
        // A directory has nothing that could change meanwhile.
        let Some(open) = &mut self.open else { return Ok(()) };
        match open.check() {
            Ok(()) => {
                if let Some(job) = &mut self.job {
                    job.sent(open.loaded, sha256);
                }
                Ok(())
            }
            Err(trouble) => Err(self.fail(trouble, observer)),
        }
    }

    pub(crate) fn refused(
        &mut self,
        entry: u32,
        reason: Reason,
        words: &str,
        observer: &mut impl Observer,
    ) -> bool {
        let Some(job) = &mut self.job else { return false };
        job.refused(entry, reason, words, observer)
    }

    pub(crate) fn resumed(&mut self, entry: u32, position: u64, observer: &mut impl Observer) {
        let Some(job) = &mut self.job else { return };
        if let (Some(held), Some(open)) = (job.resumed(entry, position), &mut self.open)
            && held > open.loaded
        {
            open.loaded = held;
            observer.event(Event::Resumed { held });
        }
    }

    /// The receiver has all of it.
    pub(crate) fn complete(&mut self, observer: &mut impl Observer) {
        if let Some(job) = &mut self.job {
            job.complete(observer);
        }
        self.close();
    }

    /// How many entries of the tree were not given, because no path names them.
    pub(crate) fn omitted(&self) -> u32 {
        self.job.as_ref().map_or(0, Job::omitted)
    }

    /// Nothing more of it is wanted.
    pub(crate) fn close(&mut self) {
        self.job = None;
        self.open = None;
        self.buffer.clear();
    }

    /// The entry given last cannot be sent.
    fn fail(&mut self, trouble: Trouble, observer: &mut impl Observer) -> Reason {
        match &mut self.job {
            Some(job) => job.fail(trouble, observer),
            None => trouble.reason,
        }
    }
}

/// What is asked for, if it is there.
fn find(root: &Arc<Dir>, path: &str, tree: bool, names_only: bool) -> Result<Job, Trouble> {
    if !is_allowed(path) {
        return Err(Reason::BadPath.into());
    }
    let origin = |remote: &str| Origin::below(Arc::clone(root), path, remote);
    if tree {
        return Ok(Job::new(Some(path.to_owned()), vec![origin("")], names_only).serving());
    }
    match origin("").reach("")? {
        Reached::File(..) => Ok(Job::new(None, vec![origin(path)], names_only)),
        Reached::Directory(..) => Err(Reason::IsDirectory.into()),
    }
}

/// What comes next as an entry, and as a file to be read.
fn give(
    job: &mut Job,
    item: Item,
    resumable: bool,
    observer: &mut impl Observer,
) -> (Entry, Option<Outgoing>) {
    let (kind, facts, open, trouble) = match item {
        Item::Directory(facts) => (Kind::Directory, Some(facts), None, None),
        Item::File(facts, file) => match Outgoing::new(file, facts) {
            Ok(open) => (Kind::File, Some(facts), Some(open), None),
            Err(trouble) => (Kind::File, Some(facts), None, Some(trouble)),
        },
        Item::Named(facts) => (Kind::File, facts, None, None),
        Item::Broken(kind, facts, trouble) => (kind, facts, None, Some(trouble)),
    };
    let size = match &open {
        Some(open) => open.size,
        None if kind == Kind::Directory => Some(0),
        None => facts.map(|facts| facts.size),
    };
    let entry = Entry {
        kind,
        path: job.path_in_tree().len(),
        size,
        modified: facts.and_then(|facts| facts.modified),
        mode: facts.and_then(|facts| facts.mode),
        resumable: resumable && open.is_some() && size.is_some(),
        broken: trouble.as_ref().map(|trouble| trouble.reason),
    };
    let may_come_again = entry.resumable && entry.size != Some(0);
    let fate = if may_come_again { Fate::MayComeAgain } else { Fate::Final };
    job.given(fate, kind, entry.size.unwrap_or(0), observer);
    if let Some(trouble) = trouble {
        job.fail(trouble, observer);
        return (entry, open);
    }
    let (path, size, direction) = (job.path(), entry.size, Direction::Sending);
    observer.event(Event::Begin { path, kind, size, held: 0, direction });
    if entry.modified.is_some_and(times::is_last) {
        let detail = "a time past the years 1677 and 2262 cannot be sent";
        observer.event(Event::Unset { path, detail });
    }
    if kind == Kind::Directory {
        job.sent(0, None);
    }
    (entry, open)
}
