//! `tinyferry get`.

mod place;
mod planning;

use std::io::ErrorKind;
use std::path::Path;

use tinyferry::client::{Change, Error, Extras, Refused, Selection, usual_skip};
use tinyferry::core::store::Skip;
use tinyferry::describe;
use tinyferry::fs::{Directory, LinkKinds, Policy, Root};

use self::place::{Place, Wanted};
use crate::args::GetArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
use crate::mirror::{self, Removals};
use crate::names::Names;
use crate::paths::{is_missing, link_advice, missing, quoted};
use crate::plan::unplanned;
use crate::progress::{Progress, Verbosity};
use crate::removal::Target;
use crate::retry::Retrying;
use crate::signals;
use crate::stream::Output;

pub(crate) fn get(args: &GetArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    if let Some(Output::Stream(stream)) = &args.output {
        return stream.get(args, verbosity);
    }
    let place = Place::of(args)?;
    let directory = place.directory.as_path();
    let into = describe::path(directory);
    let local = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::AlreadyExists => "it is not a directory".to_owned(),
            _ => describe::os_error(&error),
        };
        let sentence = format!("cannot save files in \"{into}\": {why}");
        CliError::new(Exit::Local, sentence)
    };
    let unsafe_links = args.unsafe_links.unsafe_links;
    let kinds = LinkKinds { symbolic: args.links.links || unsafe_links, ..args.links.kinds() };
    let policy = Policy {
        links: args.unsafe_links.accepted(args.links.links),
        hard_links: kinds.hard,
        ..args.policy.policy(args.keep_both)?
    };
    let wanted = place.wanted(args)?;
    let selection = Selection::default().filtered(&args.filter.filter()?).linking(kinds);
    #[cfg(unix)]
    crate::descriptors::raise_limit();
    let mut retrying = Retrying::connect(&args.peer, &args.transfer, Task::Transfer, args.sha256)?;
    if args.delete.dry_run {
        return planning::dry_run(&mut retrying, args, directory, &wanted, &selection, verbosity);
    }
    // Without a connection no directory is created.
    if args.output.is_none() {
        std::fs::create_dir_all(directory).map_err(local)?;
    }
    let root = Root::open(directory).map_err(local)?;
    Get { args, directory, root, policy, selection, verbosity, retrying }.run(&wanted)
}

/// A get that is connected.
struct Get<'a> {
    args: &'a GetArgs,
    directory: &'a Path,
    /// The same directory.
    root: Root,
    policy: Policy,
    /// But for the files that are left out.
    selection: Selection,
    verbosity: Verbosity,
    retrying: Retrying<'a>,
}

