//! The spelling of existing names. Some file systems fold names: they treat names as equal that differ in
//! case, or in the form of an accented letter.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;

/// The maximum number of names that are remembered; a larger directory is read for each check.
const MAX_NAMES: usize = 1 << 16;

/// The names of the directory that was checked last.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    path: String,
    names: HashSet<u64>,
    hasher: RandomState,
    root_may_fold: Option<bool>,
}

impl Spelling {
    /// Whether a directory may fold names.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn may_fold(dir: &Dir) -> bool {
        use rustix::fs::{fstatfs, ioctl_getflags};
        use std::io;

        use crate::fs::sys::sync::open_itself;

        /// The directory folds case (`FS_CASEFOLD_FL`).
        const CASEFOLD: u32 = 0x4000_0000;
        /// ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, F2FS, overlayfs, bcachefs: exact without that flag.
        const EXACT: [u64; 8] = [
            0xEF53,
            0x5846_5342,
            0x9123_683E,
            0x0102_1994,
            0x8584_58F6,
            0xF2F5_2010,
            0x794C_7630,
            0xCA45_1A4E,
        ];
        let Ok(found) = fstatfs(dir) else { return true };
        #[allow(clippy::unnecessary_cast, reason = "its type is another one on other machines")]
        let kind = found.f_type as u64 & 0xFFFF_FFFF;
        // An unreadable directory cannot be asked, nor could its names be compared.
        let flags = || ioctl_getflags(open_itself(dir)?).map_err(io::Error::from);
        !EXACT.contains(&kind) || flags().is_ok_and(|flags| flags.bits() & CASEFOLD != 0)
    }

    /// Whether a directory may fold names.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn may_fold(_: &Dir) -> bool {
        true
    }

    /// A name was removed or changed.
    pub(crate) fn forget(&mut self) {
        self.path.clear();
        self.names.clear();
    }

    /// The same for the root.
    pub(crate) fn root_may_fold(&mut self, dir: &Dir) -> bool {
        *self.root_may_fold.get_or_insert_with(|| Self::may_fold(dir))
    }

    /// Fails if the existing entry `name` in `dir`, whose path is `path`, is spelled differently: it is
    /// another file, which this one would replace. In an unreadable directory names cannot be compared, and
    /// nothing is replaced.
    pub(crate) fn check(
        &mut self,
        dir: &Dir,
        path: &str,
        name: &str,
        replaces: bool,
    ) -> Result<(), StoreError> {
        let asked = self.hasher.hash_one(name);
        if self.path == path && self.names.contains(&asked) {
            return Ok(());
        }
        self.path.clear();
        self.path.push_str(path);
        self.names.clear();
        let entries = match dir.entries() {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !replaces => return Ok(()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let detail = "a file of this name or of one that the file system takes for it is there, \
                            and its directory may not be read";
                return Err(StoreError::new(Reason::NoPermission, detail));
            }
            Err(error) => return Err(error.into()),
        };
        let (mut is_there, mut like_it) = (false, None);
        for entry in entries {
            let found = entry?.file_name();
            let Some(found) = found.to_str() else { continue };
            is_there |= found == name;
            if self.names.len() < MAX_NAMES {
                self.names.insert(self.hasher.hash_one(found));
            }
            if like_it.is_none() && found.to_lowercase() == name.to_lowercase() {
                like_it = Some(found.to_owned());
            }
        }
        if is_there {
            self.names.insert(asked);
            return Ok(());
        }
        let other = like_it.map_or("another entry".to_owned(), |name| format!("\"{name}\""));
        let detail = format!("on this file system it has the same name as {other}, which exists");
        Err(StoreError::new(Reason::BadPath, &detail))
    }
}
