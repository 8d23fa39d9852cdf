//! `tinyferry put`.

use std::collections::HashSet;
use std::fs::FileType;
use std::io::ErrorKind;
use std::path::{Path, is_separator};

use tinyferry::client::{Client, Selection};
use tinyferry::core::store::Skip;
use tinyferry::describe;
use tinyferry::fs::{Directory, Source};

use crate::args::PutArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
use crate::mirror::{self, Removals, Target};
use crate::names::Names;
use crate::paths::{asked_path, clash, remote_path, unfit};
use crate::plan;
use crate::progress::{Progress, Verbosity};
use crate::retry::Retrying;
use crate::signals;

pub(crate) fn put(args: &PutArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let to = match &args.to {
        // An empty variable must not mean the whole directory.
        Some(to) if to.is_empty() => asked_path(to)?,
        Some(to) => remote_path(to),
        None => String::new(),
    };
    let mut exits = Exits::default();
    let Some(sources) = sources(args, &mut exits)? else { return Ok(exits.total()) };
    // One file is offered by itself; one directory is a tree of its own name; several paths are
    // entries of one tree, so that no round trip is spent on each.
    let is_file = |path: &Path| path.metadata().is_ok_and(|metadata| !metadata.is_dir());
    let is_single = sources.len() == 1;
    let remotes: Vec<_> = sources.iter().map(|(path, name)| (*path, join(&to, name))).collect();
    for remote in remotes.iter().map(|(_, remote)| remote.as_str()).chain([to.as_str()]) {
        if let Some(why) = unfit(remote) {
            let shown = remote.escape_debug();
            let sentence = format!("\"{shown}\" cannot be a path on the other end: {why}");
            return Err(CliError::new(Exit::Usage, sentence));
        }
    }
    let skip = args.skip.skip(args.sha256);
    let (sources, root) = match remotes.as_slice() {
        [(path, remote)] if is_file(path) && skip.unwrap_or_default() == Skip::Nothing => {
            (vec![source(path, remote)], None)
        }
        // As the entry of a tree, it is asked about first.
        [(path, _)] if is_file(path) => {
            (sources.iter().map(|(path, name)| source(path, name)).collect(), Some(to.clone()))
        }
        [(path, remote)] => (vec![source(path, "")], Some(remote.clone())),
        _ => {
            let sources = sources.iter().map(|(path, name)| source(path, name));
            (sources.collect(), Some(to.clone()))
        }
    };
    let filter = args.filter.filter()?;
    let selection = Selection::default().filtered(&filter).linking(args.links.kinds());
    // The directories that are mirrored.
    let pairs: Vec<_> = remotes
        .iter()
        .filter(|(path, _)| !is_file(path))
        .map(|(path, remote)| (*path, remote.as_str()))
        .collect();
    let all: Vec<_> = remotes.iter().map(|(_, remote)| remote.clone()).collect();
    let names = Names::sending(&remotes, &to);
    let mut retrying = Retrying::connect(&args.peer, &args.retry, Task::Transfer, args.sha256)?;
    if args.delete.dry_run {
        let each: Vec<_> = remotes.iter().map(|(path, remote)| (*path, remote.as_str())).collect();
        // A file by itself is compared by its content.
        let usual = if root.is_some() { Skip::SameTime } else { Skip::Nothing };
        return plan::dry_run(
            &mut retrying,
            args,
            (&each, &all),
            &selection.skipping(skip.unwrap_or(usual)),
            verbosity >= Verbosity::Files,
        );
    }
    let title = names.title.clone();
    let progress = Progress::new(names, verbosity, args.sha256);
    let store = |skip| match (&root, sources.as_slice()) {
        (None, [file]) => Directory::sending_file(file.clone(), progress.clone()),
        (root, sources) => {
            let root = root.clone().unwrap_or_default();
            let store = Directory::sending_tree(root, sources.to_vec(), progress.clone())
                .lossy(args.peer.endpoint.is_lossy())
                .skipping(skip)
                .filtered(&filter)
                .linking(args.links.kinds());
            if args.delete.delete { store.checking() } else { store }
        }
    };
    let put = |client: &mut Client| {
        let skip = match (skip, &root) {
            (Some(skip), _) => skip,
            (None, Some(root)) => client.usual_skip(root)?,
            (None, None) => Skip::Nothing,
        };
        client.put_store(|| store(skip))
    };
    let mut result = retrying.run(&title, Some(&progress), put);
    // As at the end, nothing is removed if a source was not sent.
    let is_whole = exits.total() == Exit::Done && progress.has_only_kind_conflicts();
    let mut removals = Removals::new(&args.delete, Target::Server);
    let pairs = (pairs.as_slice(), all.as_slice());
    if args.delete.delete && result.is_ok() && is_whole {
        let removed = mirror::extras(&mut retrying, pairs, &selection).and_then(|extras| {
            let remove = |changes: Vec<_>| mirror::remove_on_server(&mut retrying, &changes);
            removals.remove_kind_conflicts(&extras, remove)
        });
        match removed {
            Ok(true) => result = retrying.run(&title, Some(&progress), put),
            Ok(false) => {}
            Err(problem) => {
                // The transfer had results.
                progress.finish(retrying.traffic().sent, is_single);
                return Err(problem);
            }
        }
    }
    match result {
        // Of several paths none is the tree that they are sent as.
        Ok(_) => {
            signals::transfers_done();
            exits.add(progress.finish(retrying.traffic().sent, is_single));
            if args.delete.delete && exits.total() != Exit::Done {
                exits.add(removals.refuse());
            } else if args.delete.delete && !progress.is_same() {
                let extras = mirror::extras(&mut retrying, pairs, &selection)?;
                let remove = |changes: Vec<_>| mirror::remove_on_server(&mut retrying, &changes);
                exits.add(removals.remove_extras(&extras, remove)?);
            }
            Ok(exits.total())
        }
        Err(error) => Err(progress.fail(&error, &retrying)),
    }
}