impl Get<'_> {
    /// Receives the paths, and removes the entries that the server does not have if that is requested.
    fn run(mut self, wanted: &[Wanted<'_>]) -> Result<Exit, CliError> {
        let mut exits = Exits::default();
        let mut removals = Removals::new(&self.args.delete, Target::Here);
        let all: Vec<_> = wanted.iter().map(|wanted| wanted.target.clone()).collect();
        // The received directories, and those of them that are to be received again.
        let (mut trees, mut again) = (Vec::new(), Vec::new());
        for (index, path) in wanted.iter().enumerate() {
            let name = match &self.args.output {
                Some(Output::File(file)) => Some(file.to_string_lossy()),
                _ => self.args.name.as_ref().map(|_| path.target.as_str().into()),
            };
            let names =
                Names::receiving(&path.remote, &path.target, self.directory, name.as_deref());
            let progress = Progress::new(names, self.verbosity);
            let crossed = match self.receive(path, &progress) {
                Ok(crossed) => crossed,
                Err(error) => {
                    let is_last = index > 0 && index + 1 == wanted.len();
                    exits.add(self.fail(path, is_last, &error, &progress)?);
                    continue;
                }
            };
            if progress.is_tree() {
                trees.push(path);
            }
            if removals.are_requested() && progress.has_only_kind_conflicts() {
                progress.clear();
                again.push((path, progress, crossed));
            } else {
                exits.add(progress.finish(crossed, path.is_inside()));
            }
        }
        let is_whole = exits.total() == Exit::Done;
        if !again.is_empty() {
            let removed = match is_whole {
                true => self.extras(&trees, &all).and_then(|extras| {
                    extras.map_or(Ok(false), |extras| {
                        removals.remove_kind_conflicts(&extras, |changes| Ok(self.remove(changes)))
                    })
                }),
                false => Ok(false),
            };
            let is_removed = match removed {
                Ok(is_removed) => is_removed,
                Err(problem) => {
                    // The transfers had results.
                    for (path, progress, crossed) in again {
                        progress.finish(crossed, path.is_inside());
                    }
                    return Err(problem);
                }
            };
            for (path, progress, before) in again {
                let crossed = match is_removed {
                    true => match self.receive(path, &progress) {
                        Ok(crossed) => before + crossed,
                        Err(error) => {
                            exits.add(self.fail(path, false, &error, &progress)?);
                            continue;
                        }
                    },
                    false => before,
                };
                exits.add(progress.finish(crossed, path.is_inside()));
            }
        }
        signals::transfers_done();
        if removals.are_requested() && exits.total() != Exit::Done {
            let exit = removals.refuse();
            // Without a received directory nothing was to be removed.
            if !trees.is_empty() {
                exits.add(exit);
            }
        } else if removals.are_requested() {
            exits.add(match self.extras(&trees, &all)? {
                Some(extras) => {
                    removals.remove_extras(&extras, |changes| Ok(self.remove(changes)))?
                }
                None => removals.refuse(),
            });
        }
        Ok(exits.total())
    }

    /// Receives a path. Returns the number of bytes that came over the wire.
    fn receive(&mut self, path: &Wanted<'_>, progress: &Progress) -> Result<u64, Error> {
        let Self { args, directory, root, policy, selection, retrying, .. } = self;
        let skip = skip_of(args, directory, &path.target);
        let store = |is_lossy| {
            let (root, target) = (root.clone(), path.target.clone());
            let store = Directory::receiving(root, target, args.sync.into(), progress.clone())
                .lossy(is_lossy)
                .limited(args.limits.limits())
                .governed(policy)
                .filtered(&selection.filter);
            if skip == Skip::Nothing { store } else { store.answering() }
        };
        if skip != Skip::Nothing {
            progress.leave_out();
        }
        let selection = selection.clone().skipping(skip);
        let before = retrying.traffic().received;
        let outcome = retrying.run(&progress.title(), Some(progress), |client| {
            let supported_links = client.supports_links();
            let mut store = store(client.is_lossy()?);
            let outcome = client.get_store_selecting(&path.remote, &selection, &mut store)?;
            if supported_links && !client.supports_links() {
                print_error!("tinyferry: the server does not support links, and sends none");
            }
            Ok(outcome)
        })?;
        progress.omit(outcome.omitted);
        Ok(retrying.traffic().received - before)
    }

    /// Prints the error of a path. Returns its exit code if the other paths are still requested.
    fn fail(
        &self,
        path: &Wanted<'_>,
        is_last: bool,
        error: &Error,
        progress: &Progress,
    ) -> Result<Exit, CliError> {
        let problem = self.retrying.failed(progress, error);
        if !matches!(problem.exit, Exit::Refused | Exit::Local) {
            return Err(problem);
        }
        let has_place = self.args.into.is_some();
        let is_target =
            is_last && !has_place && (!path.text.starts_with('/') || Path::new(path.text).is_dir());
        let is_directory = self.args.output.is_some() && self.directory.join(&path.target).is_dir();
        let problem = problem.advise(match is_missing(error) {
            true if is_target => "; the directory to save files in is given by --into",
            true => missing(path.text),
            false if is_directory => {
                "; the directory to save a file in is given by --into, not by -o"
            }
            false => link_advice(error),
        });
        problem.print();
        Ok(problem.exit)
    }

    /// The entries of the received directories that the server does not have. `None` if it cannot list its
    /// entries completely.
    fn extras(
        &mut self,
        trees: &[&Wanted<'_>],
        all: &[String],
    ) -> Result<Option<Extras>, CliError> {
        let Self { directory, selection, retrying, .. } = self;
        let mut extras = Extras::default();
        for Wanted { remote, target, .. } in trees {
            let name = quoted(remote);
            let found = retrying
                .run(&name, None, |client| {
                    client.local_extras(remote, directory, target, selection)
                })
                .map_err(|error| unplanned(retrying, &name, &error))?;
            match found {
                Some(found) => mirror::join(&mut extras, found, target, all),
                None => return Ok(None),
            }
        }
        Ok(Some(extras))
    }

    fn remove(&self, changes: Vec<Change>) -> Vec<Refused> {
        mirror::remove_here(changes, self.root.clone(), self.directory, self.verbosity)
    }
}

/// The files that are left out of a path that is saved as `target`.
fn skip_of(args: &GetArgs, directory: &Path, target: &str) -> Skip {
    let skip = args.skip.skip(args.sha256);
    skip.unwrap_or_else(|| usual_skip(&directory.join(target)))
}
