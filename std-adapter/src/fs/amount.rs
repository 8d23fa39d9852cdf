//! Amounts of files.

use std::ops::{AddAssign, Sub};

/// A number of files and symbolic links, and their content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Regular files and symbolic links.
    pub files: u64,
    /// The sizes of the files, in bytes.
    pub bytes: u64,
}

impl Amount {
    /// One file.
    pub(crate) const fn file(size: u64) -> Self {
        Self { files: 1, bytes: size }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_sub(other.files),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}
