//! Errors of tasks that name a file of this end, and questions about errors.

use std::io;
use std::path::Path;

use tinyferry_core::Reason;

use crate::describe;
use crate::error::Error;

/// The error of a request for `remote` that is to be stored as `local`; explains a file in whose place a
/// directory is.
pub(super) fn of_get(error: Error, local: &Path, remote: &str) -> Error {
    if error.refusal() != Some(Reason::IsDirectory) {
        return error;
    }
    let inside = local.join(remote.rsplit('/').next().unwrap_or_default());
    let sentence = format!(
        "it is a directory, and \"{}\" is a file; to store the file in the directory, name it: \"{}\"",
        remote.escape_debug(),
        describe::path(&inside)
    );
    local_error(local, &io::Error::new(io::ErrorKind::IsADirectory, sentence))
}

/// The error of a file or directory of this end.
pub(super) fn local_error(path: &Path, error: &io::Error) -> Error {
    let sentence = format!("\"{}\": {}", describe::path(path), describe::os_error(error));
    Error::Local(io::Error::new(error.kind(), sentence))
}
