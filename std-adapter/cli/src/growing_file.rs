//! The file that gets the content of a followed file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file to which content is appended. It is opened, or made, when the first content comes or the transfer has
/// succeeded: a request that the server refuses makes no file.
pub(crate) struct GrowingFile {
    path: PathBuf,
    file: Option<File>,
}

impl GrowingFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    /// The directory of such a file.
    pub(crate) fn directory_of(path: &Path) -> &Path {
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Opens the file, or makes an empty one.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn open(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(OpenOptions::new().append(true).create(true).open(&self.path)?)),
        }
    }
}

impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}
