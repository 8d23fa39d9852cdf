//! The numbers of a command.

use std::ops::AddAssign;

use serde::Serialize;

/// The numbers of entries and bytes, as in the last object of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Files in place whose content was transferred, wholly or in part.
    pub(crate) sent: u64,
    /// Of them, those of which the receiver had a part before.
    pub(crate) resumed: u64,
    /// Files that the receiver had before; `None`: the other end does not count them.
    pub(crate) unchanged: Option<u64>,
    /// Directories that were transferred.
    pub(crate) directories: u64,
    /// Links in place.
    pub(crate) linked: u64,
    /// Removed entries.
    pub(crate) removed: u64,
    /// Entries that were not transferred or removed, with those that have no name.
    pub(crate) failed: u64,
    /// Of them, those that vanished or changed at the source.
    pub(crate) vanished: u64,
    /// The transferred content of the files in place, in bytes.
    pub(crate) bytes: u64,
    /// The content of them that the receiver had before, in bytes.
    pub(crate) bytes_resumed: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            sent: 0,
            resumed: 0,
            unchanged: Some(0),
            directories: 0,
            linked: 0,
            removed: 0,
            failed: 0,
            vanished: 0,
            bytes: 0,
            bytes_resumed: 0,
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self {
            sent,
            resumed,
            unchanged,
            directories,
            linked,
            removed,
            failed,
            vanished,
            bytes,
            bytes_resumed,
        } = other;
        self.sent += sent;
        self.resumed += resumed;
        self.unchanged = self.unchanged.zip(unchanged).map(|(one, other)| one + other);
        self.directories += directories;
        self.linked += linked;
        self.removed += removed;
        self.failed += failed;
        self.vanished += vanished;
        self.bytes += bytes;
        self.bytes_resumed += bytes_resumed;
    }
}
