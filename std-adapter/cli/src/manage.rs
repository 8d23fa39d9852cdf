//! `tinyferry rm`, `mv` and `mkdir`.

use tinyferry::client::{Change, Client, EntryKind, Error, Refused};
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;

use crate::args::{MkdirArgs, MvArgs, Peer, RmArgs};
use crate::exit::{CliError, Exit, Exits};
use crate::json::{self, File, Status};
use crate::message::Task;
use crate::mirror::Target;
use crate::paths::{asked_path, is_missing, quoted};

/// The advice for a server that does not allow its clients to remove and rename entries.
pub(crate) const ALLOW_REMOVE: &str = "; the server must be started with --allow-remove, or the client's key have the right to remove";

pub(crate) fn rm(args: &RmArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "removed")?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut exits = Exits::default();
    for path in &paths {
        let removed = match args.recursive {
            true => client.remove_all(path),
            false => remove(&mut client, path),
        };
        match removed {
            Err(error) if is_missing(&error) && args.force => {}
            Ok(refused) => {
                if refused.is_empty() {
                    json::change(File::new(path, Status::Removed));
                    exits.add(Exit::Done);
                }
                for refused in &refused {
                    print_refused(refused, Target::Server);
                    report_refused(refused, Target::Server);
                    exits.add(Exit::Partly);
                }
            }
            Err(error) if is_refused(&error, Reason::NotEmpty) && !args.recursive => {
                let shown = path.escape_debug();
                let sentence = format!(
                    "\"{shown}\" is a directory with files in it; -r removes it with all of them"
                );
                let problem = CliError::new(Exit::Refused, sentence);
                print_failed(&problem.with_reason(Some(Reason::NotEmpty)), path, &mut exits);
            }
            Err(error) => failed(&error, &args.peer, &client, path, &mut exits)?,
        }
    }
    Ok(exits.total())
}

/// Removes a file or an empty directory, which must exist.
fn remove(client: &mut Client, path: &str) -> Result<Vec<Refused>, Error> {
    let done = match client.kind_of(path) {
        Ok(Some(EntryKind::Directory)) => {
            client.change(vec![Change::RemoveDirectory(path.to_owned())])
        }
        Ok(Some(_)) => client.change(vec![Change::RemoveFile(path.to_owned())]),
        Ok(None) => Err(Error::Session(Failure::Refused(Reason::NotFound), String::new())),
        // A client may be allowed to remove an entry that it may not read.
        Err(Error::Session(Failure::Refused(_), _)) => client.remove(path).map(|()| Vec::new()),
        Err(error) => Err(error),
    }?;
    match done.into_iter().next() {
        Some(Refused { reason, message, .. }) => {
            Err(Error::Session(Failure::Refused(reason), message))
        }
        None => Ok(Vec::new()),
    }
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
    // A path that ends in "/" is that of a directory, which must exist.
    let is_directory = args.to.ends_with('/') || to.is_empty();
    let target = match is_directory {
        true => into(&to),
        false => match client.kind_of(&to) {
            Ok(Some(EntryKind::Directory)) => into(&to),
            Ok(_) => to,
            // The server decides whether an entry is replaced that the client may not read.
            Err(Error::Session(Failure::Refused(_), _)) if args.force => to,
            Err(error) => {
                let problem = unknown(&args.peer, &client, &to, &error);
                return stop(problem, &from, exits);
            }
        },
    };
    if !args.force {
        match client.kind_of(&target) {
            Ok(Some(EntryKind::File)) => {
                let problem = if from == target { "has that path already" } else { EXISTS };
                let sentence = format!("\"{}\" {problem}", target.escape_debug());
                let problem = CliError::new(Exit::Refused, sentence);
                return stop(problem.with_reason(Some(Reason::Exists)), &from, exits);
            }
            Ok(_) => {}
            Err(error) => {
                let problem = unknown(&args.peer, &client, &target, &error);
                return stop(problem, &from, exits);
            }
        }
    }
    match client.rename(&from, &target) {
        Ok(()) => {
            json::change(File { to: Some(&target), ..File::new(&from, Status::Renamed) });
        }
        Err(error) => failed(&error, &args.peer, &client, &from, &mut exits)?,
    }
    Ok(exits.total())
}

