//! `tinyferry rm`, `mv` and `mkdir`.

mod rename;

use tinyferry::client::{Change, Client, EntryKind, Error, Refused};
use tinyferry::core::{Failure, Reason};

pub(crate) use self::rename::mv;
use crate::args::{MkdirArgs, RmArgs};
use crate::exit::{CliError, Exit, Exits};
use crate::json::{self, File, Status};
use crate::paths::{asked_path, is_missing, quoted};
use crate::removal::{Target, print_refused, report_refused};
use crate::retry::Retrying;

/// The advice for a server that does not allow its clients to remove and rename entries.
pub(crate) const ALLOW_REMOVE: &str = "; the server must be started with --allow-remove, or the client's key must have the right to remove";

pub(crate) fn rm(args: &RmArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "removed")?;
    let mut retrying = Retrying::query(&args.peer, &args.retry)?;
    let mut exits = Exits::default();
    for path in &paths {
        let mut was_there = false;
        let removed = retrying.run(&quoted(path), None, |client| {
            remove(client, path, args.recursive, &mut was_there)
        });
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
            Err(error) if error.refusal() == Some(Reason::NotEmpty) && !args.recursive => {
                let shown = path.escape_debug();
                let sentence = format!(
                    "\"{shown}\" is a directory with files in it; -r removes it with all of them"
                );
                let problem = CliError::new(Exit::Refused, sentence);
                print_failed(&problem.with_reason(Some(Reason::NotEmpty)), path, &mut exits);
            }
            Err(error) => {
                failed(&error, &retrying, (path, allow_remove(&error)), &mut exits)?;
            }
        }
    }
    Ok(exits.total())
}

/// Removes a file or an empty directory, or with `recursive` all of a directory, which must exist. `was_there`: an
/// earlier attempt has found it. Then it may be gone, since the answer to its removal may be lost.
fn remove(
    client: &mut Client,
    path: &str,
    recursive: bool,
    was_there: &mut bool,
) -> Result<Vec<Refused>, Error> {
    let was_found = *was_there;
    let found = match client.kind_of(path) {
        Ok(Some(kind)) => Some(kind),
        Ok(None) if was_found => return Ok(Vec::new()),
        Ok(None) => return Err(not_found()),
        // A client may be allowed to remove an entry that it may not read.
        Err(error) if is_refusal(&error) => None,
        Err(error) => return Err(error),
    };
    *was_there = true;
    let change = match found {
        _ if recursive => {
            return match client.remove_all(path) {
                // The request of the earlier attempt was done after the question.
                Err(error) if was_found && error.refusal() == Some(Reason::NotFound) => {
                    Ok(Vec::new())
                }
                result => result,
            };
        }
        None => return client.remove(path).map(|()| Vec::new()),
        Some(EntryKind::Directory) => Change::RemoveDirectory(path.to_owned()),
        Some(_) => Change::RemoveFile(path.to_owned()),
    };
    match client.change(vec![change])?.into_iter().next() {
        Some(Refused { reason, message, .. }) => {
            Err(Error::Session(Failure::Refused(reason), message))
        }
        None => Ok(Vec::new()),
    }
}

pub(crate) fn mkdir(args: &MkdirArgs) -> Result<Exit, CliError> {
    let paths = named(&args.paths, "made")?;
    let mut retrying = Retrying::query(&args.peer, &args.retry)?;
    let mut exits = Exits::default();
    for path in &paths {
        match retrying.run(&quoted(path), None, |client| client.make_directory(path)) {
            Ok(()) => {
                json::change(File { kind: Some("directory"), ..File::new(path, Status::Made) });
                exits.add(Exit::Done);
            }
            Err(error) => failed(&error, &retrying, (path, ""), &mut exits)?,
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

/// The refusal of an entry that the server does not have.
fn not_found() -> Error {
    Error::Session(Failure::Refused(Reason::NotFound), String::new())
}

/// Whether the server has refused the request, and would do so again.
fn is_refusal(error: &Error) -> bool {
    error.refusal().is_some() && !error.is_transient()
}

/// The advice about a refused removal or rename. A server that gives a cause allows them.
fn allow_remove(error: &Error) -> &'static str {
    match error {
        Error::Session(Failure::Refused(Reason::NotAllowed), message) if message.is_empty() => {
            ALLOW_REMOVE
        }
        _ => "",
    }
}

/// Prints an error of one path, with advice; fails where the others cannot succeed either.
fn failed(
    error: &Error,
    retrying: &Retrying<'_>,
    (path, advice): (&str, &str),
    exits: &mut Exits,
) -> Result<(), CliError> {
    let problem = retrying.error(error, &quoted(path));
    let problem = problem.advise(advice);
    if problem.exit != Exit::Refused {
        return Err(problem);
    }
    print_failed(&problem, path, exits);
    Ok(())
}

/// Prints and reports the error of one path.
fn print_failed(problem: &CliError, path: &str, exits: &mut Exits) {
    problem.print();
    problem.report(path);
    exits.add(problem.exit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_allows_no_removal_is_to_allow_it() {
        let advice = |reason, message: &str| {
            allow_remove(&Error::Session(Failure::Refused(reason), message.to_owned()))
        };
        assert_eq!(advice(Reason::NotAllowed, ""), ALLOW_REMOVE);
        assert_eq!(advice(Reason::NotAllowed, "it is kept beside \"a\""), "");
        assert_eq!(advice(Reason::Unsupported, ""), "");
    }
}
