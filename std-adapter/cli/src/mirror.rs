//! Removals of a put with `--delete`, and the plan that `--dry-run` prints.

use std::path::Path;

use tinyferry::client::{Action, Change, Error, Extras, InTheWay, Planned};
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;
use tinyferry::fs::Filter;

use crate::args::{MaxDelete, PutArgs};
use crate::exit::{CliError, Exit};
use crate::manage::print_refused;
use crate::message::Task;
use crate::retry::Retrying;

/// A local directory, and its path on the server.
pub(crate) type Pair<'a> = (&'a Path, &'a str);

/// The number of refused removals that are listed.
const LISTED_MAX: usize = 20;

/// Whether an entry below `remote` belongs to another one that is sent.
fn is_sent(path: &str, remote: &str, all: &[String]) -> bool {
    let is_below = |above: &String| match path.strip_prefix(above.as_str()) {
        Some(rest) => above != remote && (rest.is_empty() || rest.starts_with('/')),
        None => false,
    };
    all.iter().any(is_below)
}

/// Removes the entries of the server that the local directories do not have. `is_whole`: everything was sent.
pub(crate) fn delete(
    retrying: &mut Retrying<'_>,
    args: &PutArgs,
    pairs: (&[Pair<'_>], &[String]),
    filter: &Filter,
    is_whole: bool,
) -> Result<Exit, CliError> {
    if !is_whole {
        print_error!(
            "tinyferry: nothing was removed from the server, since not everything was sent"
        );
        return Ok(Exit::Partly);
    }
    let extras = extras(retrying, pairs, filter)?;
    let count = extras.count();
    if count == 0 || !allowed(args, &extras) {
        return Ok(if count == 0 { Exit::Done } else { Exit::Partly });
    }
    let failed = remove(retrying, &extras.removals())?;
    print_line!("removed {} from the server", describe::count(count - failed, "entry", "entries"));
    Ok(if failed == 0 { Exit::Done } else { Exit::Partly })
}

/// Removes the entries of the server in whose place the local directories have entries of another kind. Returns
/// whether it removed some.
pub(crate) fn make_way(
    retrying: &mut Retrying<'_>,
    args: &PutArgs,
    pairs: (&[Pair<'_>], &[String]),
    filter: &Filter,
) -> Result<bool, CliError> {
    let extras = extras(retrying, pairs, filter)?;
    let changes = extras.make_way();
    if changes.is_empty() || !allowed(args, &extras) {
        return Ok(false);
    }
    Ok(remove(retrying, &changes)? == 0)
}

/// The entries of the server that the local directories do not have, or have with another kind.
fn extras(
    retrying: &mut Retrying<'_>,
    (pairs, all): (&[Pair<'_>], &[String]),
    filter: &Filter,
) -> Result<Extras, CliError> {
    let mut extras = Extras::default();
    for (local, remote) in pairs {
        let name = format!("\"{}\"", remote.escape_debug());
        let found = retrying.run(&name, None, |client| client.extras(remote, local, filter));
        let found = found.map_err(|error| retrying.context(Task::Query, &name).error(&error))?;
        let is_gone = |path: &String| !is_sent(path, remote, all);
        extras.files.extend(found.files.into_iter().filter(is_gone));
        extras.directories.extend(found.directories.into_iter().filter(is_gone));
        let is_gone = |entry: &InTheWay| !is_sent(&entry.path, remote, all);
        extras.in_the_way.extend(found.in_the_way.into_iter().filter(is_gone));
        extras.of += found.of;
    }
    Ok(extras)
}

/// Whether `--max-delete` allows to remove so many; says so if not.
fn allowed(args: &PutArgs, extras: &Extras) -> bool {
    let count = extras.count();
    let is_allowed = args.delete.max_delete.allows(count, extras.of);
    if !is_allowed {
        let most = match args.delete.max_delete {
            MaxDelete::Entries(most) => most.to_string(),
            MaxDelete::Percent(share) => format!("{share}%"),
        };
        print_error!(
            "tinyferry: nothing was removed: {count} of {} on the server are not here, more than \
             --max-delete {most} allows; look at them with --dry-run",
            describe::count(extras.of, "entry", "entries")
        );
    }
    is_allowed
}

/// Makes removals; returns the number of those that the server has refused, which it prints.
fn remove(retrying: &mut Retrying<'_>, changes: &[Change]) -> Result<u64, CliError> {
    let refused = retrying
        .run("removing", None, |client| client.change(changes.to_vec()))
        .map_err(|error| retrying.context(Task::Query, "removing").error(&error))?;
    match refused.first() {
        Some(first) if first.reason == Reason::NotAllowed => print_error!(
            "tinyferry: the server must be started with --allow-remove, or the client's key have the \
             right to remove"
        ),
        _ => refused.iter().take(LISTED_MAX).for_each(print_refused),
    }
    if refused.len() > LISTED_MAX {
        print_error!("tinyferry: {} more were not removed", refused.len() - LISTED_MAX);
    }
    Ok(refused.len() as u64)
}

/// Prints the plan of a put.
pub(crate) fn dry_run(
    retrying: &mut Retrying<'_>,
    args: &PutArgs,
    (pairs, all): (&[Pair<'_>], &[String]),
    filter: &Filter,
    is_verbose: bool,
) -> Result<Exit, CliError> {
    let (mut sent, mut kept, mut removed, mut compared, mut failed) = (0, 0, 0, 0, 0);
    let mut of = 0;
    for (local, remote) in pairs {
        let name = format!("\"{}\"", remote.escape_debug());
        let planned = retrying
            .run(&name, None, |client| client.plan_put(local, remote, filter, args.skip.skip()))
            .map_err(|error| {
                let is_refused = matches!(error, Error::Session(Failure::Refused(_), _));
                let name = if is_refused { &*name } else { "" };
                retrying.context(Task::Query, name).error(&error)
            })?;
        for Planned { path, is_directory, action, .. } in planned {
            of += u64::from(!matches!(action, Action::Send | Action::Fail(_)));
            let word = match action {
                Action::Send => "new",
                Action::Replace { .. } => "changed",
                Action::Keep => "same",
                Action::Compare => "compare",
                Action::Fail(_) => "cannot",
                Action::Remove
                    if args.delete.delete && !is_sent(&below(remote, &path), remote, all) =>
                {
                    "remove"
                }
                _ => continue,
            };
            match action {
                Action::Keep => kept += u64::from(!is_directory),
                Action::Compare => compared += 1,
                Action::Fail(_) => failed += 1,
                Action::Remove => removed += 1,
                _ => sent += u64::from(!is_directory),
            }
            if action == Action::Keep && !is_verbose {
                continue;
            }
            let whole = below(remote, &path);
            let end = if is_directory { "/" } else { "" };
            print_line!("{word:<8} {}{end}{}", whole.escape_debug(), why(action));
        }
    }
    let unknown = if compared > 0 { format!(", {compared} to compare") } else { String::new() };
    let fails = if failed > 0 { format!(", {failed} that cannot be sent") } else { String::new() };
    if args.delete.delete && (failed > 0 || !args.delete.max_delete.allows(removed, of)) {
        print_error!(
            "tinyferry: nothing would be removed: {}",
            if failed > 0 { "not everything can be sent" } else { "--max-delete allows less" }
        );
    }
    let removes = if args.delete.delete { format!(", {removed} to remove") } else { String::new() };
    print_line!(
        "{} to send, {kept} unchanged{unknown}{fails}{removes}; nothing was changed",
        describe::count(sent, "file", "files")
    );
    Ok(Exit::Done)
}

fn below(remote: &str, path: &str) -> String {
    match (remote, path) {
        ("", _) => path.to_owned(),
        (_, "") => remote.to_owned(),
        _ => format!("{remote}/{path}"),
    }
}

/// The differences of a changed entry, in parentheses.
fn why(action: Action) -> String {
    if let Action::Fail(reason) = action {
        return format!("  ({})", describe::failure(reason, "", false));
    }
    let Action::Replace { kind, size, time, mode, .. } = action else { return String::new() };
    let names = [(kind, "kind"), (size, "size"), (time, "time"), (mode, "permission bits")];
    let names: Vec<_> =
        names.into_iter().filter_map(|(differs, name)| differs.then_some(name)).collect();
    format!("  ({})", names.join(", "))
}
