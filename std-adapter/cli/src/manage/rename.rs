//! `tinyferry mv`. A rename whose answer was lost may be done: it is sent again only if it is not.

use tinyferry::client::{Client, EntryKind, Error};
use tinyferry::core::Reason;

use super::{allow_remove, failed, is_refusal, not_found, print_failed, whole};
use crate::args::MvArgs;
use crate::exit::{CliError, Exit, Exits};
use crate::json::{self, File, Status};
use crate::paths::{asked_path, join, quoted};
use crate::retry::Retrying;

pub(crate) fn mv(args: &MvArgs) -> Result<Exit, CliError> {
    let [from, to] = [&args.from, &args.to].map(|path| asked_path(path));
    let (from, to) = (from?, to?);
    if from.is_empty() {
        return Err(whole("renamed"));
    }
    let mut retrying = Retrying::query(&args.peer, &args.retry)?;
    // A path that ends in "/" is that of a directory, which must exist.
    let is_directory = args.to.ends_with('/') || to.is_empty();
    let force = args.force;
    let mut rename = Rename { from: &from, to: &to, is_directory, force, sent: None };
    let result = retrying.run(&quoted(&from), None, |client| rename.attempt(client));
    let mut exits = Exits::default();
    let problem = match result {
        Ok(Outcome::Renamed(target)) => {
            json::change(File { to: Some(&target), ..File::new(&from, Status::Renamed) });
            return Ok(exits.total());
        }
        Ok(Outcome::Exists(target)) => {
            let problem = if from == target { "has that path already" } else { EXISTS };
            let sentence = format!("{} {problem}", quoted(&target));
            CliError::new(Exit::Refused, sentence).with_reason(Some(Reason::Exists))
        }
        Ok(Outcome::Unknown(target, error)) => unknown(&retrying, &target, &error),
        Ok(Outcome::Unanswered(target)) => {
            let sentence = format!("the answer to the rename of {} was lost", quoted(&from));
            return Err(
                CliError::new(Exit::Connection, sentence).advise(&maybe_done(&from, &target))
            );
        }
        Err(error) => {
            let is_refused = error.refusal().is_some();
            if let Some(sent) = rename.sent.filter(|_| !is_refused) {
                let problem = retrying.error(&error, &quoted(&from));
                return Err(problem.advise(&maybe_done(&from, &sent.target)));
            }
            let advice = match error.refusal() {
                Some(Reason::Unsupported) => MAY_NOT_MOVE,
                _ => allow_remove(&error),
            };
            failed(&error, &retrying, (&from, advice), &mut exits)?;
            return Ok(exits.total());
        }
    };
    if problem.exit != Exit::Refused {
        return Err(problem);
    }
    print_failed(&problem, &from, &mut exits);
    Ok(exits.total())
}

/// The predicate for a file whose path another one must not get without --force.
const EXISTS: &str = "exists on the server; --force replaces it";

/// The advice for a server that cannot rename an entry so.
const MAY_NOT_MOVE: &str = "; a board may only rename within a directory: put the file at its new path, and remove the old one";

/// The rename of one entry, over all attempts.
struct Rename<'a> {
    from: &'a str,
    to: &'a str,
    /// Whether `to` is a directory that the entry is moved into.
    is_directory: bool,
    /// Whether a file is replaced.
    force: bool,
    /// The request of an earlier attempt.
    sent: Option<Sent>,
}

/// A request to rename an entry.
#[derive(Debug, Clone)]
struct Sent {
    /// The new path.
    target: String,
    /// Whether the server had no entry at the new path before.
    was_free: bool,
}

/// Whether the server has an entry at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    Missing,
    /// The server does not tell.
    Unknown,
}

enum Outcome {
    /// The entry has this path now.
    Renamed(String),
    /// A file has the new path.
    Exists(String),
    /// The server does not tell whether it has an entry at a path.
    Unknown(String, Error),
    /// The server has an entry at both paths, and may have renamed another one before.
    Unanswered(String),
}

impl Rename<'_> {
    fn attempt(&mut self, client: &mut Client) -> Result<Outcome, Error> {
        let target = match &self.sent {
            Some(sent) => sent.target.clone(),
            None => match self.target(client) {
                Ok(target) => target,
                Err(error) if is_refusal(&error) => {
                    return Ok(Outcome::Unknown(self.to.to_owned(), error));
                }
                Err(error) => return Err(error),
            },
        };
        let is_gone = Presence::of(client, self.from)? == Presence::Missing;
        match &self.sent {
            None if is_gone => return Err(not_found()),
            None => {}
            Some(sent) => {
                // If both are there, the entry may have been renamed and made again.
                let is_there = Presence::of(client, &target)? == Presence::There;
                match (is_there, is_gone || sent.was_free) {
                    (true, true) => return Ok(Outcome::Renamed(target)),
                    (true, false) => return Ok(Outcome::Unanswered(target)),
                    (false, _) => {}
                }
            }
        }
        let mut was_free = self.sent.as_ref().is_some_and(|sent| sent.was_free);
        if !self.force && !is_gone {
            match client.kind_of(&target) {
                Ok(Some(EntryKind::File)) => return Ok(Outcome::Exists(target)),
                Ok(found) => was_free = found.is_none(),
                Err(error) if is_refusal(&error) => return Ok(Outcome::Unknown(target, error)),
                Err(error) => return Err(error),
            }
        }
        self.sent = Some(Sent { target: target.clone(), was_free });
        client.rename(self.from, &target).map(|()| Outcome::Renamed(target))
    }

    /// The new path of the entry.
    fn target(&self, client: &mut Client) -> Result<String, Error> {
        if !self.is_directory {
            match client.kind_of(self.to) {
                Ok(Some(EntryKind::Directory)) => {}
                Ok(_) => return Ok(self.to.to_owned()),
                // The server decides whether an entry is replaced that the client may not read.
                Err(error) if self.force && is_refusal(&error) => return Ok(self.to.to_owned()),
                Err(error) => return Err(error),
            }
        }
        let name = self.from.rsplit('/').next().unwrap_or_default();
        Ok(join(self.to, name))
    }
}

impl Presence {
    fn of(client: &mut Client, path: &str) -> Result<Self, Error> {
        match client.kind_of(path) {
            Ok(Some(_)) => Ok(Self::There),
            Ok(None) => Ok(Self::Missing),
            Err(error) if error.refusal() == Some(Reason::SymbolicLink) => Ok(Self::There),
            Err(error) if is_refusal(&error) => Ok(Self::Unknown),
            Err(error) => Err(error),
        }
    }
}

/// The error of a question for the kind of the entry at `target`.
fn unknown(retrying: &Retrying<'_>, target: &str, error: &Error) -> CliError {
    let shown = quoted(target);
    if error.refusal() == Some(Reason::WriteOnly) {
        let sentence = format!(
            "whether {shown} exists cannot be known, since the server gives no files; --force replaces \
             it if it does"
        );
        return CliError::new(Exit::Refused, sentence).with_reason(Some(Reason::WriteOnly));
    }
    let problem = retrying.error(error, &shown);
    let is_unknown = error.refusal() == Some(Reason::NoPermission)
        || error.refusal() == Some(Reason::Unsupported);
    problem.advise(if is_unknown { "; --force replaces it if it exists" } else { "" })
}

/// The advice after a request without an answer.
fn maybe_done(from: &str, target: &str) -> String {
    let (from, target) = (quoted(from), quoted(target));
    format!("; the server may have renamed it: see whether {from} or {target} exists there")
}
