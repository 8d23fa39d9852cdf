//! `tinyferry get`.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tinyferry::client::{Extras, Selection, usual_skip};
use tinyferry::core::store::Skip;
use tinyferry::describe;
use tinyferry::fs::{Directory, Filter, Root};

use crate::args::GetArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
use crate::mirror::{self, Plan, Target};
use crate::names::Names;
use crate::paths::{asked_path, clash, is_missing, missing};
use crate::progress::{Progress, Verbosity};
use crate::retry::Retrying;
use crate::signals;

pub(crate) fn get(args: &GetArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let directory = args.into.as_deref().unwrap_or(Path::new("."));
    let into = describe::path(directory);
    let local = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::AlreadyExists => "it is not a directory".to_owned(),
            _ => describe::os_error(&error),
        };
        let sentence = format!("cannot save files in \"{into}\": {why}");
        CliError::new(Exit::Local, sentence)
    };
    let policy = args.policy.policy()?;
    let mut wanted = Vec::new();
    let mut targets = HashSet::new();
    for text in &args.paths {
        let remote = asked_path(text)?;
        let target = match args.is_content {
            true => String::new(),
            false => remote.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        if !targets.insert(target.clone()) {
            return Err(clash(&target));
        }
        wanted.push((text, remote, target));
    }
    let filter = args.filter.filter()?;
    crate::serve::raise_limit();
    let mut retrying = Retrying::connect(&args.peer, Task::Transfer, args.sha256)?;
    if args.delete.dry_run {
        return dry_run(&mut retrying, args, directory, &wanted, &filter, verbosity);
    }
    // Without a connection no directory is created.
    std::fs::create_dir_all(directory).map_err(local)?;
    let root = Root::open(directory).map_err(local)?;
    let mut exits = Exits::default();
    let count = wanted.len();
    let mut is_tree = Vec::new();
    for (index, (text, remote, target)) in wanted.iter().enumerate() {
        let names = Names::receiving(remote, target, directory);
        let title = names.title.clone();
        let progress = Progress::new(names, verbosity, args.sha256);
        let is_named = !target.is_empty();
        let skip = args.skip.skip().unwrap_or_else(|| match args.sha256 {
            // Each digest is printed.
            true => Skip::Nothing,
            false => usual_skip(&place_of(directory, target)),
        });
        let store = || {
            let (root, target) = (root.clone(), target.clone());
            let store = Directory::receiving(root, target, args.sync.into(), progress.clone());
            let store = store
                .lossy(args.peer.endpoint.is_lossy())
                .limited(args.limits.limits())
                .governed(&policy)
                .filtered(&filter);
            if skip == Skip::Nothing { store } else { store.answering() }
        };
        let selection = Selection::default().skipping(skip).filtered(&filter);
        let before = retrying.traffic().1;
        let got = retrying.run(&title, Some(&progress), |client| {
            client.get_store_selecting(remote, &selection, &mut store())
        });
        match got {
            Ok(outcome) => {
                if index + 1 == count {
                    signals::transfers_done();
                }
                is_tree.push(progress.is_tree());
                progress.omit(outcome.omitted);
                let crossed = retrying.traffic().1 - before;
                exits.add(progress.finish(crossed, is_named));
            }
            Err(error) => {
                let problem = progress.fail(&error, &retrying);
                // The other paths are still requested.
                if !matches!(problem.exit, Exit::Refused | Exit::Local) {
                    return Err(problem);
                }
                let is_last = index > 0 && index + 1 == count;
                let is_target = is_last && args.into.is_none() && !text.starts_with('/');
                let problem = problem.advise(match is_missing(&error) {
                    true if is_target => "; the directory to save files in is given by --into",
                    true => missing(text),
                    false => "",
                });
                problem.print();
                exits.add(problem.exit);
                is_tree.push(false);
            }
        }
    }
    if args.delete.delete {
        if exits.total() != Exit::Done {
            mirror::nothing_removed(Target::Here);
            return Ok(exits.total());
        }
        let trees = wanted.iter().zip(is_tree);
        let trees: Vec<_> =
            trees.filter_map(|(wanted, is_tree)| is_tree.then_some(wanted)).collect();
        let places = (directory, root);
        exits.add(delete(&mut retrying, args, places, (&trees, &wanted), &filter, verbosity)?);
    }
    Ok(exits.total())
}

/// Where an entry is saved.
fn place_of(directory: &Path, target: &str) -> PathBuf {
    if target.is_empty() { directory.to_owned() } else { directory.join(target) }
}

/// A path as it was typed, the path on the server, and the path below the local directory.
type Wanted<'a> = (&'a String, String, String);

/// Removes the entries of the received trees that the server does not have.
fn delete(
    retrying: &mut Retrying<'_>,
    args: &GetArgs,
    (directory, root): (&Path, Root),
    (trees, wanted): (&[&Wanted<'_>], &[Wanted<'_>]),
    filter: &Filter,
    verbosity: Verbosity,
) -> Result<Exit, CliError> {
    let all: Vec<_> = wanted.iter().map(|(.., target)| target.clone()).collect();
    let mut extras = Extras::default();
    for (_, remote, target) in trees {
        let name = format!("\"{}\"", remote.escape_debug());
        let found = retrying
            .run(&name, None, |client| client.local_extras(remote, directory, target, filter))
            .map_err(|error| mirror::unplanned(retrying, &name, &error))?;
        match found {
            Some(found) => mirror::join(&mut extras, found, target, &all),
            None => return Ok(mirror::nothing_removed(Target::Here)),
        }
    }
    Ok(mirror::delete_here(extras, &args.delete, root, (directory, verbosity)))
}

/// Prints the plan.
fn dry_run(
    retrying: &mut Retrying<'_>,
    args: &GetArgs,
    directory: &Path,
    wanted: &[Wanted<'_>],
    filter: &Filter,
    verbosity: Verbosity,
) -> Result<Exit, CliError> {
    let all: Vec<_> = wanted.iter().map(|(.., target)| target.clone()).collect();
    let mut plan = Plan::default();
    for (text, remote, target) in wanted {
        let local = place_of(directory, target);
        let name = format!("\"{}\"", remote.escape_debug());
        let skip = args.skip.skip().unwrap_or(Skip::SameTime);
        let planned =
            retrying.run(&name, None, |client| client.plan_get(remote, &local, filter, skip));
        let planned = planned.map_err(|error| {
            let advice = if is_missing(&error) { missing(text) } else { "" };
            mirror::unplanned(retrying, &name, &error).advise(advice)
        })?;
        plan.print(planned, (target, &all), &args.delete, verbosity >= Verbosity::Files);
    }
    Ok(plan.finish(&args.delete, Target::Here))
}
