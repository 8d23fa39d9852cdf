//! Files of a tree that are written and get their names when their content is durable: after a power
//! failure every name has the old file or the new one. Knows nothing of reports.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::policy::Existing;
use crate::fs::recv::partial::{Partial, PartialOwner, PartialRequest};
use crate::fs::recv::tmpfile::{CompleteFile, TempFiles};
use crate::fs::sys::metadata::{Attributes, FileMetadata, owner_of, set_metadata};
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::sync_failures;

/// A file that is written.
#[derive(Debug)]
pub(crate) enum Staged {
    /// It has no name at all.
    TempFile(File),
    /// It has the name of a partial; whether its time and its permission bits could be set.
    Partial(Box<Partial>, io::Result<()>),
    /// It has its name already, and is the same as the offered file; whether its time and
    /// its permission bits could be set.
    Same(File, io::Result<()>),
    /// It has its name, or this other one; whether its time and its permission bits could be set.
    Named(Option<Box<str>>, io::Result<()>),
    Failed(StoreError),
}

impl Staged {
    /// Writes a file that is to become `name` in `dir`.
    pub(crate) fn write(
        dir: &Arc<Dir>,
        name: &str,
        complete: &CompleteFile<'_>,
        temp_files: &mut TempFiles,
    ) -> Self {
        if let Some(file) = temp_files.write(dir, complete) {
            return Self::TempFile(file);
        }
        match write_partial(dir, name, complete) {
            Ok((partial, metadata_set)) => Self::Partial(Box::new(partial), metadata_set),
            Err(error) => Self::Failed(error),
        }
    }

    /// Makes a file durable by itself and gives it its name.
    pub(crate) fn put_alone(mut self, dir: &Arc<Dir>, name: &str, existing: Existing) -> Self {
        self.synchronise();
        self.name(dir, name, existing, &mut TempFiles::default());
        if matches!(self, Self::Named(..))
            && let Err(error) = synchronise(dir)
        {
            return Self::Failed(error.into());
        }
        self
    }

    /// The result, once it has a name: that name, if it is another one, and whether its time and its permission
    /// bits could be set.
    pub(crate) fn into_result(self) -> Result<(Option<Box<str>>, io::Result<()>), StoreError> {
        match self {
            Self::Named(other_name, metadata_set) => Ok((other_name, metadata_set)),
            Self::Failed(error) => Err(error),
            Self::TempFile(_) | Self::Partial(..) | Self::Same(..) => Err(Reason::Storage.into()),
        }
    }

    /// Drops it without putting it in place.
    pub(crate) fn discard(self) {
        if let Self::Partial(partial, _) = self {
            partial.discard();
        }
    }

    /// Makes its content durable by itself.
    pub(crate) fn synchronise(&mut self) {
        let result = match self {
            Self::TempFile(file) | Self::Same(file, _) => sync_failures::synchronise(file),
            Self::Partial(partial, _) => sync_failures::synchronise(&partial.file),
            Self::Named(..) | Self::Failed(_) => return,
        };
        if let Err(error) = result {
            std::mem::replace(self, Self::Failed(error.into())).discard();
        }
    }

    /// Gives the file its name, or another one as the policy says.
    pub(crate) fn name(
        &mut self,
        dir: &Arc<Dir>,
        name: &str,
        existing: Existing,
        temp_files: &mut TempFiles,
    ) {
        let named = |result: Result<Cow<'_, str>, StoreError>, metadata_set| match result {
            Ok(stored) => Self::Named((stored != name).then(|| stored.into()), metadata_set),
            Err(error) => Self::Failed(error),
        };
        *self = match std::mem::replace(self, Self::Named(None, Ok(()))) {
            Self::TempFile(file) => {
                let linked = temp_files.link(&file, dir, name, existing);
                let stored = linked.or_else(|error| match error.reason {
                    // The policy refuses a copy too.
                    Reason::Exists => Err(error),
                    _ => copy(&file, dir, name, existing),
                });
                named(stored, Ok(()))
            }
            Self::Partial(partial, metadata_set) => {
                let placed = partial.place(name, existing).map(|(stored, _)| stored);
                named(placed.map_err(|error| partial.discard_after(error)), metadata_set)
            }
            Self::Same(_, metadata_set) => Self::Named(None, metadata_set),
            other => other,
        };
    }
}

fn write_partial(
    dir: &Arc<Dir>,
    name: &str,
    complete: &CompleteFile<'_>,
) -> Result<(Partial, io::Result<()>), StoreError> {
    let CompleteFile { bytes, attributes } = *complete;
    let mode = attributes.mode;
    let request = PartialRequest { owner: &PartialOwner::None, index: None, target: name, mode };
    let mut partial = Partial::create(dir, request)?;
    partial.has_content_to(bytes.len() as u64);
    if let Err(error) = crate::fs::sys::buffer::write_all_at(&partial.file, bytes, 0) {
        partial.discard();
        return Err(error.into());
    }
    let metadata_set = set_metadata(&partial.file, &partial.metadata, attributes);
    Ok((partial, metadata_set))
}

/// Copies a file that cannot get a name into a partial, and renames that.
fn copy<'a>(
    mut file: &File,
    dir: &Arc<Dir>,
    name: &'a str,
    existing: Existing,
) -> Result<Cow<'a, str>, StoreError> {
    use std::io::{Read, Seek};

    let metadata = Metadata::from_file(file)?;
    let FileMetadata { mode, modified, .. } = FileMetadata::of(&metadata);
    let attributes = Attributes { mode, modified, owner: owner_of(&metadata) };
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let (partial, _) = write_partial(dir, name, &CompleteFile { bytes: &bytes, attributes })?;
    let placed = sync_failures::synchronise(&partial.file)
        .map_err(StoreError::from)
        .and_then(|()| partial.place(name, existing).map(|(stored, _)| stored));
    placed.map_err(|error| partial.discard_after(error))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_file_that_the_policy_refuses_is_not_copied() {
        let place = tempfile::tempdir().unwrap();
        let dir = Arc::new(Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap());
        fs::write(place.path().join("f"), "old").unwrap();
        let mut temp_files = TempFiles::default();
        let complete = CompleteFile { bytes: b"new", attributes: Attributes::default() };
        let mut staged = Staged::write(&dir, "f", &complete, &mut temp_files);
        if !matches!(staged, Staged::TempFile(_)) {
            return println!("skipped: the file system has no files without a name");
        }
        // A copy would change the time of the directory.
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::open(place.path()).unwrap().set_modified(before).unwrap();
        staged.name(&dir, "f", Existing::Refuse, &mut temp_files);
        let error = staged.into_result().unwrap_err();
        assert_eq!(error.reason, Reason::Exists);
        assert_eq!(fs::metadata(place.path()).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read(place.path().join("f")).unwrap(), b"old");
    }
}
