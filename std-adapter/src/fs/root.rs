//! The directory that a store works in.

use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::fs::sys::ambient;

/// An open directory. A store reaches nothing outside it.
#[derive(Debug, Clone)]
pub struct Root(pub(crate) Arc<Dir>);

impl Root {
    /// Opens the directory at `path`, through links if the path has some.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        ambient::open_dir(path.as_ref()).map(|dir| Self(Arc::new(dir)))
    }
}
