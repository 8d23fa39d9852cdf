//! The sources of a request: paths below a served root, and paths that the user of this program named.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::names::{join, split};
use crate::fs::sys::dir_cursor::{DirCursor, Found, is_removed, look};
use crate::fs::sys::metadata::FileMetadata;

/// A file or a directory that the user wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its local path. Symbolic links in this path are the user's own and are
    /// followed; those found below it are not.
    pub local: PathBuf,
    /// The path that the other end sees: of a lone file the whole of it, in a tree the part below
    /// the tree's root. In a tree it may be empty: the content of the directory is then
    /// directly below the root.
    pub remote: String,
}

#[derive(Debug, Clone)]
pub(crate) struct SourceRoot {
    start: Start,
    /// The path in the tree, or that of the lone file, as the other end sees it.
    pub(crate) remote: String,
}

#[derive(Debug, Clone)]
enum Start {
    Below(Arc<Dir>, String),
    Named(PathBuf),
}

/// The entry at a path of a source.
#[derive(Debug)]
pub(crate) enum SourceEntry {
    Directory(Arc<Dir>, FileMetadata),
    File(Arc<Dir>, OsString, Metadata),
    /// A symbolic link below the source; the error of a request that does not send links.
    Link(Arc<Dir>, OsString, StoreError),
}

impl SourceRoot {
    pub(crate) fn below(root: Arc<Dir>, path: &str, remote: &str) -> Self {
        Self { start: Start::Below(root, path.to_owned()), remote: remote.to_owned() }
    }

    /// Finds the entry at `path` of the tree, which is below this source.
    pub(crate) fn reach(&self, path: &str) -> Result<SourceEntry, StoreError> {
        let below = path.strip_prefix(self.remote.as_str()).unwrap_or(path);
        let below = below.strip_prefix('/').unwrap_or(below);
        match &self.start {
            Start::Below(root, path) => reach_below(root, &join(path, below)),
            Start::Named(local) => match reach_named(local)? {
                found if below.is_empty() => Ok(found),
                SourceEntry::Directory(dir, _) => reach_below(&dir, below),
                SourceEntry::File(..) | SourceEntry::Link(..) => Err(Reason::NotDirectory.into()),
            },
        }
    }
}

impl From<Source> for SourceRoot {
    fn from(source: Source) -> Self {
        Self { start: Start::Named(source.local), remote: source.remote }
    }
}

fn reach_below(root: &Arc<Dir>, path: &str) -> Result<SourceEntry, StoreError> {
    let (parent, name) = split(path);
    match DirCursor::new(Arc::clone(root)).existing(parent)? {
        Some(dir) if name.is_empty() => directory(dir),
        Some(dir) => reach_in(dir, name.into()),
        None => Err(Reason::NotFound.into()),
    }
}

/// Opens the user's own path: follows links in it, and opens only its last directory or file.
fn reach_named(local: &Path) -> Result<SourceEntry, StoreError> {
    let local = local.canonicalize()?;
    match (local.parent(), local.file_name()) {
        (Some(parent), Some(name)) => {
            reach_in(Arc::new(Dir::open_ambient_dir(parent, ambient_authority())?), name.into())
        }
        _ => directory(Arc::new(Dir::open_ambient_dir(&local, ambient_authority())?)),
    }
}

fn reach_in(dir: Arc<Dir>, name: OsString) -> Result<SourceEntry, StoreError> {
    match look(&dir, &name)? {
        Found::File(metadata) => Ok(SourceEntry::File(dir, name, metadata)),
        Found::Directory(_) => directory(Arc::new(dir.open_dir_nofollow(&name)?)),
        Found::Missing => Err(Reason::NotFound.into()),
        Found::Other(error) if error.reason == Reason::SymbolicLink => {
            Ok(SourceEntry::Link(dir, name, error))
        }
        Found::Other(error) => Err(error),
    }
}

fn directory(dir: Arc<Dir>) -> Result<SourceEntry, StoreError> {
    let attributes = FileMetadata::of(&dir.dir_metadata()?);
    Ok(SourceEntry::Directory(dir, attributes))
}

/// The error of an entry below the served root, if there is one: where that was removed, nothing is found.
pub(super) fn explain(error: StoreError, root: Option<&Dir>) -> StoreError {
    let is_gone = error.reason == Reason::NotFound && root.is_some_and(is_removed);
    if is_gone { Reason::RootGone.into() } else { error }
}
