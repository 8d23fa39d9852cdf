//! Entries of directories, opened by name and never through a link. Knows nothing of content.

pub(crate) mod descent;
mod making;
pub(crate) mod spelling;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, OpenOptions};
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::sys::listing::Hint;

pub(crate) use self::descent::DirCursor;

/// The entry under a name.
#[derive(Debug)]
pub(crate) enum Found {
    Missing,
    File(Metadata),
    Directory(Metadata),
    /// Another kind, as the reason why it is not transferred.
    Other(StoreError),
}

/// Whether the entry `name` of `dir` is a directory; `hint`: its kind according to `dir`.
pub(crate) fn is_directory(dir: &Dir, name: &str, hint: Hint) -> bool {
    match hint {
        Hint::Directory => true,
        Hint::File => false,
        Hint::Other => matches!(look(dir, name), Ok(Found::Directory(_))),
    }
}

/// Looks up a name in a directory.
pub(crate) fn look(dir: &Dir, name: impl AsRef<Path>) -> io::Result<Found> {
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
        Found::Other(StoreError::new(Reason::SymbolicLink, "it is a symbolic link"))
    } else {
        Found::Other(StoreError::new(Reason::NotRegular, special(&metadata)))
    })
}

/// The kind of an entry that is neither a file, a directory nor a link, as a clause.
#[cfg(unix)]
fn special(metadata: &Metadata) -> &'static str {
    use cap_std::fs::FileTypeExt;

    let kind = metadata.file_type();
    if kind.is_fifo() {
        "it is a pipe"
    } else if kind.is_socket() {
        "it is a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "it is a device"
    } else {
        "it is neither a file nor a directory"
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "it is neither a file nor a directory"
}

/// Opens a file for reading after [`look`]; checks its kind again, since it may have been replaced.
pub(crate) fn open_file(dir: &Dir, name: impl AsRef<Path>) -> Result<(File, Metadata), StoreError> {
    open_with(dir, name, OpenOptions::new().read(true))
}

/// Opens a file without following a link or waiting for the other end of a FIFO.
pub(crate) fn open_with(
    dir: &Dir,
    name: impl AsRef<Path>,
    options: &mut OpenOptions,
) -> Result<(File, Metadata), StoreError> {
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

/// Makes the existing directory `name` in `above` writable for its owner, even if it cannot be opened. If
/// that is not allowed, the next operation fails.
#[cfg(unix)]
pub(crate) fn admit_owner(above: &Dir, name: &str, dir: &Dir) -> io::Result<()> {
    let now = cap_std::fs::MetadataExt::mode(&dir.dir_metadata()?) & 0o7777;
    if now & 0o700 != 0o700 {
        let _ = set_directory_mode(above, name, now | 0o700);
    }
    Ok(())
}

/// The permission bits of a directory whose owner may not change it or look up names in it; `None`: it may.
#[cfg(unix)]
fn restricted_mode(dir: &Dir) -> Option<u32> {
    let mode = cap_std::fs::MetadataExt::mode(&dir.dir_metadata().ok()?) & 0o7777;
    (mode & 0o300 != 0o300).then_some(mode)
}

#[cfg(not(unix))]
fn restricted_mode(_: &Dir) -> Option<u32> {
    None
}

/// Sets the permission bits of the directory `name` in `above`.
#[cfg(unix)]
pub(crate) fn set_directory_mode(above: &Dir, name: &str, mode: u32) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    above.set_permissions(name, cap_std::fs::Permissions::from_std(Permissions::from_mode(mode)))
}

#[cfg(not(unix))]
pub(crate) fn set_directory_mode(_: &Dir, _: &str, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn admit_owner(_: &Dir, _: &str, _: &Dir) -> io::Result<()> {
    Ok(())
}

/// Identifies a file or a directory: its device and its inode.
pub(crate) type Id = (u64, u64);

#[cfg(unix)]
pub(crate) fn id_of(metadata: &Metadata) -> Option<Id> {
    use cap_fs_ext::MetadataExt;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn id_of(_: &Metadata) -> Option<Id> {
    None
}

/// Whether an open directory was removed: nothing can be stored in it any more.
#[cfg(unix)]
pub(crate) fn is_removed(dir: &Dir) -> bool {
    rustix::fs::fstat(dir).is_ok_and(|found| found.st_nlink == 0)
}

#[cfg(not(unix))]
pub(crate) fn is_removed(_: &Dir) -> bool {
    false
}

/// The directory at `path` below `root`, through no link.
pub(crate) fn open_below(root: &Dir, path: &str) -> io::Result<Dir> {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    names.try_fold(root.try_clone()?, |dir, name| dir.open_dir_nofollow(name))
}

/// Opens a directory one level down; `None` if it does not exist.
fn step(dir: &Dir, name: &str) -> Result<Option<Dir>, StoreError> {
    match dir.open_dir_nofollow(name) {
        Ok(next) => Ok(Some(next)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(match look(dir, name) {
            Ok(Found::File(_)) => not_entered(name, Reason::NotDirectory, "it is a file"),
            Ok(Found::Other(error)) => not_entered(name, error.reason, &error.detail),
            _ => error.into(),
        }),
    }
}

/// The error of a path that goes through `name`.
fn not_entered(name: &str, reason: Reason, why: &str) -> StoreError {
    let detail = format!("\"{name}\" cannot be entered: {why}");
    StoreError::new(reason, &detail)
}

impl DirCursor {
    /// Lets the owner of the directory at `path` change it. Returns the bits that it had, which the caller sets again;
    /// `None`: its owner may change it, or it cannot be helped.
    pub(crate) fn admit(&mut self, path: &str) -> Option<u32> {
        let (parent, name) = split(path);
        let dir = self.existing(path).ok()??;
        let mode = restricted_mode(&dir).filter(|_| !name.is_empty())?;
        let above = self.existing(parent).ok()??;
        admit_owner(&above, name, &dir).ok()?;
        Some(mode)
    }

    /// The error of a received file. It is not found only if its directory was removed meanwhile.
    pub(crate) fn explain(&self, error: StoreError) -> StoreError {
        match error.reason {
            Reason::NotFound if self.root_is_removed() => Reason::RootGone.into(),
            Reason::NotFound => {
                StoreError::new(Reason::NotFound, "its directory was removed meanwhile")
            }
            _ => error,
        }
    }
}
