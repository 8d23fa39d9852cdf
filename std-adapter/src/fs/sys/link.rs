//! Reads and makes symbolic links, and gives files further names. Follows no link.

use std::io;

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;
use tinyferry_core::path::{PAIR_MAX, TARGET_MAX, is_target};

use crate::fs::error::StoreError;
use crate::fs::policy::Owner;
use crate::fs::sys::dir_cursor::Id;
#[cfg(unix)]
use crate::fs::sys::dir_cursor::id_of;
#[cfg(unix)]
use crate::fs::sys::metadata::{FileMetadata, is_unsupported};

/// The target of the symbolic link `name` of `dir`, whose path in its tree is `path`.
///
/// # Errors
/// It cannot be read, or it cannot be sent.
pub(crate) fn target(dir: &Dir, name: &str, path: &str) -> Result<String, StoreError> {
    let unsendable = |why: &str| {
        StoreError::new(Reason::SymbolicLink, &format!("its target cannot be sent: {why}"))
    };
    let target = String::from_utf8(read(dir, name)?).map_err(|_| unsendable("it is not UTF-8"))?;
    if target.len() > TARGET_MAX {
        return Err(unsendable(&format!("it has more than {TARGET_MAX} bytes")));
    }
    if !is_target(&target) {
        return Err(unsendable("it contains control characters"));
    }
    if path.len() + target.len() > PAIR_MAX {
        return Err(unsendable(&format!(
            "it and the path have more than {PAIR_MAX} bytes together"
        )));
    }
    Ok(target)
}

/// The target of a symbolic link, as bytes: it need not be UTF-8.
#[cfg(unix)]
pub(crate) fn read(dir: &Dir, name: &str) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes())
}

/// Makes a symbolic link. An entry that has the name is not replaced. Returns why its owner could not be set, if the
/// system does not allow it.
#[cfg(unix)]
pub(crate) fn make(
    dir: &Dir,
    name: &str,
    target: &str,
    owner: Owner,
) -> io::Result<Option<io::Error>> {
    use rustix::fs::{AtFlags, Gid, Uid, chownat, symlinkat};

    symlinkat(target, dir, name)?;
    let Owner { user, group } = owner;
    if user.is_none() && group.is_none() {
        return Ok(None);
    }
    let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
    let set = chownat(dir, name, user, group, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from);
    match set {
        Err(error) if is_unsupported(&error) => Ok(Some(error)),
        set => set.map(|()| None),
    }
}

#[cfg(not(unix))]
pub(crate) fn read(_: &Dir, _: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub(crate) fn make(_: &Dir, _: &str, _: &str, _: Owner) -> io::Result<Option<io::Error>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Identifies a file and its content. Its inode may be given to another file while a request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileVersion {
    id: Id,
    size: u64,
    /// Nanoseconds since 1970.
    modified: Option<i64>,
    /// The last change of its metadata, in seconds and nanoseconds since 1970.
    changed: (i64, i64),
}

/// A file with several names; `None`: it has one.
#[cfg(unix)]
pub(crate) fn several_names(metadata: &Metadata) -> Option<FileVersion> {
    use cap_std::fs::MetadataExt;

    let id = id_of(metadata).filter(|_| metadata.nlink() > 1)?;
    let FileMetadata { size, modified, .. } = FileMetadata::of(metadata);
    Some(FileVersion { id, size, modified, changed: (metadata.ctime(), metadata.ctime_nsec()) })
}

#[cfg(not(unix))]
pub(crate) fn several_names(_: &Metadata) -> Option<FileVersion> {
    None
}
