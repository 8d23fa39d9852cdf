//! The directory that is served: what stands at its path when a client comes, not when the server
//! began.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::fs::Dir;
use crate::fs::ambient_authority;
use crate::words::of_system;

/// A path, and a handle of what stood there last.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    dir: Mutex<Arc<Dir>>,
}

impl Root {
    /// Opens the directory at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let dir = open(path)?;
        Ok(Self { path: path.to_owned(), dir: Mutex::new(Arc::new(dir)) })
    }

    /// The directory that stands at the path now. It may have been renamed, removed, replaced or
    /// mounted over since: then it is opened anew.
    pub(crate) fn current(&self) -> io::Result<Arc<Dir>> {
        let mut dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_at(&dir, &self.path)? {
            let path = self.path.display().to_string();
            *dir = Arc::new(open(&self.path)?);
            warn!("\"{}\" is another directory than before: it is served now", path.escape_debug());
        }
        Ok(Arc::clone(&dir))
    }
}

fn open(path: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &io::Error) -> io::Error {
    let path = path.display().to_string();
    let sentence = format!("cannot serve \"{}\": {}", path.escape_debug(), of_system(error));
    io::Error::new(error.kind(), sentence)
}

/// Whether the handle is of what stands at `path`.
#[cfg(unix)]
fn is_at(dir: &Dir, path: &Path) -> io::Result<bool> {
    let [there, held] = [rustix::fs::stat(path), rustix::fs::fstat(dir)];
    let there = there.map_err(|error| cannot(path, &error.into()))?;
    Ok(held.is_ok_and(|held| (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)))
}

/// An open directory cannot be renamed or removed there.
#[cfg(not(unix))]
fn is_at(_: &Dir, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_stands_at_the_path_now_is_served() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("in");
        fs::create_dir(&path).unwrap();
        let root = Root::open(&path).unwrap();
        fs::rename(&path, place.path().join("old")).unwrap();
        assert_eq!(root.current().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("new"), "").unwrap();
        assert!(root.current().unwrap().exists("new"));
        fs::remove_dir_all(&path).unwrap();
        assert!(root.current().is_err());
        fs::write(&path, "").unwrap();
        assert!(root.current().is_err());
    }
}
