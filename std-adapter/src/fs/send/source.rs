//! Where a request's files come from, and the way to them. Knows both kinds: below a served root,
//! and whatever the user of this program named.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;

use crate::fs::Source;
use crate::fs::error::Trouble;
use crate::fs::names::join;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::Found;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::dir_cursor::look;
use crate::fs::sys::metadata::Facts;

#[derive(Debug)]
pub(crate) struct Origin {
    start: Start,
    /// The path in the tree, or that of the lone file, as the other end sees it.
    pub(crate) remote: String,
}

#[derive(Debug)]
enum Start {
    Below(Arc<Dir>, String),
    Named(PathBuf),
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Reached {
    Directory(Arc<Dir>, Facts),
    File(Arc<Dir>, OsString, Metadata),
}

impl Origin {
    pub(crate) fn below(root: Arc<Dir>, path: &str, remote: &str) -> Self {
        Self { start: Start::Below(root, path.to_owned()), remote: remote.to_owned() }
    }

    /// What stands at `path` in the tree, which is below this origin.
    pub(crate) fn reach(&self, path: &str) -> Result<Reached, Trouble> {
        let below = path.strip_prefix(self.remote.as_str()).unwrap_or(path);
        let below = below.strip_prefix('/').unwrap_or(below);
        match &self.start {
            Start::Below(root, path) => reach_below(root, &join(path, below)),
            Start::Named(local) => match reach_named(local)? {
                found if below.is_empty() => Ok(found),
                Reached::Directory(dir, _) => reach_below(&dir, below),
                Reached::File(..) => Err(Reason::NotDirectory.into()),
            },
        }
    }
}

impl From<Source> for Origin {
    fn from(source: Source) -> Self {
        Self { start: Start::Named(source.local), remote: source.remote }
    }
}

fn reach_below(root: &Arc<Dir>, path: &str) -> Result<Reached, Trouble> {
    let (parent, name) = split(path);
    match Place::new(Arc::clone(root)).existing(parent)? {
        Some(dir) if name.is_empty() => directory(dir),
        Some(dir) => reach_in(dir, name.into()),
        None => Err(Reason::NotFound.into()),
    }
}

/// The user's own path: links in it are followed, and nothing but its end is opened.
fn reach_named(local: &Path) -> Result<Reached, Trouble> {
    let local = local.canonicalize()?;
    match (local.parent(), local.file_name()) {
        (Some(parent), Some(name)) => {
            reach_in(Arc::new(Dir::open_ambient_dir(parent, ambient_authority())?), name.into())
        }
        _ => directory(Arc::new(Dir::open_ambient_dir(&local, ambient_authority())?)),
    }
}

fn reach_in(dir: Arc<Dir>, name: OsString) -> Result<Reached, Trouble> {
    match look(&dir, &name)? {
        Found::File(metadata) => Ok(Reached::File(dir, name, metadata)),
        Found::Directory(_) => directory(Arc::new(dir.open_dir_nofollow(&name)?)),
        Found::Missing => Err(Reason::NotFound.into()),
        Found::Other(what) => Err(Trouble::new(Reason::NotRegular, what)),
    }
}

fn directory(dir: Arc<Dir>) -> Result<Reached, Trouble> {
    let facts = Facts::of(&dir.dir_metadata()?);
    Ok(Reached::Directory(dir, facts))
}
