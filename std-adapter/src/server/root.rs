//! The served directory: the one that is at its path when a client connects, which may not be the one that
//! was there when the server started.

use std::io;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tracing::warn;

use crate::describe;
use crate::fs::sys::ambient;
use crate::fs::sys::dir_cursor::{Id, id_of};
use cap_std::fs::Dir;

/// The path of the served directory. A handle of it is open only while it is in use, so that its
/// file system can be unmounted while no client is connected.
#[derive(Debug)]
pub(crate) struct Root {
    /// Absolute: a relative path would lead into a directory that was moved or removed.
    path: PathBuf,
    /// The path as it was given, for messages.
    given: PathBuf,
    state: Mutex<Last>,
}

/// The directory that was at the path last.
#[derive(Debug, Default)]
struct Last {
    dir: Weak<Dir>,
    id: Option<Id>,
}

impl Root {
    /// Opens the directory at `path` and closes it again: from then on it can be served.
    pub(crate) fn open(given: &Path) -> io::Result<Self> {
        let path = absolute(given).map_err(|error| cannot(given, &error))?;
        let mut root = Self { path, given: given.to_owned(), state: Mutex::default() };
        let (dir, id) = root.reopen()?;
        // Linux opens a directory that the user has no right to.
        #[cfg(unix)]
        dir.metadata(".").map_err(|error| cannot(given, &error))?;
        drop(dir);
        root.state = Mutex::new(Last { dir: Weak::new(), id });
        Ok(root)
    }

    /// The directory that is at the path now. If the previous one was renamed, removed, replaced, unmounted
    /// or mounted over, another one is opened.
    pub(crate) fn current(&self) -> io::Result<Arc<Dir>> {
        let mut last = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = last.dir.upgrade()
            && is_at(&dir, &self.path).map_err(|error| cannot(&self.given, &error))?
        {
            return Ok(dir);
        }
        let (dir, id) = self.reopen()?;
        if id != last.id {
            let path = describe::path(&self.given);
            warn!("\"{path}\" is another directory than before; the new one is served now");
        }
        *last = Last { dir: Arc::downgrade(&dir), id };
        Ok(dir)
    }

    fn reopen(&self) -> io::Result<(Arc<Dir>, Option<Id>)> {
        let opened = ambient::open_dir(&self.path)
            .and_then(|dir| dir.dir_metadata().map(|metadata| (Arc::new(dir), id_of(&metadata))));
        opened.map_err(|error| cannot(&self.given, &error))
    }
}

fn cannot(path: &Path, error: &io::Error) -> io::Error {
    let sentence =
        format!("cannot serve \"{}\": {}", describe::path(path), describe::os_error(error));
    io::Error::new(error.kind(), sentence)
}

/// Whether the handle is the directory at `path`.
#[cfg(unix)]
fn is_at(dir: &Dir, path: &Path) -> io::Result<bool> {
    let [at_path, opened] = [rustix::fs::stat(path), rustix::fs::fstat(dir)];
    let at_path = at_path?;
    Ok(opened
        .is_ok_and(|opened| (opened.st_dev, opened.st_ino) == (at_path.st_dev, at_path.st_ino)))
}

/// On these systems an open directory cannot be renamed or removed.
#[cfg(not(unix))]
fn is_at(_: &Dir, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_present_directory_at_the_path_is_served() {
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

    #[test]
    fn the_directory_is_open_only_while_it_is_used() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        let is_open = || root.state.lock().unwrap().dir.strong_count();
        assert_eq!(is_open(), 0);
        let [one, other] = [(); 2].map(|()| root.current().unwrap());
        assert!(Arc::ptr_eq(&one, &other) && is_open() == 2);
        drop((one, other));
        assert_eq!(is_open(), 0);
    }
}

/// The directory of a client cannot be opened.
pub(crate) struct RootError {
    pub(crate) error: io::Error,
    /// The message for the client, or empty. It names no path of this machine.
    pub(crate) message: &'static str,
}

impl RootError {
    pub(crate) fn of_key(error: io::Error) -> Self {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let missing = "the directory of this key is missing";
        let message =
            if is_missing { missing } else { "the directory of this key cannot be opened" };
        Self { error, message }
    }
}

impl From<io::Error> for RootError {
    fn from(error: io::Error) -> Self {
        Self { error, message: "" }
    }
}
