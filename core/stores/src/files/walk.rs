//! The request to send a file or a tree, and the way through the tree.

use core::num::NonZeroU8;

use heapless::{String, Vec};
use tinyferry_core::Reason;
use tinyferry_core::path::{is_sound, join};

use super::{Files, Info};
use crate::reoffers::Reoffers;

/// The number of levels of directories that a request sends; `None`: all.
pub(super) type Depth = Option<NonZeroU8>;

/// The request.
pub(super) struct Outbound<const PATH: usize, const DEPTH: usize> {
    pub(super) root: String<PATH>,
    pub(super) what: What<PATH, DEPTH>,
    pub(super) names_only: bool,
    pub(super) depth: Depth,
    pub(super) reoffers: Reoffers,
    /// The number of entries of the tree that cannot be sent.
    pub(super) omitted: u32,
}

pub(super) enum What<const PATH: usize, const DEPTH: usize> {
    File,
    /// Nothing of the tree was given.
    Tree,
    Entries(Walk<PATH, DEPTH>),
}

/// The way through a tree: its directories are listed anew for each entry, so that no list is in memory.
pub(super) struct Walk<const PATH: usize, const DEPTH: usize> {
    /// The path of the directory at work, from the tree's.
    below: String<PATH>,
    /// The cursors of its list and of the directories above it.
    cursor: u32,
    above: Vec<u32, DEPTH>,
    /// The number of entries passed.
    pub(super) passed: u32,
}

impl<const PATH: usize, const DEPTH: usize> Outbound<PATH, DEPTH> {
    pub(super) fn new(root: String<PATH>, tree: bool, names_only: bool, depth: Depth) -> Self {
        let what = if tree { What::Tree } else { What::File };
        Self { root, what, names_only, depth, reoffers: Reoffers::new(), omitted: 0 }
    }
}

impl<const PATH: usize, const DEPTH: usize> Walk<PATH, DEPTH> {
    pub(super) const fn new() -> Self {
        Self { below: String::new(), cursor: 0, above: Vec::new(), passed: 0 }
    }
}

/// The part of a request that a walk needs.
pub(super) struct Tree<'a> {
    pub(super) root: &'a str,
    pub(super) depth: Depth,
    /// The longest path that the session has room for, in bytes.
    pub(super) room: usize,
    pub(super) omitted: &'a mut u32,
}

impl Tree<'_> {
    /// The next entry of the tree, and its path.
    pub(super) fn step<F: Files, const PATH: usize, const DEPTH: usize>(
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
