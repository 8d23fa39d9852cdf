//! A tree that is coming in: its root, and what is to be done to its directories when all is in
//! place. Knows nothing of files.

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::event::Observer;
use super::facts::{settle, settled};
use super::names::split;
use super::place::{Place, admit_owner, open_itself};
use super::sync::Sync;
use super::trouble::Trouble;

#[derive(Debug)]
pub(super) struct Tree {
    /// Below the store's root.
    pub(super) path: String,
    root: Root,
    directories: Vec<Remembered>,
}

#[derive(Debug)]
enum Root {
    /// Something goes into it for the first time: it may have to be made, and gets what is offered.
    Offered {
        mode: Option<u32>,
        modified: Option<i64>,
    },
    Ready,
}

/// What a directory gets when nothing more goes into it: entries change its time, and its bits
/// may forbid them.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) path: Box<str>,
    pub(super) mode: Option<u32>,
    pub(super) modified: Option<i64>,
}

impl Tree {
    /// A tree is offered as `path`, with the permission bits and the time of its root. One that
    /// stands keeps its own where it is the store's root, or `is_blind` says so.
    pub(super) fn begin(
        place: &mut Place,
        path: &str,
        (mode, modified): (Option<u32>, Option<i64>),
        is_blind: bool,
    ) -> Result<Self, Trouble> {
        let stands = place.existing(path)?.is_some();
        let root = match stands && (path.is_empty() || is_blind) {
            true => Root::Ready,
            false => Root::Offered { mode, modified },
        };
        let tree = Self { path: path.to_owned(), root, directories: Vec::new() };
        if stands && let Root::Offered { mode: Some(_), .. } = tree.root {
            // Or nothing in it could be looked at.
            tree.remembered().admit(place)?;
        }
        Ok(tree)
    }

    /// Something goes into it now.
    pub(super) fn make_root(&mut self, place: &mut Place, sync: Sync) -> Result<(), Trouble> {
        if let Root::Offered { .. } = self.root {
            let root = self.remembered();
            root.make(place, sync.is_due(true))?;
            self.root = Root::Ready;
            if root.mode.is_some() || root.modified.is_some() {
                self.remember(root);
            }
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, directory: Remembered) {
        self.directories.push(directory);
    }

    /// All of it is in place.
    pub(super) fn commit(
        &mut self,
        place: &mut Place,
        sync: Sync,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        self.make_root(place, sync)?;
        let root = place.existing(&self.path)?.ok_or(Reason::NotFound)?;
        // Afterwards its bits may shut this out.
        let handle = sync.handle(&root)?;
        self.settle(place, observer)?;
        Ok(sync.finish(handle)?)
    }

    /// Gives all directories their times and permission bits, also where not all of the tree has
    /// come; the first failure is returned.
    pub(super) fn settle(
        &mut self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        if let Root::Offered { mode: Some(_), .. } = self.root {
            // Nothing came, but its owner may have been let in.
            self.remember(Remembered { modified: None, ..self.remembered() });
        }
        let mut result = Ok(());
        // What lies deeper comes before what it lies in, or that would shut it off.
        self.directories.sort_by(|one, other| other.path.cmp(&one.path));
        for directory in self.directories.drain(..) {
            result = result.and(directory.settle(place, observer));
        }
        result
    }

    /// What its root gets.
    fn remembered(&self) -> Remembered {
        let (mode, modified) = match self.root {
            Root::Offered { mode, modified } => (mode, modified),
            Root::Ready => (None, None),
        };
        Remembered { path: self.path.as_str().into(), mode, modified }
    }
}

impl Remembered {
    /// Makes the directory, or lets its owner put something into the one that stands there.
    pub(super) fn make(&self, place: &mut Place, synced: bool) -> Result<Arc<Dir>, Trouble> {
        let dir = place.made(&self.path, self.mode, synced)?;
        self.admit(place)?;
        Ok(dir)
    }

    /// Lets its owner put something into the directory, if there is one and its bits are offered.
    fn admit(&self, place: &mut Place) -> Result<(), Trouble> {
        let (parent, name) = split(&self.path);
        if self.mode.is_some()
            && let Some(above) = place.existing(parent)?
            && let Some(dir) = place.existing(&self.path)?
        {
            admit_owner(&above, name, &dir)?;
        }
        Ok(())
    }

    /// Gives the directory its time and permission bits.
    pub(super) fn settle(
        &self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        // It was there; if somebody took it away, there is nothing to settle.
        let Some(dir) = place.existing(&self.path)? else { return Ok(()) };
        let result = open_itself(&dir)
            .and_then(|itself| settle(&itself, &dir.dir_metadata()?, self.mode, self.modified));
        settled(result, &self.path, observer)
    }
}
