//! Metadata of a partial: its owner and the number of its names.

use cap_std::fs::Metadata;

use crate::fs::sys::dir_cursor::id_of;

/// Whether a file belongs to the user that runs this program.
#[cfg(unix)]
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    cap_std::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub(crate) fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
pub(crate) fn is_single(metadata: &Metadata) -> bool {
    cap_fs_ext::MetadataExt::nlink(metadata) == 1
}

/// Whether two are the same file. Elsewhere than on Unix an open file keeps its name.
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    id_of(one) == id_of(other)
}

#[cfg(not(unix))]
pub(crate) fn is_single(_: &Metadata) -> bool {
    true
}
