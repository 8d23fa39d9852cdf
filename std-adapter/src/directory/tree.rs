//! A tree that is coming in: its root, and what is to be done to its directories when all is in
//! place. Knows nothing of files.

use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::event::Observer;
use super::facts::{settle, settled};
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
    /// To be made before anything goes into it.
    Missing {
        mode: Option<u32>,
    },
    Standing,
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
    /// A tree is offered as `path`, with the permission bits that its root gets if it is new.
    pub(super) fn begin(place: &mut Place, path: &str, mode: Option<u32>) -> Result<Self, Trouble> {
        let root = match place.existing(path)? {
            Some(_) => Root::Standing,
            None => Root::Missing { mode },
        };
        Ok(Self { path: path.to_owned(), root, directories: Vec::new() })
    }

    /// Something goes into it now.
    pub(super) fn make_root(&mut self, place: &mut Place, sync: Sync) -> Result<(), Trouble> {
        if let Root::Missing { mode } = self.root {
            place.made(&self.path, mode, sync.is_due(true))?;
            self.root = Root::Standing;
            if mode.is_some() {
                self.remember(Remembered { path: self.path.as_str().into(), mode, modified: None });
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
        // What lies deeper comes before what it lies in, or that would shut it off.
        self.directories.sort_by(|one, other| other.path.cmp(&one.path));
        for directory in self.directories.drain(..) {
            directory.settle(place, observer)?;
        }
        let root = place.existing(&self.path)?.ok_or(Reason::NotFound)?;
        Ok(sync.finish(&root)?)
    }
}

impl Remembered {
    /// Makes the directory, or lets its owner put something into the one that stands there.
    pub(super) fn make(&self, place: &mut Place, synced: bool) -> Result<Arc<Dir>, Trouble> {
        let dir = place.made(&self.path, self.mode, synced)?;
        if self.mode.is_some() {
            admit_owner(&dir)?;
        }
        Ok(dir)
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
