//! The free space of a file system.

use cap_std::fs::Dir;

/// The bytes that this program may still store in the file system of `dir`; `None`: it is not known.
#[cfg(unix)]
pub(crate) fn free(dir: &Dir) -> Option<u64> {
    let found = rustix::fs::fstatvfs(dir).ok()?;
    // Some file systems, as those of the system itself, have no blocks at all.
    if found.f_blocks == 0 {
        return None;
    }
    let is_root = rustix::process::geteuid().is_root();
    let blocks = if is_root { found.f_bfree } else { found.f_bavail };
    Some(blocks.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Dir) -> Option<u64> {
    None
}
