//! A file or a tree that is sent, one entry at a time.

use heapless::{String, Vec};
use tinyferry_core::Reason;
use tinyferry_core::path::{is_sound, join};
use tinyferry_core::store::{Entry, Kind};

use super::file_store::{FileStore, Open, Request};
use super::store::Depth;
use super::{Files, Info, Mode};
use crate::reoffers::{Reoffers, Turn};

/// The request.
pub(super) struct Outbound<const PATH: usize, const DEPTH: usize> {
    root: String<PATH>,
    what: What<PATH, DEPTH>,
    names_only: bool,
    depth: Depth,
    pub(super) reoffers: Reoffers,
    /// The number of entries of the tree that cannot be sent.
    pub(super) omitted: u32,
}

enum What<const PATH: usize, const DEPTH: usize> {
    File,
    /// Nothing of the tree was given.
    Tree,
    Entries(Walk<PATH, DEPTH>),
}

/// The way through a tree: its directories are listed anew for each entry, so that no list is in memory.
struct Walk<const PATH: usize, const DEPTH: usize> {
    /// The path of the directory at work, from the tree's.
    below: String<PATH>,
    /// The cursors of its list and of the directories above it.
    cursor: u32,
    above: Vec<u32, DEPTH>,
    /// The number of entries passed.
    passed: u32,
}

impl<const PATH: usize, const DEPTH: usize> Outbound<PATH, DEPTH> {
    pub(super) fn new(root: String<PATH>, tree: bool, names_only: bool, depth: Depth) -> Self {
        let what = if tree { What::Tree } else { What::File };
        Self { root, what, names_only, depth, reoffers: Reoffers::new(), omitted: 0 }
    }
}

impl<const PATH: usize, const DEPTH: usize> Walk<PATH, DEPTH> {
    const fn new() -> Self {
        Self { below: String::new(), cursor: 0, above: Vec::new(), passed: 0 }
    }
}

/// The part of a request that a walk needs.
struct Tree<'a> {
    root: &'a str,
    depth: Depth,
    /// The longest path that the session has room for, in bytes.
    room: usize,
    omitted: &'a mut u32,
}

impl Tree<'_> {
    /// The next entry of the tree, and its path.
    fn step<F: Files, const PATH: usize, const DEPTH: usize>(
        &mut self,
        files: &mut F,
        walk: &mut Walk<PATH, DEPTH>,
    ) -> Result<Option<(String<PATH>, Info)>, Reason> {
        loop {
            let directory = join(self.root, &walk.below).ok_or(Reason::NameTooLong)?;
            let mut path = Ok(walk.below.clone());
            let found = files.list(&directory, &mut walk.cursor, &mut |name| {
                path = entry_path::<F, PATH>(&directory, &walk.below, name);
            })?;
            let Some(info) = found else {
                let Some(cursor) = walk.above.pop() else { return Ok(None) };
                walk.cursor = cursor;
                let above = walk.below.rfind('/').unwrap_or(0);
                walk.below.truncate(above);
                continue;
            };
            let path = match path {
                Ok(path) if path.len() <= self.room => path,
                Err(Skipped::Hidden) => continue,
                Ok(_) | Err(Skipped::Omitted) => {
                    *self.omitted = self.omitted.saturating_add(1);
                    continue;
                }
            };
            if info == Info::Directory && self.is_within(walk.above.len()) {
                // The entries of a directory that is too deep are not given; the omission is reported.
                match walk.above.push(walk.cursor) {
                    Ok(()) => {
                        walk.cursor = 0;
                        walk.below.clone_from(&path);
                    }
                    Err(_) => *self.omitted = self.omitted.saturating_add(1),
                }
            }
            walk.passed = walk.passed.saturating_add(1);
            return Ok(Some((path, info)));
        }
    }

    /// Whether the directories `level` levels below the tree are sent with their entries.
    fn is_within(&self, level: usize) -> bool {
        self.depth.is_none_or(|depth| level.saturating_add(1) < usize::from(depth.get()))
    }
}

/// An entry that is not given.
enum Skipped {
    /// It is a partial.
    Hidden,
    /// It has a name that cannot be sent, or its path is too long.
    Omitted,
}

fn entry_path<F: Files, const PATH: usize>(
    directory: &str,
    below: &str,
    name: &str,
) -> Result<String<PATH>, Skipped> {
    if name.eq_ignore_ascii_case(F::PARTIAL) {
        return Err(Skipped::Hidden);
    }
    let whole = join(directory, name);
    if !is_sound(name) || name.contains('/') || whole.is_none_or(|whole| whole.len() > PATH) {
        return Err(Skipped::Omitted);
    }
    let path = join(below, name).ok_or(Skipped::Omitted)?;
    String::try_from(path.as_str()).map_err(|_| Skipped::Omitted)
}

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
