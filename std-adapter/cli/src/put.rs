//! `tinyferry put`.

pub(crate) mod sources;

use std::path::Path;

use self::sources::without_dot;
use tinyferry::Endpoint;
use tinyferry::client::{Client, Selection};
use tinyferry::core::store::Skip;
use tinyferry::endpoint::Ssh;
use tinyferry::fs::{Count, Directory, Source};

use crate::args::{PutArgs, check_no_server};
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
use crate::mirror::{self, Removals};
use crate::names::Names;
use crate::paths::{asked_path, join, new_path, remote_path, several, unfit};
use crate::pipe;
use crate::plan;
use crate::progress::{Progress, Verbosity};
use crate::removal::Target;
use crate::retry::Retrying;
use crate::stream::STREAM;
use crate::{signals, watch};

pub(crate) fn put(args: &PutArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    if !args.watch {
        return once(args, verbosity);
    }
    if args.paths.iter().any(|path| path == Path::new(STREAM)) {
        let sentence = "standard input cannot be watched for changes; leave out --watch";
        return Err(CliError::new(Exit::Usage, sentence));
    }
    watch::run(&args.paths, &args.filter.filter()?, || once(args, verbosity))
}

/// Sends the paths once.
fn once<'a>(args: &'a PutArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let to = match &args.to {
        // An empty variable must not mean the whole directory.
        Some(to) if to.is_empty() => asked_path(to)?,
        Some(to) => {
            check_no_server(to)?;
            remote_path(to)
        }
        None => String::new(),
    };
    let (to, name) = match &args.name {
        Some(_) if args.paths.len() > 1 => return Err(several("--as")),
        Some(path) => {
            let path = new_path(path, "--to")?;
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
            (join(&to, directory), Some(name.to_owned()))
        }
        None => (to, None),
    };
    if args.paths.iter().any(|path| path == Path::new(STREAM)) {
        let remote = name.map(|name| join(&to, &name));
        return pipe::put(args, &to_be_sent(args, remote)?, verbosity);
    }
    let mut exits = Exits::default();
    let found = sources::find(&args.paths, name.as_deref(), args.to.is_some(), &mut exits)?;
    let Some(sources) = found else { return Ok(exits.total()) };
    // One file is offered by itself; one directory is a tree of its own name; several paths are
    // entries of one tree, so that no round trip is spent on each.
    let is_file = |path: &Path| path.metadata().is_ok_and(|metadata| !metadata.is_dir());
    let is_single = sources.len() == 1;
    let remotes: Vec<_> = sources.iter().map(|(path, name)| (*path, join(&to, name))).collect();
    for remote in remotes.iter().map(|(_, remote)| remote.as_str()).chain([to.as_str()]) {
        fitting(remote)?;
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
    let shown = |(path, remote): &(&'a Path, String)| match args.is_mirror {
        true => (without_dot(path), remote.clone()),
        false => (*path, remote.clone()),
    };
    let shown: Vec<_> = remotes.iter().map(shown).collect();
    let names = Names::sending(&shown, &to, args.name.is_some());
    let mut retrying = Retrying::connect(&args.peer, &args.transfer, Task::Transfer, args.sha256)?;
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
    let progress = Progress::new(names, verbosity);
    if root.is_some() {
        let (sources, filter, kinds) = (sources.clone(), filter.clone(), args.links.kinds());
        progress.count_by(move || Count::start(sources, &filter, kinds));
    }
    let store = |skip, is_lossy| match (&root, sources.as_slice()) {
        (None, [file]) => Directory::sending_file(file.clone(), progress.clone()),
        (root, sources) => {
            let root = root.clone().unwrap_or_default();
            let store = Directory::sending_tree(root, sources.to_vec(), progress.clone())
                .lossy(is_lossy)
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
        let is_lossy = client.is_lossy()?;
        client.put_store(|| store(skip, is_lossy))
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
        Err(error) => {
            let problem = retrying.failed(&progress, &error);
            Err(match missing_directory(&args.peer.endpoint, &to) {
                Some(advice) if !retrying.has_answered() => problem.advise(&advice),
                _ => problem,
            })
        }
    }
}

/// The advice for the case that SSH was to serve a directory that does not exist there; `to`: the path below it.
fn missing_directory(endpoint: &Endpoint, to: &str) -> Option<String> {
    let Endpoint::Ssh(Ssh { host, directory }) = endpoint else { return None };
    let below_home = directory.strip_prefix("~/").unwrap_or(directory);
    let above = if below_home.starts_with('/') { "/" } else { "" };
    let to = join(&remote_path(below_home), to).escape_debug().to_string();
    let is_part = !below_home.is_empty() && below_home != "~";
    is_part
        .then(|| format!("; -e {host}:{above} --to \"{to}\" makes the directory if it is missing"))
}

/// The path at the server for standard input.
fn to_be_sent(args: &PutArgs, remote: Option<String>) -> Result<String, CliError> {
    let usage = |sentence: &str| Err(CliError::new(Exit::Usage, sentence));
    match remote {
        _ if args.paths.len() > 1 => {
            usage("\"-\" is standard input, which is sent alone; a file of that name is \"./-\"")
        }
        None => usage(
            "\"-\" is standard input, which has no name: say put - --as NAME; a file of that name is \"./-\"",
        ),
        Some(remote) => fitting(&remote).map(|()| remote),
    }
}

/// Checks that a path can exist at the server.
fn fitting(remote: &str) -> Result<(), CliError> {
    let Some(why) = unfit(remote) else { return Ok(()) };
    let shown = remote.escape_debug();
    let sentence = format!("\"{shown}\" cannot be a path on the other end: {why}");
    Err(CliError::new(Exit::Usage, sentence))
}

fn source(path: &Path, remote: &str) -> Source {
    Source { local: path.to_owned(), remote: remote.to_owned() }
}
