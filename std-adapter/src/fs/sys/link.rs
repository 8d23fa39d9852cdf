//! Reads and makes symbolic links, and gives files further names. Follows no link.

use std::io;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::path::{PAIR_MAX, TARGET_MAX, is_target};

use crate::fs::error::StoreError;
use crate::fs::policy::Owner;

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

#[cfg(unix)]
fn read(dir: &Dir, name: &str) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes())
}

/// Makes a symbolic link. An entry that has the name is not replaced.
#[cfg(unix)]
pub(crate) fn make(dir: &Dir, name: &str, target: &str, owner: Owner) -> io::Result<()> {
    use rustix::fs::{AtFlags, Gid, Uid, chownat, symlinkat, unlinkat};

    symlinkat(target, dir, name)?;
    let Owner { user, group } = owner;
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
    chownat(dir, name, user, group, AtFlags::SYMLINK_NOFOLLOW).inspect_err(|_| {
        let _ = unlinkat(dir, name, AtFlags::empty());
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn read(_: &Dir, _: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub(crate) fn make(_: &Dir, _: &str, _: &str, _: Owner) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of names that a file has.
#[cfg(unix)]
pub(crate) fn names_of(metadata: &cap_std::fs::Metadata) -> u64 {
    cap_std::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
pub(crate) fn names_of(_: &cap_std::fs::Metadata) -> u64 {
    1
}
