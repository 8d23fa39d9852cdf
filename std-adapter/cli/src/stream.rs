//! The arguments that mean a stream: `-`, and a device or a pipe of `get -o`.

use std::fmt;
use std::path::{Path, PathBuf};

use tinyferry::describe;

use crate::standard;

/// The argument for standard input or output.
pub(crate) const STREAM: &str = "-";

/// The argument of `get -o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Content is written as it arrives, and cannot be replaced.
    Stream(Stream),
    /// A file or a directory is stored there.
    File(PathBuf),
}

/// A stream for content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stream {
    Standard,
    /// A pipe or a character device.
    Device(PathBuf),
    /// A file that gets the content of a followed file: what it has already is the beginning of that content.
    Growing(PathBuf),
}

impl Output {
    pub(crate) fn of(file: PathBuf) -> Self {
        let is_standard = [STREAM, "/dev/stdout"].iter().any(|name| file == Path::new(name));
        if is_standard || standard::is_output(&file) {
            Self::Stream(Stream::Standard)
        } else if is_device(&file) {
            Self::Stream(Stream::Device(file))
        } else {
            Self::File(file)
        }
    }
}

impl Stream {
    /// The stream for a followed file, whose output is `output`.
    pub(crate) fn followed(output: Option<Output>) -> Self {
        match output {
            None => Self::Standard,
            Some(Output::Stream(stream)) => stream,
            Some(Output::File(file)) => Self::Growing(file),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard output"),
            Self::Device(file) | Self::Growing(file) => write!(f, "\"{}\"", describe::path(file)),
        }
    }
}

/// Whether a file is a pipe or a character device, which has no content to replace.
#[cfg(unix)]
pub(crate) fn is_device(file: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = file.metadata().map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device())
}

#[cfg(not(unix))]
pub(crate) fn is_device(_: &Path) -> bool {
    false
}
