//! Creates the missing directories of a path, with their permission bits and their owner.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, DirBuilder, Metadata};
use tinyferry_core::error::Reason;

use super::DirCursor;
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::policy::Owner;
use crate::fs::sys::metadata::{Attributes, is_unsupported, report_unset, set_metadata};
use crate::fs::sys::sync::{open_itself, synchronise};

/// The metadata of new directories.
#[derive(Debug, Default)]
pub(super) struct NewDirectories {
    /// The permission bits of a directory that has none of its own.
    mode: Option<u32>,
    owner: Owner,
    /// The directories whose metadata could not be set, and that are not reported yet.
    unset: Vec<(String, io::Error)>,
}

impl NewDirectories {
    pub(super) fn add_unset(&mut self, path: String, error: io::Error) {
        self.unset.push((path, error));
    }
}

/// The result of creating a missing directory.
pub(super) enum Made {
    Nothing,
    /// It was created here. The error: its owner or its permission bits could not be set.
    Here(Option<io::Error>),
    /// Another process has created it meanwhile.
    Elsewhere,
}

impl DirCursor {
    /// Sets the owner of new directories, and the permission bits of those that have none of their own.
    pub(crate) fn make_directories_with(&mut self, mode: Option<u32>, owner: Owner) {
        (self.new_directories.mode, self.new_directories.owner) = (mode, owner);
    }

    /// The directory at `path`; creates it and its parents if they are missing. A new one gets the permission
    /// bits `mode` and is writable for its owner. [`DirCursor::report_unset`] reports a directory whose owner
    /// or permission bits could not be set.
    pub(crate) fn made(
        &mut self,
        path: &str,
        mode: Option<u32>,
        synced: bool,
    ) -> Result<Arc<Dir>, StoreError> {
        let NewDirectories { mode: new_mode, owner, .. } = self.new_directories;
        let found = self.descend(path, |above, name, is_last| {
            let own_mode = mode.filter(|_| is_last);
            match above.create_dir_with(name, &builder(own_mode.or(new_mode))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Ok(Made::Elsewhere);
                }
                Err(error) => return Err(error),
            }
            let mode = new_mode.filter(|_| own_mode.is_none()).map(|mode| mode | 0o700);
            let attributes = Attributes { mode, modified: None, owner };
            let unset = match set_new(above, name, attributes) {
                Err(error) if is_unsupported(&error) => Some(error),
                result => result.map(|()| None)?,
            };
            if synced {
                synchronise(above)?;
            }
            Ok(Made::Here(unset))
        })?;
        found.ok_or(StoreError::from(Reason::NotFound))
    }

    /// Reports the new directories whose owner or permission bits could not be set, which is no failure.
    pub(crate) fn report_unset(&mut self, observer: &mut impl Observer) {
        for (path, error) in self.new_directories.unset.drain(..) {
            let _ = report_unset(Err(error), &path, observer);
        }
    }

    /// Does not report this directory: its metadata is set, and reported, later.
    pub(crate) fn forget_unset(&mut self, path: &str) {
        self.new_directories.unset.retain(|(unset, _)| unset != path);
    }
}

/// Sets the metadata of a new directory.
fn set_new(above: &Dir, name: &str, attributes: Attributes) -> io::Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    // A directory that cannot be opened is reported when it is entered.
    let Ok(dir) = above.open_dir_nofollow(name).and_then(|dir| open_itself(&dir)) else {
        return Ok(());
    };
    set_metadata(&dir, &Metadata::from_file(&dir)?, attributes)
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
