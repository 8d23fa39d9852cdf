//! `tinyferry put`.

use std::collections::HashSet;
use std::path::Path;

use tinyferry::core::Config;
use tinyferry::core::path::is_sound;
use tinyferry::directory::{Direction, Directory, Source};
use tinyferry::words::of_system;

use super::args::{PutArgs, clash, remote_path};
use super::exit::{Exit, Problem};
use super::progress::{Progress, Verbosity};

pub(crate) fn put(args: &PutArgs, verbosity: Verbosity) -> Result<Exit, Problem> {
    let to = remote_path(&args.to);
    let mut sources = Vec::new();
    let mut names = HashSet::new();
    for path in &args.paths {
        let name = name(path)?;
        path.metadata().map_err(|error| {
            let shown = path.display().to_string();
            let sentence = format!("\"{}\": {}", shown.escape_debug(), of_system(&error));
            Problem::new(Exit::Local, sentence)
        })?;
        if !names.insert(name.clone()) {
            return Err(clash(&name));
        }
        sources.push((path, name));
    }
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
            (sources.collect(), Some(to), shown)
        }
    };
    let remote = root.as_deref().unwrap_or(&shown);
    if !is_sound(remote) {
        let sentence = format!(
            "\"{}\" cannot be a path on the other end: it must be relative, without \"..\" or \
             control characters, with names of at most 255 bytes",
            remote.escape_debug()
        );
        return Err(Problem::new(Exit::Usage, sentence));
    }
    let config = Config { sha256: args.sha256, ..args.peer.endpoint.config() };
    let mut client = args.peer.connect(config)?;
    let progress = Progress::new(Direction::Sending, verbosity);
    let store = || match (&root, sources.as_slice()) {
        (None, [file]) => Directory::sending_file(file.clone(), progress.clone()),
        (root, sources) => {
            let root = root.clone().unwrap_or_default();
            Directory::sending_tree(root, sources.to_vec(), progress.clone())
        }
    };
    match client.put(store) {
        // Of several paths none is the tree that they are sent as.
        Ok(_) => Ok(progress.finish(&shown, client.traffic().sent, args.paths.len() == 1)),
        Err(error) => Err(progress.give_up(&shown, error)),
    }
}

fn source(path: &Path, remote: String) -> Source {
    Source { local: path.to_owned(), remote }
}

/// The name that `path` has where it is put.
fn name(path: &Path) -> Result<String, Problem> {
    let shown = path.display().to_string();
    let local = |error: &dyn std::fmt::Display| {
        Problem::new(Exit::Local, format!("\"{}\": {error}", shown.escape_debug()))
    };
    let metadata = path.symlink_metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => local(&"there is no such file or directory"),
        _ => local(&of_system(&error)),
    })?;
    // "." and "dir/.." have no name of their own.
    let named = match path.file_name() {
        Some(_) => path.to_owned(),
        None => path.canonicalize().map_err(|error| local(&of_system(&error)))?,
    };
    if !(metadata.is_dir() || metadata.is_file() || metadata.is_symlink()) {
        return Err(local(&"it is neither a file nor a directory"));
    }
    match named.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(local(&"it has no name that can be sent: names must be UTF-8")),
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
