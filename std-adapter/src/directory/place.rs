//! The way down from a root: one name at a time, through directories only. Knows
//! nothing of what is read or written there.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use cap_fs_ext::{
    DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, OpenOptionsSyncExt,
};
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};
use tinyferry_core::error::Reason;

use super::names::{below, split};
use super::sync::synchronise;
use super::trouble::Trouble;

/// So many directories are kept open; files that are open at once are a server's scarce good.
const KEPT_OPEN: usize = 8;

/// A root and the way down to the directory that was opened last: a tree's files come side by
/// side, and it goes on above when a directory in it is through.
#[derive(Debug)]
pub(super) struct Place {
    root: Arc<Dir>,
    way: Vec<Passed>,
}

/// A directory on the way.
#[derive(Debug)]
struct Passed {
    path: String,
    dir: Arc<Dir>,
    is_new: bool,
}

/// What became of a directory that was missing.
enum Made {
    Nothing,
    Here,
    /// Somebody else has made it meanwhile.
    Elsewhere,
}

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Found {
    Missing,
    File(Metadata),
    Directory(Metadata),
    /// Neither; what it is, as a clause.
    Other(&'static str),
}

impl Place {
    pub(super) fn new(root: Arc<Dir>) -> Self {
        Self { root, way: Vec::new() }
    }

    /// The directories passed may stand elsewhere by now: begin at the root.
    pub(super) fn forget(&mut self) {
        self.way.clear();
    }

    /// Whether the directory opened last was made here just before, so that nothing in it needs to
    /// be looked for. What somebody put there since is replaced like anything else.
    pub(super) fn is_new(&self) -> bool {
        self.way.last().is_some_and(|last| last.is_new)
    }

    /// The directory at `path`; `None` where there is nothing.
    pub(super) fn existing(&mut self, path: &str) -> Result<Option<Arc<Dir>>, Trouble> {
        self.descend(path, |_, _, _| Ok(Made::Nothing))
    }

    /// The directory at `path`, made where it is missing, as are those above it. A new one gets
    /// permission bits `mode`, but those that let its owner put something into it in any case.
    pub(super) fn made(
        &mut self,
        path: &str,
        mode: Option<u32>,
        synced: bool,
    ) -> Result<Arc<Dir>, Trouble> {
        let found = self.descend(path, |above, name, is_last| {
            match above.create_dir_with(name, &builder(mode.filter(|_| is_last))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Ok(Made::Elsewhere);
                }
                Err(error) => return Err(error),
            }
            if synced {
                synchronise(above)?;
            }
            Ok(Made::Here)
        })?;
        found.ok_or(Trouble::from(Reason::NotFound))
    }

    /// What stands at `path`.
    pub(super) fn look(&mut self, path: &str) -> Result<Found, Trouble> {
        let (parent, name) = split(path);
        match self.existing(parent)? {
            Some(dir) if name.is_empty() => Ok(Found::Directory(dir.dir_metadata()?)),
            Some(dir) => Ok(look(&dir, name)?),
            None => Ok(Found::Missing),
        }
    }

    /// Goes down to `path`; where a directory is missing, `make` may make it, or the way ends.
    fn descend(
        &mut self,
        path: &str,
        make: impl Fn(&Dir, &str, bool) -> io::Result<Made>,
    ) -> Result<Option<Arc<Dir>>, Trouble> {
        self.way.truncate(self.way.partition_point(|passed| below(path, &passed.path).is_some()));
        let (mut dir, mut rest) = match self.way.last() {
            Some(last) => (Arc::clone(&last.dir), below(path, &last.path).unwrap_or_default()),
            None => (Arc::clone(&self.root), path),
        };
        while !rest.is_empty() {
            let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
            let mut next = step(&dir, name)?;
            let mut is_new = false;
            if next.is_none() {
                match make(&dir, name, below.is_empty())? {
                    Made::Nothing => return Ok(None),
                    Made::Here => is_new = true,
                    Made::Elsewhere => {}
                }
                next = step(&dir, name)?;
            }
            let Some(next) = next else { return Ok(None) };
            dir = Arc::new(next);
            let length = path.len() - below.len();
            let path = path.get(..length).unwrap_or(path).trim_end_matches('/').to_owned();
            if self.way.len() >= KEPT_OPEN {
                self.way.remove(0);
            }
            self.way.push(Passed { path, dir: Arc::clone(&dir), is_new });
            rest = below;
        }
        Ok(Some(dir))
    }
}

/// What stands under a name in a directory.
pub(super) fn look(dir: &Dir, name: impl AsRef<Path>) -> io::Result<Found> {
    let metadata = match dir.symlink_metadata(name) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Missing),
        Err(error) => return Err(error),
    };
    Ok(if metadata.is_file() {
        Found::File(metadata)
    } else if metadata.is_dir() {
        Found::Directory(metadata)
    } else if metadata.is_symlink() {
        Found::Other("it is a symbolic link")
    } else {
        Found::Other("it is neither a file nor a directory")
    })
}

/// Opens a file for reading that [`look`] found to be one; it is looked at again, since another
/// may stand there by now.
pub(super) fn open_file(dir: &Dir, name: impl AsRef<Path>) -> Result<(File, Metadata), Trouble> {
    open_with(dir, name, OpenOptions::new().read(true))
}

/// Opens a file without following a link or waiting for the other end of a FIFO.
pub(super) fn open_with(
    dir: &Dir,
    name: impl AsRef<Path>,
    options: &mut OpenOptions,
) -> Result<(File, Metadata), Trouble> {
    let options = options.follow(FollowSymlinks::No).nonblock(true);
    let file = dir.open_with(name, options)?.into_std();
    let metadata = Metadata::from_file(&file)?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else if metadata.is_dir() {
        Err(Reason::IsDirectory.into())
    } else {
        Err(Reason::NotRegular.into())
    }
}

/// A directory as a file that its time, its permission bits and its entries can be settled
/// through.
pub(super) fn open_itself(dir: &Dir) -> io::Result<File> {
    Ok(dir.open_with(".", OpenOptions::new().read(true).maybe_dir(true))?.into_std())
}

/// Lets its owner put something into a directory that is there already, as `name` in `above`; it may
/// be one that cannot even be opened. Where that is not allowed, what comes next says so.
#[cfg(unix)]
pub(super) fn admit_owner(above: &Dir, name: &str, dir: &Dir) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let now = cap_std::fs::MetadataExt::mode(&dir.dir_metadata()?) & 0o7777;
    if now & 0o700 != 0o700 {
        let admitted = cap_std::fs::Permissions::from_std(Permissions::from_mode(now | 0o700));
        let _ = above.set_permissions(name, admitted);
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn admit_owner(_: &Dir, _: &str, _: &Dir) -> io::Result<()> {
    Ok(())
}

/// One directory further down; `None` where there is nothing.
fn step(dir: &Dir, name: &str) -> Result<Option<Dir>, Trouble> {
    match dir.open_dir_nofollow(name) {
        Ok(next) => Ok(Some(next)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(match look(dir, name) {
            Ok(Found::File(_)) => Trouble::new(Reason::NotDirectory, &not_directory(name)),
            Ok(Found::Other(what)) => {
                Trouble::new(Reason::NotRegular, &format!("in the path, {name}: {what}"))
            }
            _ => error.into(),
        }),
    }
}

fn not_directory(name: &str) -> String {
    format!("in the path, {name} is a file")
}

fn builder(mode: Option<u32>) -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    if let Some(mode) = mode {
        cap_std::fs::DirBuilderExt::mode(&mut builder, mode & 0o777 | 0o700);
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
