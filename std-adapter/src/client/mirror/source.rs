//! The local directory that a mirror is compared with. If it vanishes, all of its entries are missing: a disk was
//! unplugged, or the directory was renamed. Then nothing may be removed from the target.

use std::io::{self, ErrorKind};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::client::{Error, local_error};
use crate::fs::sys::dir_cursor::{Id, id_of};

/// A directory, by which its path is checked later.
#[derive(Debug)]
pub(super) struct SourceDirectory<'a> {
    path: &'a Path,
    /// `None`: the system has no such numbers.
    id: Option<Id>,
}

impl<'a> SourceDirectory<'a> {
    /// Finds the directory at a path.
    ///
    /// # Errors
    /// [`Error::Local`] if there is no directory.
    pub(super) fn find(path: &'a Path) -> Result<Self, Error> {
        let id = id_at(path).map_err(|error| local_error(path, &error))?;
        Ok(Self { path, id })
    }

    /// Checks that the path still leads to the directory.
    ///
    /// # Errors
    /// [`Error::Local`] if it does not.
    pub(super) fn check(&self) -> Result<(), Error> {
        let found = Self::find(self.path)?;
        match found.id == self.id {
            true => Ok(()),
            false => {
                let error = io::Error::new(ErrorKind::NotFound, "the directory was replaced");
                Err(local_error(self.path, &error))
            }
        }
    }
}

fn id_at(path: &Path) -> io::Result<Option<Id>> {
    let directory = Dir::open_ambient_dir(path, ambient_authority())?;
    directory.dir_metadata().map(|metadata| id_of(&metadata))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_that_vanishes_or_is_replaced_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("src");
        assert!(SourceDirectory::find(&path).is_err());
        fs::create_dir(&path).unwrap();
        let source = SourceDirectory::find(&path).unwrap();
        source.check().unwrap();
        fs::rename(&path, place.path().join("away")).unwrap();
        let error = source.check().unwrap_err();
        assert!(matches!(error, Error::Local(_)) && error.to_string().contains("src"), "{error}");
        // A path that leads to another directory.
        fs::create_dir(&path).unwrap();
        assert_eq!(source.check().is_err(), cfg!(unix));
        fs::write(place.path().join("file"), "").unwrap();
        assert!(SourceDirectory::find(&place.path().join("file")).is_err());
    }
}
