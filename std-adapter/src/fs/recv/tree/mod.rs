//! A tree that is received: its root, and the metadata that its directories get in the end. Knows
//! nothing of files.

mod directories;

use tinyferry_core::error::Reason;

use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::dir_cursor::admit_owner;
use crate::fs::sys::sync::Sync;

pub(crate) use self::directories::Bits;
use self::directories::Directories;

#[derive(Debug)]
pub(crate) struct Tree {
    /// Below the store's root.
    pub(crate) path: String,
    root: Root,
    directories: Directories,
}

#[derive(Debug, Clone, Copy)]
enum Root {
    /// Something goes into it for the first time: it may have to be made, and gets what is offered.
    Offered(Bits),
    Ready,
}

impl Tree {
    /// A tree is offered as `path`, with the permission bits and the time of its root. One that
    /// stands keeps its own where it is the store's root, or `is_blind` says so.
    pub(crate) fn begin(
        place: &mut Place,
        path: &str,
        bits: Bits,
        is_blind: bool,
    ) -> Result<Self, Trouble> {
        let stands = place.existing(path)?.is_some();
        let keeps_its_own = stands && (path.is_empty() || is_blind);
        let root = if keeps_its_own { Root::Ready } else { Root::Offered(bits) };
        if stands && !keeps_its_own {
            // Or nothing in it could be looked at.
            admit(place, path, bits)?;
        }
        Ok(Self { path: path.to_owned(), root, directories: Directories::default() })
    }

    /// Something goes into it now.
    pub(crate) fn make_root(&mut self, place: &mut Place, sync: Sync) -> Result<(), Trouble> {
        if let Root::Offered(bits) = self.root {
            make_directory(place, &self.path, bits, sync.is_due(true))?;
            self.root = Root::Ready;
            if bits.mode.is_some() || bits.modified.is_some() {
                self.directories.remember(place, &self.path, bits);
            }
        }
        Ok(())
    }

    /// A directory in it is in place, and gets this in the end.
    pub(crate) fn remember(&mut self, place: &mut Place, path: &str, bits: Bits) {
        self.directories.remember(place, path, bits);
    }

    /// Whether so many directories are remembered that [`Tree::settle_left`] is due.
    pub(crate) fn has_many(&self) -> bool {
        self.directories.are_many()
    }

    /// Gives the directories their times and permission bits that `path` is not below. A tree comes
    /// depth first: little goes into them any more.
    pub(crate) fn settle_left(
        &mut self,
        path: &str,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        self.directories.settle(Some(path), place, observer)
    }

    /// All of it is in place.
    pub(crate) fn commit(
        &mut self,
        place: &mut Place,
        sync: Sync,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        self.make_root(place, sync)?;
        place.existing(&self.path)?.ok_or(Reason::NotFound)?;
        self.settle(place, observer)
    }

    /// Gives all directories their times and permission bits, also where not all of the tree has
    /// come; the first failure is returned.
    pub(crate) fn settle(
        &mut self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        if let Root::Offered(Bits { mode: mode @ Some(_), .. }) = self.root {
            // It is empty, but its owner may have got more rights.
            self.directories.remember(place, &self.path, Bits { mode, modified: None });
        }
        self.directories.settle(None, place, observer)
    }
}

/// Makes a directory, or lets its owner put something into the one that stands there.
pub(crate) fn make_directory(
    place: &mut Place,
    path: &str,
    bits: Bits,
    synced: bool,
) -> Result<(), Trouble> {
    place.made(path, bits.mode, synced)?;
    // A new one lets its owner in, and is to stay the one opened last: in it nothing is looked for.
    if place.is_new() { Ok(()) } else { admit(place, path, bits) }
}

/// Gives a directory that is no part of a tree its time and its permission bits.
pub(crate) fn settle_alone(
    place: &mut Place,
    path: &str,
    bits: Bits,
    observer: &mut impl Observer,
) -> Result<(), Trouble> {
    let mut directories = Directories::default();
    directories.remember(place, path, bits);
    directories.settle(None, place, observer)
}

/// Lets its owner put something into a directory, if its bits are offered.
fn admit(place: &mut Place, path: &str, bits: Bits) -> Result<(), Trouble> {
    let (parent, name) = split(path);
    if bits.mode.is_some()
        && let Some(above) = place.existing(parent)?
        && let Some(dir) = place.existing(path)?
    {
        admit_owner(&above, name, &dir)?;
    }
    Ok(())
}
