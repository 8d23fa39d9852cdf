//! The space of a file system.

use cap_std::fs::Dir;

/// The space of a file system, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    /// Without the reserve of root, as `df` shows it.
    pub(crate) free: u64,
    pub(crate) total: u64,
}

impl Space {
    /// That of the file system of `dir`; `None`: it is not known.
    #[cfg(unix)]
    pub(crate) fn of(dir: &Dir) -> Option<Self> {
        let found = stat(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Self { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_: &Dir) -> Option<Self> {
        None
    }
}

/// The bytes that this program may still store in the file system of `dir`: root may use its reserve. `None`: they
/// are not known.
#[cfg(unix)]
pub(crate) fn free(dir: &Dir) -> Option<u64> {
    let found = stat(dir)?;
    let is_root = rustix::process::geteuid().is_root();
    let blocks = if is_root { found.f_bfree } else { found.f_bavail };
    Some(blocks.saturating_mul(found.f_frsize))
}

/// Some file systems, as those of the system itself, have no blocks at all.
#[cfg(unix)]
fn stat(dir: &Dir) -> Option<rustix::fs::StatVfs> {
    rustix::fs::fstatvfs(dir).ok().filter(|found| found.f_blocks != 0)
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Dir) -> Option<u64> {
    None
}
