//! What a put with `--delete` removes from the server, and what `--dry-run` shows.

use std::path::Path;

use tinyferry::client::{Action, Change, Client, Error, Extras, Planned};
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;
use tinyferry::fs::Filter;

use crate::args::{MaxDelete, PutArgs};
use crate::exit::{CliError, Exit};
use crate::manage::print_refused;
use crate::message::Task;

/// A local directory, and its path on the server.
pub(crate) type Pair<'a> = (&'a Path, &'a str);

/// Removes from the server what the directories do not have. `is_whole`: everything was sent.
pub(crate) fn delete(
    client: &mut Client,
    args: &PutArgs,
    pairs: &[Pair<'_>],
    filter: &Filter,
    is_whole: bool,
) -> Result<Exit, CliError> {
    if !is_whole {
        print_error!(
            "tinyferry: nothing was removed from the server, since not everything was sent"
        );
        return Ok(Exit::Partly);
    }
    let mut extras = Extras::default();
    for (local, remote) in pairs {
        let found = client.extras(remote, local, filter).map_err(|error| {
            let shown = remote.escape_debug();
            args.peer.context(Task::Query, client, &format!("\"{shown}\"")).error(&error)
        })?;
        extras.files.extend(found.files);
        extras.directories.extend(found.directories);
        extras.of += found.of;
    }
    let count = extras.count();
    if count == 0 {
        return Ok(Exit::Done);
    }
    if !args.delete.max_delete.allows(count, extras.of) {
        let most = match args.delete.max_delete {
            MaxDelete::Entries(most) => most.to_string(),
            MaxDelete::Percent(share) => format!("{share}%"),
        };
        print_error!(
            "tinyferry: nothing was removed: {count} of {} on the server are not here, more than \
             --max-delete {most} allows; look at them with --dry-run",
            describe::count(extras.of, "entry", "entries")
        );
        return Ok(Exit::Partly);
    }
    let files = extras.files.into_iter().map(Change::RemoveFile);
    let directories = extras.directories.into_iter().map(Change::RemoveDirectory);
    let refused = client
        .change(files.chain(directories).collect())
        .map_err(|error| args.peer.context(Task::Query, client, "removing").error(&error))?;
    // A directory stays for what is excluded in it.
    let refused =
        refused.iter().filter(|refused| filter.is_empty() || refused.reason != Reason::NotEmpty);
    let mut failed = 0;
    for refused in refused {
        failed += 1;
        if failed <= 20 {
            print_refused(refused);
        }
    }
    print_line!("removed {} from the server", describe::count(count - failed, "entry", "entries"));
    Ok(if failed == 0 { Exit::Done } else { Exit::Partly })
}

/// Prints what a put would do.
pub(crate) fn dry_run(
    client: &mut Client,
    args: &PutArgs,
    pairs: &[Pair<'_>],
    filter: &Filter,
    is_verbose: bool,
) -> Result<Exit, CliError> {
    let (mut sent, mut kept, mut removed) = (0, 0, 0);
    for (local, remote) in pairs {
        let planned = client.plan_put(local, remote, filter).map_err(|error| match error {
            Error::Session(Failure::Refused(_), _) => {
                let shown = remote.escape_debug();
                args.peer.context(Task::Query, client, &format!("\"{shown}\"")).error(&error)
            }
            error => args.peer.context(Task::Query, client, "").error(&error),
        })?;
        for Planned { path, is_directory, action, .. } in planned {
            let word = match action {
                Action::Send => "new",
                Action::Replace { .. } => "changed",
                Action::Keep => "same",
                Action::Remove if args.delete.delete => "remove",
                _ => continue,
            };
            match action {
                Action::Keep => kept += u64::from(!is_directory),
                Action::Remove => removed += 1,
                _ => sent += u64::from(!is_directory),
            }
            if action == Action::Keep && !is_verbose {
                continue;
            }
            let whole = match *remote {
                "" => path.clone(),
                above => format!("{above}/{path}"),
            };
            let end = if is_directory { "/" } else { "" };
            print_line!("{word:<8} {}{end}{}", whole.escape_debug(), why(action));
        }
    }
    let removes = if args.delete.delete { format!(", {removed} to remove") } else { String::new() };
    print_line!(
        "{} to send, {kept} unchanged{removes}; nothing was changed",
        describe::count(sent, "file", "files")
    );
    Ok(Exit::Done)
}

/// The differences of a changed entry, in parentheses.
fn why(action: Action) -> String {
    let Action::Replace { kind, size, time, mode, .. } = action else { return String::new() };
    let names = [(kind, "kind"), (size, "size"), (time, "time"), (mode, "permission bits")];
    let names: Vec<_> =
        names.into_iter().filter_map(|(differs, name)| differs.then_some(name)).collect();
    format!("  ({})", names.join(", "))
}
