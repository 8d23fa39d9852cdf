//! A file or a tree that is sent, one entry at a time.

use tinyferry_core::Reason;
use tinyferry_core::path::join;
use tinyferry_core::store::{Entry, Kind};

use super::file_store::{FileStore, Open, Request};
use super::walk::{Outbound, Tree, Walk, What};
use super::{Files, Info, Mode};
use crate::reoffers::Turn;

impl<F: Files, const PATH: usize, const DEPTH: usize> FileStore<F, PATH, DEPTH> {
    /// Opens the next entry to send.
    pub(super) fn next_entry(&mut self, into: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let Request::Send(outbound) = &mut self.request else { return Ok(None) };
        let Outbound { root, what, names_only, depth, reoffers, omitted } = outbound;
        let (turn, room) = (reoffers.turn(), into.len());
        let mut tree = Tree { root, depth: *depth, room, omitted };
        let found = match (&mut *what, turn) {
            (What::Tree, _) => {
                *what = What::Entries(Walk::new());
                let length = put_path(into, root)?;
                let tree = Entry { kind: Kind::Tree, size: None, ..Entry::file(length, 0) };
                return Ok(Some(tree));
            }
            (What::File, Turn::New) if !reoffers.is_first() => None,
            (What::File, _) => Some((root.clone(), self.files.stat(root)?)),
            (What::Entries(walk), Turn::New) => tree.step(&mut self.files, walk)?,
            (What::Entries(_), Turn::Again(index)) => {
                // The file system is as it was: the same steps lead there.
                let (mut again, mut unused) = (Walk::<PATH, DEPTH>::new(), 0);
                let mut tree = Tree { root, depth: *depth, room, omitted: &mut unused };
                let mut found = None;
                while again.passed <= index {
                    found = tree.step(&mut self.files, &mut again)?;
                    if found.is_none() {
                        break;
                    }
                }
                found
            }
        };
        let Some((path, info)) = found else { return Ok(None) };
        reoffers.gave(turn);
        let length = put_path(into, &path)?;
        let (size, modified) = match info {
            Info::Directory => {
                return Ok(Some(Entry { kind: Kind::Directory, ..Entry::file(length, 0) }));
            }
            Info::File { size, modified } => (size, modified),
        };
        let mut broken = None;
        if !*names_only {
            let below = if matches!(what, What::File) { "" } else { path.as_str() };
            let whole = join(root, below).ok_or(Reason::NameTooLong)?;
            match self.files.open(&whole, Mode::Read) {
                Ok(file) => self.open = Open::Outbound(file),
                Err(reason) => broken = Some(reason),
            }
        }
        let resumable = turn == Turn::New;
        Ok(Some(Entry { modified, resumable, broken, ..Entry::file(length, size) }))
    }
}

/// Writes a path into the buffer of the session. Returns its length.
fn put_path(into: &mut [u8], path: &str) -> Result<usize, Reason> {
    let to = into.get_mut(..path.len()).ok_or(Reason::NameTooLong)?;
    to.copy_from_slice(path.as_bytes());
    Ok(path.len())
}
