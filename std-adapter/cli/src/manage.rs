//! `tinyferry rm`, `mv` and `mkdir`.

use tinyferry::client::{Change, Client, Error, Refused};
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;

use crate::args::{MkdirArgs, MvArgs, Peer, RmArgs};
use crate::exit::{CliError, Exit, Exits};
use crate::message::Task;
use crate::mirror::Target;
use crate::paths::asked_path;

pub(crate) fn rm(args: &RmArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "removed")?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut exits = Exits::default();
    for path in &paths {
        let removed = if args.recursive {
            client.remove_all(path)
        } else {
            client.remove(path).map(|()| Vec::new())
        };
        match removed {
            Ok(refused) => {
                for refused in &refused {
                    print_refused(refused, Target::Server);
                    exits.add(Exit::Partly);
                }
            }
            Err(Error::Session(Failure::Refused(Reason::NotEmpty), _)) if !args.recursive => {
                let shown = path.escape_debug();
                let sentence = format!(
                    "\"{shown}\" is a directory with files in it; -r removes it with all of them"
                );
                print_failed(&CliError::new(Exit::Refused, sentence), &mut exits);
            }
            Err(error) => failed(&error, &args.peer, &client, path, &mut exits)?,
        }
    }
    Ok(exits.total())
}

pub(crate) fn mv(args: &MvArgs) -> Result<Exit, CliError> {
    let [from, to] = [&args.from, &args.to].map(|path| asked_path(path));
    let (from, to) = (from?, to?);
    if from.is_empty() {
        return Err(whole("renamed"));
    }
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut exits = Exits::default();
    let name = from.rsplit('/').next().unwrap_or_default();
    let into = |directory: &str| match directory {
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    };
    let renamed = match client.rename(&from, if to.is_empty() { name } else { &to }) {
        // As mv does: into the directory.
        Err(Error::Session(Failure::Refused(Reason::IsDirectory), _)) => {
            client.rename(&from, &into(&to))
        }
        result => result,
    };
    match renamed {
        Ok(()) => {}
        Err(error) => failed(&error, &args.peer, &client, &from, &mut exits)?,
    }
    Ok(exits.total())
}

pub(crate) fn mkdir(args: &MkdirArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "made")?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut exits = Exits::default();
    for path in &paths {
        if let Err(error) = client.make_directory(path) {
            failed(&error, &args.peer, &client, path, &mut exits)?;
        }
    }
    Ok(exits.total())
}

/// The tidied paths, none of which is the whole directory.
fn named(paths: &[String], what: &str) -> Result<Vec<String>, CliError> {
    let named = |text: &String| match asked_path(text)? {
        path if path.is_empty() => Err(whole(what)),
        path => Ok(path),
    };
    paths.iter().map(named).collect()
}

fn whole(what: &str) -> CliError {
    let sentence = format!("\".\" is the directory that the server serves, which cannot be {what}");
    CliError::new(Exit::Usage, sentence)
}

/// Prints an error of one path; fails where the others cannot succeed either.
fn failed(
    error: &Error,
    peer: &Peer,
    client: &Client,
    path: &str,
    exits: &mut Exits,
) -> Result<(), CliError> {
    let shown = path.escape_debug();
    let problem = peer.context(Task::Query, client, &format!("\"{shown}\"")).error(error);
    let is_not_allowed = matches!(
        error,
        Error::Session(Failure::Refused(Reason::NotAllowed | Reason::Unsupported), _)
    );
    let advice = "; the server must be started with --allow-remove, or the client's key have the right \
                  to remove";
    let problem = problem.advise(if is_not_allowed { advice } else { "" });
    if problem.exit != Exit::Refused {
        return Err(problem);
    }
    print_failed(&problem, exits);
    Ok(())
}

fn print_failed(problem: &CliError, exits: &mut Exits) {
    problem.print();
    exits.add(problem.exit);
}

pub(crate) fn print_refused(refused: &Refused, target: Target) {
    let Refused { change, reason, message, .. } = refused;
    let path = match change {
        Change::RemoveFile(path) | Change::RemoveDirectory(path) | Change::MakeDirectory(path) => {
            path
        }
        Change::Rename { from, .. } => from,
        _ => return,
    };
    let why = describe::failure(*reason, message, target == Target::Server);
    print_error!("tinyferry: \"{}\" was not removed: {why}", path.escape_debug());
}
