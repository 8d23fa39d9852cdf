//! `tinyferry get`.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use tinyferry::core::store::Skip;
use tinyferry::describe;
use tinyferry::fs::{Directory, Root};

use crate::args::GetArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
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
        let target = remote.rsplit('/').next().unwrap_or_default().to_owned();
        if !targets.insert(target.clone()) {
            return Err(clash(&target));
        }
        wanted.push((text, remote, target));
    }
    crate::serve::raise_limit();
    let mut retrying = Retrying::connect(&args.peer, Task::Transfer, args.sha256)?;
    // Without a connection no directory is created.
    std::fs::create_dir_all(directory).map_err(local)?;
    let root = Root::open(directory).map_err(local)?;
    let mut exits = Exits::default();
    let count = wanted.len();
    for (index, (text, remote, target)) in wanted.into_iter().enumerate() {
        let names = Names::receiving(&remote, &target, directory);
        let title = names.title.clone();
        let progress = Progress::new(names, verbosity, args.sha256);
        let is_named = !target.is_empty();
        let skip = args.skip.skip();
        let store = || {
            let (root, target) = (root.clone(), target.clone());
            let store = Directory::receiving(root, target, args.sync.into(), progress.clone());
            let store = store
                .lossy(args.peer.endpoint.is_lossy())
                .limited(args.limits.limits())
                .governed(&policy);
            if skip == Skip::Nothing { store } else { store.answering() }
        };
        let before = retrying.traffic().1;
        let got = retrying.run(&title, Some(&progress), |client| {
            client.get_store_skipping(&remote, skip, &mut store())
        });
        match got {
            Ok(outcome) => {
                if index + 1 == count {
                    signals::transfers_done();
                }
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
            }
        }
    }
    Ok(exits.total())
}