/// The predicate for a file whose path another one must not get without --force.
const EXISTS: &str = "exists on the server; --force replaces it";

/// The error of a question for the kind of the entry at `target`.
fn unknown(peer: &Peer, client: &Client, target: &str, error: &Error) -> CliError {
    let shown = quoted(target);
    if is_refused(error, Reason::WriteOnly) {
        let sentence = format!(
            "whether {shown} exists cannot be known, since the server gives no files; --force replaces \
             it if it does"
        );
        return CliError::new(Exit::Refused, sentence).with_reason(Some(Reason::WriteOnly));
    }
    let problem = peer.context(Task::Query, client, &shown).error(error);
    let is_unknown =
        is_refused(error, Reason::NoPermission) || is_refused(error, Reason::Unsupported);
    problem.advise(if is_unknown { "; --force replaces it if it exists" } else { "" })
}

/// Prints the error of the only path; fails where the error is not that of the path.
fn stop(problem: CliError, path: &str, mut exits: Exits) -> Result<Exit, CliError> {
    if problem.exit != Exit::Refused {
        return Err(problem);
    }
    print_failed(&problem, path, &mut exits);
    Ok(exits.total())
}

pub(crate) fn mkdir(args: &MkdirArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "made")?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut exits = Exits::default();
    for path in &paths {
        match client.make_directory(path) {
            Ok(()) => {
                json::change(File { kind: Some("directory"), ..File::new(path, Status::Made) });
                exits.add(Exit::Done);
            }
            Err(error) => failed(&error, &args.peer, &client, path, &mut exits)?,
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

/// Whether the server has refused for this reason.
fn is_refused(error: &Error, reason: Reason) -> bool {
    matches!(error, Error::Session(Failure::Refused(found), _) if *found == reason)
}

/// Prints an error of one path; fails where the others cannot succeed either.
fn failed(
    error: &Error,
    peer: &Peer,
    client: &Client,
    path: &str,
    exits: &mut Exits,
) -> Result<(), CliError> {
    let problem = peer.context(Task::Query, client, &quoted(path)).error(error);
    // A server that gives a cause allows removals.
    let is_not_allowed = match error {
        Error::Session(Failure::Refused(Reason::NotAllowed), message) => message.is_empty(),
        Error::Session(Failure::Refused(Reason::Unsupported), _) => true,
        _ => false,
    };
    let problem = problem.advise(if is_not_allowed { ALLOW_REMOVE } else { "" });
    if problem.exit != Exit::Refused {
        return Err(problem);
    }
    print_failed(&problem, path, exits);
    Ok(())
}

/// Tells the error of one path.
fn print_failed(problem: &CliError, path: &str, exits: &mut Exits) {
    problem.print();
    problem.report(path);
    exits.add(problem.exit);
}

/// Prints why an entry was not removed.
pub(crate) fn print_refused(refused: &Refused, target: Target) {
    if let Some(sentence) = not_removed(refused, target) {
        print_failure!("tinyferry: {sentence}");
    }
}

/// Tells a program why an entry was not removed.
pub(crate) fn report_refused(refused: &Refused, target: Target) {
    let Refused { change, reason, message, .. } = refused;
    if let (Some(path), Some(sentence)) = (removed_path(change), not_removed(refused, target)) {
        let at_peer = target == Target::Server;
        json::change(File::failed(path, *reason, message, at_peer, sentence));
    }
}

/// Why an entry was not removed.
fn not_removed(refused: &Refused, target: Target) -> Option<String> {
    let Refused { change, reason, message, .. } = refused;
    let path = removed_path(change)?.escape_debug();
    let why = describe::failure(*reason, message, target == Target::Server);
    Some(format!("\"{path}\" was not removed: {why}"))
}

/// The path of an entry that a change removes.
pub(crate) fn removed_path(change: &Change) -> Option<&str> {
    match change {
        Change::RemoveFile(path) | Change::RemoveDirectory(path) => Some(path),
        _ => None,
    }
}
