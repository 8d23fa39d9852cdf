//! `tinyferry get`.

use std::collections::HashSet;
use std::io::ErrorKind;

use tinyferry::describe;
use tinyferry::fs::{Direction, Directory, Root};

use crate::args::GetArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::paths::{asked_path, clash};
use crate::progress::{Progress, Verbosity};

pub(crate) fn get(args: &GetArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let into = describe::path(&args.into);
    let local = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::AlreadyExists => "it is not a directory".to_owned(),
            _ => describe::os_error(&error),
        };
        let sentence = format!("cannot save files in \"{into}\": {why}");
        CliError::new(Exit::Local, sentence)
    };
    let mut wanted = Vec::new();
    let mut targets = HashSet::new();
    for text in &args.paths {
        let remote = asked_path(text)?;
        let target = remote.rsplit('/').next().unwrap_or_default().to_owned();
        if !targets.insert(target.clone()) {
            return Err(clash(&target));
        }
        wanted.push((remote, target));
    }
    crate::serve::raise_limit();
    let mut client = args.peer.connect(args.sha256)?;
    // Without a connection no directory is created.
    std::fs::create_dir_all(&args.into).map_err(local)?;
    let root = Root::open(&args.into).map_err(local)?;
    let mut exits = Exits::default();
    for (remote, target) in wanted {
        let shown = if remote.is_empty() { "." } else { &remote };
        let progress = Progress::new(Direction::Receiving, verbosity);
        let root = root.clone();
        let is_named = !target.is_empty();
        let store = Directory::receiving(root, target, args.sync.into(), progress.clone());
        let mut store = store.lossy(args.peer.endpoint.is_lossy()).limited(args.limits.limits());
        let before = client.traffic().received;
        match client.get_store(&remote, &mut store) {
            Ok(outcome) => {
                progress.omit(outcome.omitted);
                let crossed = client.traffic().received - before;
                exits.add(progress.finish(shown, crossed, is_named));
            }
            Err(error) => {
                let problem = progress.fail(shown, error);
                // The other paths are still requested.
                if !matches!(problem.exit, Exit::Refused | Exit::Local) {
                    return Err(problem);
                }
                print_error!("tinyferry: {problem}");
                exits.add(problem.exit);
            }
        }
    }
    Ok(exits.total())
}