/// The paths to send, each with its name at the server; empty: its content goes into the directory
/// itself. A path that cannot be sent is reported. `None`: nothing is left.
fn sources<'a>(
    args: &'a PutArgs,
    exits: &mut Exits,
) -> Result<Option<Vec<(&'a Path, String)>>, CliError> {
    let mut sources: Vec<(&Path, String)> = Vec::new();
    let mut names = HashSet::new();
    for (index, path) in args.paths.iter().enumerate() {
        match name(path) {
            Ok(name) if !names.insert(name.clone()) => return Err(clash(&name)),
            Ok(name) => sources.push((path, name)),
            Err(problem) if args.paths.len() == 1 => return Err(problem),
            Err(problem) => {
                // The others are sent nevertheless.
                let is_last = index + 1 == args.paths.len();
                let is_target = is_last && args.to.is_none() && path.symlink_metadata().is_err();
                let advice = "; the directory on the server is given by --to";
                let problem = problem.advise(if is_target { advice } else { "" });
                problem.print();
                exits.add(problem.exit);
            }
        }
    }
    match overwritten(&sources) {
        Some(name) => Err(clash(name)),
        None => Ok((!sources.is_empty()).then_some(sources)),
    }
}

/// The name of a source that a directory of which only the content is sent contains too.
fn overwritten<'a>(sources: &'a [(&Path, String)]) -> Option<&'a str> {
    let (directory, _) = sources.iter().find(|(_, name)| name.is_empty())?;
    let is_sent = |path: &Path| {
        let metadata = path.symlink_metadata();
        metadata.is_ok_and(|metadata| other_kind(metadata.file_type()).is_none())
    };
    let mut names = sources.iter().map(|(_, name)| name.as_str());
    names.find(|name| !name.is_empty() && is_sent(&directory.join(name)))
}

fn source(path: &Path, remote: &str) -> Source {
    Source { local: path.to_owned(), remote: remote.to_owned() }
}

/// Whether a path means the content of a directory: `.`, `..`, `dir/.`, `dir/..`, also with a separator
/// at the end.
fn is_content(path: &Path) -> bool {
    let mut names = path.as_os_str().as_encoded_bytes().rsplit(|byte| is_separator(*byte as char));
    matches!(names.find(|name| !name.is_empty()), Some(b"." | b".."))
}

/// The name of `path` at the server; empty: its content goes into the directory itself.
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
    if is_content(path) {
        return Ok(String::new());
    }
    match path.file_name().map(|name| name.to_str()) {
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
    match (directory, name) {
        ("", _) => name.to_owned(),
        (_, "") => directory.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}
