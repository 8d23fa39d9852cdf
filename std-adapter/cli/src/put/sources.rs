//! The paths to send, and their names at the server.

use std::collections::HashSet;
use std::fs::FileType;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf, is_separator};

use tinyferry::core::Reason;
use tinyferry::describe;

use crate::exit::{CliError, Exit, Exits};
use crate::paths::clash;
use crate::rounds;
use crate::stream::is_device;

/// The paths to send, each with its name at the server; empty: its content goes into the directory
/// itself. `name`: that of the only path. A path that cannot be sent is reported. `None`: nothing is left.
pub(super) fn find<'a>(
    paths: &'a [PathBuf],
    name: Option<&str>,
    has_target: bool,
    exits: &mut Exits,
) -> Result<Option<Vec<(&'a Path, String)>>, CliError> {
    let mut sources: Vec<(&Path, String)> = Vec::new();
    let mut names = HashSet::new();
    if !has_target
        && paths.len() > 1
        && let Some(whole) = paths.iter().find(|path| is_whole(path))
    {
        let sentence = format!(
            "\"{}\" beside other paths is ambiguous; --to DIR names the directory on the server (\".\" is the whole \
             one), and then \"{0}\" is sent too",
            describe::path(whole)
        );
        return Err(CliError::new(Exit::Usage, sentence));
    }
    for (index, path) in paths.iter().enumerate() {
        let found = match name {
            Some(name) => check(path).map(|()| name.to_owned()),
            None => own_name(path),
        };
        match found {
            Ok(name) if !names.insert(name.clone()) => return Err(failed(clash(&name), path)),
            Ok(name) => sources.push((path, name)),
            Err(problem) if paths.len() == 1 => {
                problem.report(path.as_os_str().as_encoded_bytes());
                return Err(problem);
            }
            Err(problem) => {
                // The others are sent nevertheless.
                let is_last = index + 1 == paths.len();
                let is_target = is_last && !has_target && path.symlink_metadata().is_err();
                let problem = problem.advise(match is_target {
                    true => "; the directory on the server is given by --to",
                    false => "",
                });
                problem.print();
                problem.report(path.as_os_str().as_encoded_bytes());
                exits.add(problem.exit);
            }
        }
    }
    match overwritten(&sources) {
        Some((path, name)) => Err(failed(clash(name), path)),
        None => Ok((!sources.is_empty()).then_some(sources)),
    }
}

/// The problem that `path` has beside the other paths, because of which nothing is sent. A command with further rounds
/// (`--watch`) goes on: it reports the problem at once. The last object of another command has it.
fn failed(problem: CliError, path: &Path) -> CliError {
    if rounds::is_further() {
        problem.report(path.as_os_str().as_encoded_bytes());
    }
    problem
}

/// The source that a directory of which only the content is sent contains too, with its name.
fn overwritten<'a>(sources: &'a [(&'a Path, String)]) -> Option<(&'a Path, &'a str)> {
    let (directory, _) = sources.iter().find(|(_, name)| name.is_empty())?;
    let is_sent = |path: &Path| {
        let metadata = path.symlink_metadata();
        metadata.is_ok_and(|metadata| other_kind(metadata.file_type()).is_none())
    };
    let mut sources = sources.iter().map(|(path, name)| (*path, name.as_str()));
    sources.find(|(_, name)| !name.is_empty() && is_sent(&directory.join(name)))
}

/// Whether a path means the content of a directory: `.`, `..`, `dir/.`, `dir/..`, also with a separator
/// at the end.
pub(crate) fn is_content(path: &Path) -> bool {
    let mut names = path.as_os_str().as_encoded_bytes().rsplit(|byte| is_separator(*byte as char));
    matches!(names.find(|name| !name.is_empty()), Some(b"." | b".."))
}

/// A path without `/.` at its end.
pub(super) fn without_dot(path: &Path) -> &Path {
    path.components().as_path()
}

/// Whether a path has no name: `.`, `..`, `../..`, `/`.
fn is_whole(path: &Path) -> bool {
    !path.as_os_str().is_empty()
        && path.components().all(|part| !matches!(part, Component::Normal(_)))
}

/// The sentence about a path that cannot be sent.
fn unsendable(path: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Local, format!("\"{}\": {why}", describe::path(without_dot(path))))
}

/// Checks that `path` is a file or a directory.
fn check(path: &Path) -> Result<(), CliError> {
    let metadata = path.metadata().map_err(|error| match error.kind() {
        ErrorKind::NotFound if path.is_symlink() => {
            unsendable(path, &"the symbolic link leads to no such file or directory")
        }
        ErrorKind::NotFound => {
            unsendable(path, &"no such file or directory").with_reason(Some(Reason::NotFound))
        }
        ErrorKind::PermissionDenied => {
            unsendable(path, &describe::os_error(&error)).with_reason(Some(Reason::NoPermission))
        }
        _ => unsendable(path, &describe::os_error(&error)),
    })?;
    let Some(kind) = other_kind(metadata.file_type()) else { return Ok(()) };
    let why = format!("it is {kind}; only files and directories can be sent");
    let advice = match is_device(path) {
        true => format!("; put - --as NAME <{} sends its content", describe::path(path)),
        false => String::new(),
    };
    Err(unsendable(path, &why).advise(&advice).with_reason(Some(Reason::NotRegular)))
}

/// The name of `path` at the server; empty: its content goes into the directory itself.
fn own_name(path: &Path) -> Result<String, CliError> {
    check(path)?;
    if is_content(path) {
        return Ok(String::new());
    }
    match path.file_name().map(|name| name.to_str()) {
        Some(Some(name)) => Ok(name.to_owned()),
        Some(None) => Err(unsendable(
            path,
            &"its name is not UTF-8 and cannot be sent; --as NAME gives it another one",
        )
        .with_reason(Some(Reason::BadPath))),
        None => Err(unsendable(
            path,
            &"it has no name to be stored under; put its entries, or give it a name with --as NAME",
        )),
    }
}

/// The kind of a file that is neither a regular file nor a directory.
#[cfg(unix)]
fn other_kind(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kinds = [
        (kind.is_fifo(), "a pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device(), "a character device"),
        (kind.is_block_device(), "a block device"),
        (!kind.is_file() && !kind.is_dir(), "neither a file nor a directory"),
    ];
    kinds.into_iter().find_map(|(is_so, name)| is_so.then_some(name))
}

#[cfg(not(unix))]
fn other_kind(kind: FileType) -> Option<&'static str> {
    (!kind.is_file() && !kind.is_dir()).then_some("neither a file nor a directory")
}
