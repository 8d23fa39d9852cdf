//! `tinyferry put`.

use std::collections::HashSet;
use std::fs::FileType;
use std::io::ErrorKind;
use std::path::Path;

use tinyferry::describe;
use tinyferry::fs::{Direction, Directory, Source};

use crate::args::PutArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::paths::{clash, remote_path, unfit};
use crate::progress::{Progress, Verbosity};

pub(crate) fn put(args: &PutArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let to = remote_path(&args.to);
    let mut exits = Exits::default();
    let mut sources = Vec::new();
    let mut names = HashSet::new();
    for path in &args.paths {
        match name(path) {
            Ok(name) if !names.insert(name.clone()) => return Err(clash(&name)),
            Ok(name) => sources.push((path, name)),
            Err(problem) if args.paths.len() == 1 => return Err(problem),
            Err(problem) => {
                // The others are sent nevertheless.
                print_error!("tinyferry: {problem}");
                exits.add(problem.exit);
            }
        }
    }
    if sources.is_empty() {
        return Ok(exits.total());
    }
    let is_single = sources.len() == 1;
    let is_file = |path: &Path| path.metadata().is_ok_and(|metadata| !metadata.is_dir());
    // One file is offered by itself; one directory is a tree of its own name; several paths are
    // entries of one tree, so that no round trip is spent on each.
    let (sources, root, shown) = match sources.as_slice() {
        [(path, name)] => {
            let remote = join(&to, name);
            if is_file(path) {
                (vec![source(path, remote.clone())], None, remote)
            } else {
                (vec![source(path, String::new())], Some(remote.clone()), remote)
            }
        }
        several => {
            let shown = if to.is_empty() { ".".to_owned() } else { to.clone() };
            let sources = several.iter().map(|(path, name)| source(path, name.clone()));
            (sources.collect(), Some(to.clone()), shown)
        }
    };
    let remote = root.as_deref().unwrap_or(&shown);
    // Of several paths, each remote name is checked.
    let remotes = names.iter().map(|name| join(&to, name)).chain([remote.to_owned()]);
    for remote in remotes {
        if let Some(why) = unfit(&remote) {
            let shown = remote.escape_debug();
            let sentence = format!("\"{shown}\" cannot be a path on the other end: {why}");
            return Err(CliError::new(Exit::Usage, sentence));
        }
    }
    let mut client = args.peer.connect(args.sha256)?;
    let progress = Progress::new(Direction::Sending, verbosity);
    let store = || match (&root, sources.as_slice()) {
        (None, [file]) => Directory::sending_file(file.clone(), progress.clone()),
        (root, sources) => {
            let root = root.clone().unwrap_or_default();
            Directory::sending_tree(root, sources.to_vec(), progress.clone())
        }
    };
    match client.put_store(store) {
        // Of several paths none is the tree that they are sent as.
        Ok(_) => {
            exits.add(progress.finish(&shown, client.traffic().sent, is_single));
            Ok(exits.total())
        }
        Err(error) => Err(progress.fail(&shown, error)),
    }
}

fn source(path: &Path, remote: String) -> Source {
    Source { local: path.to_owned(), remote }
}

/// The name of `path` at the server.
fn name(path: &Path) -> Result<String, CliError> {
    let shown = describe::path(path);
    let local =
        |error: &dyn std::fmt::Display| CliError::new(Exit::Local, format!("\"{shown}\": {error}"));
    let of_error = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound if path.is_symlink() => {
            local(&"the symbolic link leads to no such file or directory")
        }
        ErrorKind::NotFound => local(&"no such file or directory"),
        _ => local(&describe::os_error(&error)),
    };
    let metadata = path.metadata().map_err(of_error)?;
    if let Some(kind) = other_kind(metadata.file_type()) {
        return Err(local(&format!("it is {kind}; only files and directories can be sent")));
    }
    // "." and "dir/.." have no name of their own.
    let named = match path.file_name() {
        Some(_) => path.to_owned(),
        None => path.canonicalize().map_err(of_error)?,
    };
    match named.file_name().map(|name| name.to_str()) {
        Some(Some(name)) => Ok(name.to_owned()),
        Some(None) => Err(local(&"its name is not UTF-8 and cannot be sent")),
        None => Err(local(&"it has no name to be stored under; put its entries")),
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

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
