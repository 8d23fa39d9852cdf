//! Small files without a name (`O_TMPFILE`) until they are complete: no partial must be locked or cleaned
//! up. Only Linux has them; on other systems, and on file systems without, each file takes a partial.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::fs::error::StoreError;
use crate::fs::names::partial_name::temporary;
use crate::fs::policy::Existing;
use crate::fs::recv::naming::first_free;
use crate::fs::sys::metadata::Attributes;
use crate::fs::sys::undeletable;

/// Creates files without a name.
#[derive(Debug, Default)]
pub(crate) struct TempFiles {
    /// Whether the file system was found not to support them.
    is_impossible: bool,
    /// A directory whose files get exactly the permission bits that they are created with, and these bits.
    kept: Option<(Arc<Dir>, u32)>,
}

/// The complete content and metadata of a file.
#[derive(Debug)]
pub(crate) struct CompleteFile<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) attributes: Attributes,
}

impl TempFiles {
    /// Closes the directory.
    pub(crate) fn free_buffers(&mut self) {
        self.kept = None;
    }

    pub(crate) fn is_impossible(&self) -> bool {
        self.is_impossible
    }

    /// Records that the file system does not support them.
    pub(crate) fn give_up(&mut self) {
        self.is_impossible = true;
    }

    /// Puts a file into `dir` as `name`. Returns whether it is in place; if not, the name exists or the call
    /// failed, and the commit through a partial finds the reason.
    pub(crate) fn put(&mut self, dir: &Arc<Dir>, name: &str, complete: &CompleteFile<'_>) -> bool {
        let Some(file) = self.write(dir, complete) else { return false };
        let result = link(&file, dir, name);
        self.is_impossible =
            result.as_ref().is_err_and(|error| error.kind() != ErrorKind::AlreadyExists);
        result.is_ok()
    }

    /// Writes a file that gets a name in `dir` later. `None`: the file system does not support it.
    pub(crate) fn write(&mut self, dir: &Arc<Dir>, complete: &CompleteFile<'_>) -> Option<File> {
        if self.is_impossible {
            return None;
        }
        let result = self.try_to_write(dir, complete);
        self.is_impossible = result.is_err();
        result.ok()
    }

    /// Gives a file its name, or as the policy says if another one has it. Returns its final name.
    ///
    /// # Errors
    /// The file system does not support it, or the policy does not allow it.
    pub(crate) fn link<'a>(
        &mut self,
        file: &File,
        dir: &Dir,
        name: &'a str,
        existing: Existing,
    ) -> Result<Cow<'a, str>, StoreError> {
        if self.is_impossible {
            return Err(io::Error::from(ErrorKind::Unsupported).into());
        }
        if existing != Existing::Replace {
            return first_free(name, existing, |name| link(file, dir, name));
        }
        Ok(self.replace(file, dir, name).map(|()| Cow::Borrowed(name))?)
    }

    fn replace(&mut self, file: &File, dir: &Dir, name: &str) -> io::Result<()> {
        let result = match link(file, dir, name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if undeletable::check(dir).is_err() {
                    return Err(ErrorKind::PermissionDenied.into());
                }
                let temporary = temporary(name)?;
                link(file, dir, &temporary)?;
                let renamed = dir.rename(&temporary, dir, name);
                if renamed.is_err() {
                    // The commit through a partial reports a file that cannot be removed.
                    let _ = undeletable::remove(dir, &temporary, file);
                }
                return renamed;
            }
            result => result,
        };
        self.is_impossible = result.is_err();
        result
    }

    #[cfg(target_os = "linux")]
    fn try_to_write(&mut self, dir: &Arc<Dir>, complete: &CompleteFile<'_>) -> io::Result<File> {
        use cap_std::fs::Metadata;
        use rustix::fs::{Mode, OFlags, openat};

        use crate::fs::sys::buffer::write_all_at;
        use crate::fs::sys::metadata::FileMetadata;
        use crate::fs::sys::metadata::set_time;
        use crate::fs::sys::metadata::{set_mode, set_owner};

        let CompleteFile { bytes, attributes: Attributes { mode, modified, owner } } = *complete;
        // No user gets more rights than the complete file gives.
        let made_with = mode.map_or(0o666, |mode| mode & 0o777 | 0o600);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(openat(dir, c".", flags, Mode::from_raw_mode(made_with))?);
        write_all_at(&file, bytes, 0)?;
        set_owner(&file, None, owner)?;
        let keeps = |(kept, bits): &(_, u32)| Arc::ptr_eq(kept, dir) && mode == Some(*bits);
        if !self.kept.as_ref().is_some_and(keeps) {
            let now = Metadata::from_file(&file)?;
            set_mode(&file, &now, mode)?;
            let kept = mode.filter(|mode| FileMetadata::of(&now).mode == Some(*mode));
            self.kept = kept.map(|mode| (Arc::clone(dir), mode));
        }
        set_time(&file, modified)?;
        Ok(file)
    }

    #[cfg(not(target_os = "linux"))]
    fn try_to_write(&mut self, _: &Arc<Dir>, _: &CompleteFile<'_>) -> io::Result<File> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
fn link(file: &File, dir: &Dir, name: &str) -> io::Result<()> {
    use rustix::fs::{AtFlags, linkat};

    Ok(linkat(file, c"", dir, name, AtFlags::EMPTY_PATH)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Dir, _: &str) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
