//! Removals of a transfer with `--delete`, and the plan that `--dry-run` prints.

use std::path::Path;

use tinyferry::client::{Action, Change, Error, Extras, InTheWay, Planned, Refused};
use tinyferry::core::store::Skip;
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;
use tinyferry::fs::{Event, Filter, Root};

use crate::args::{DeleteArgs, PutArgs};
use crate::exit::{CliError, Exit};
use crate::manage::print_refused;
use crate::message::Task;
use crate::progress::Verbosity;
use crate::retry::Retrying;

/// A local path, and the path on the server.
pub(crate) type Pair<'a> = (&'a Path, &'a str);

/// The number of refused removals that are listed.
const LISTED_MAX: usize = 20;

/// Whether an entry below `above` belongs to another one of `all` that is transferred.
pub(crate) fn is_sent(path: &str, above: &str, all: &[String]) -> bool {
    let is_below = |other: &String| match path.strip_prefix(other.as_str()) {
        Some(rest) => other != above && (rest.is_empty() || rest.starts_with('/')),
        None => false,
    };
    all.iter().any(is_below)
}

/// The end whose entries are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The server's, of a put.
    Server,
    /// This one's, of a get.
    Here,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "on the server",
            Self::Here => "on this end",
        }
    }

    fn removed_from(self) -> &'static str {
        match self {
            Self::Server => "from the server",
            Self::Here => "from this end",
        }
    }

    /// What all of the source must have been.
    fn transferred(self) -> &'static str {
        match self {
            Self::Server => "sent",
            Self::Here => "received",
        }
    }
}

/// Says that not everything of the source is in place, or known: then nothing is removed.
pub(crate) fn nothing_removed(target: Target) -> Exit {
    print_error!(
        "tinyferry: nothing was removed {}, since not everything was {}",
        target.removed_from(),
        target.transferred()
    );
    Exit::Partly
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
        return Ok(nothing_removed(Target::Server));
    }
    let extras = extras(retrying, pairs, filter)?;
    if let Some(exit) = refuses(&extras, &args.delete, Target::Server) {
        return Ok(exit);
    }
    let count = extras.count();
    let refused = remove(retrying, &extras.removals())?;
    Ok(report(count, &refused, Target::Server))
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
    if changes.is_empty() || refuses(&extras, &args.delete, Target::Server).is_some() {
        return Ok(false);
    }
    let refused = remove(retrying, &changes)?;
    print_all_refused(&refused, Target::Server);
    Ok(refused.is_empty())
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
        join(&mut extras, found, remote, all);
    }
    Ok(extras)
}

/// Makes removals; returns those that the server has refused.
fn remove(retrying: &mut Retrying<'_>, changes: &[Change]) -> Result<Vec<Refused>, CliError> {
    retrying
        .run("removing", None, |client| client.change(changes.to_vec()))
        .map_err(|error| retrying.context(Task::Query, "removing").error(&error))
}

/// Adds the extras of the directory `above`, but for those that belong to another one that is transferred.
pub(crate) fn join(extras: &mut Extras, found: Extras, above: &str, all: &[String]) {
    let is_gone = |path: &String| !is_sent(path, above, all);
    extras.files.extend(found.files.into_iter().filter(is_gone));
    extras.directories.extend(found.directories.into_iter().filter(is_gone));
    let is_gone = |entry: &InTheWay| !is_sent(&entry.path, above, all);
    extras.in_the_way.extend(found.in_the_way.into_iter().filter(is_gone));
    extras.of += found.of;
}

/// Removes entries from `directory`, which is on this end and open as `root`.
pub(crate) fn delete_here(
    extras: Extras,
    options: &DeleteArgs,
    root: Root,
    (directory, verbosity): (&Path, Verbosity),
) -> Exit {
    if let Some(exit) = refuses(&extras, options, Target::Here) {
        return exit;
    }
    let count = extras.count();
    let shown = |path: &str| describe::path(&directory.join(path));
    let refused = extras.remove(root, |event: Event<'_>| {
        if let Event::Removed { path } = event
            && verbosity >= Verbosity::Files
        {
            print_error!("\"{}\": removed", shown(path));
        }
    });
    report(count, &refused, Target::Here)
}

/// Why nothing is removed, if that is so: there is nothing to remove, or too much.
fn refuses(extras: &Extras, options: &DeleteArgs, target: Target) -> Option<Exit> {
    let count = extras.count();
    if count == 0 {
        return Some(Exit::Done);
    }
    if options.max_delete.allows(count, extras.of) {
        return None;
    }
    print_error!(
        "tinyferry: nothing was removed: {count} of {} {} are not in the source, more than \
         --max-delete {} allows; look at them with --dry-run",
        describe::count(extras.of, "entry", "entries"),
        target.name(),
        options.max_delete
    );
    Some(Exit::Partly)
}

/// Prints how many entries were removed, and which were not.
fn report(count: u64, refused: &[Refused], target: Target) -> Exit {
    print_all_refused(refused, target);
    let removed = describe::count(count - refused.len() as u64, "entry", "entries");
    print_line!("removed {removed} {}", target.removed_from());
    if refused.is_empty() { Exit::Done } else { Exit::Partly }
}

fn print_all_refused(refused: &[Refused], target: Target) {
    match refused.first() {
        Some(first) if first.reason == Reason::NotAllowed && first.message.is_empty() => {
            print_error!(
                "tinyferry: the server must be started with --allow-remove, or the client's key have the \
             right to remove"
            )
        }
        _ => refused.iter().take(LISTED_MAX).for_each(|it| print_refused(it, target)),
    }
    if refused.len() > LISTED_MAX {
        print_error!("tinyferry: {} more were not removed", refused.len() - LISTED_MAX);
    }
}

/// The printed plan of a transfer.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    sent: u64,
    kept: u64,
    removed: u64,
    compared: u64,
    failed: u64,
    /// The entries of the target.
    of: u64,
}

impl Plan {
    /// Prints the plan of what has the path `above` at the target; `all`: the paths of all that is transferred.
    pub(crate) fn print(
        &mut self,
        planned: Vec<Planned>,
        (above, all): (&str, &[String]),
        options: &DeleteArgs,
        is_verbose: bool,
    ) {
        for Planned { path, is_directory, action, .. } in planned {
            self.of += u64::from(!matches!(action, Action::Send | Action::Fail(_)));
            let whole = below(above, &path);
            let word = match action {
                Action::Send => "new",
                Action::Replace { .. } => "changed",
                Action::Keep => "same",
                Action::Compare => "compare",
                Action::Fail(_) => "cannot",
                Action::Remove if options.delete && !is_sent(&whole, above, all) => "remove",
                _ => continue,
            };
            match action {
                Action::Keep => self.kept += u64::from(!is_directory),
                Action::Compare => self.compared += 1,
                Action::Fail(_) => self.failed += 1,
                Action::Remove => self.removed += 1,
                _ => self.sent += u64::from(!is_directory),
            }
            if action == Action::Keep && !is_verbose {
                continue;
            }
            let end = if is_directory { "/" } else { "" };
            print_line!("{word:<8} {}{end}{}", whole.escape_debug(), why(action));
        }
    }

    /// Prints the sums.
    pub(crate) fn finish(self, options: &DeleteArgs, target: Target) -> Exit {
        let Self { sent, kept, removed, compared, failed, of } = self;
        let unknown = if compared > 0 { format!(", {compared} to compare") } else { String::new() };
        let verb = match target {
            Target::Server => "send",
            Target::Here => "receive",
        };
        let done = target.transferred();
        let fails =
            if failed > 0 { format!(", {failed} that cannot be {done}") } else { String::new() };
        if options.delete && (failed > 0 || !options.max_delete.allows(removed, of)) {
            let why = match failed {
                0 => "--max-delete allows less".to_owned(),
                _ => format!("not everything can be {done}"),
            };
            print_error!("tinyferry: nothing would be removed: {why}");
        }
        let removes = if options.delete { format!(", {removed} to remove") } else { String::new() };
        print_line!(
            "{} to {verb}, {kept} unchanged{unknown}{fails}{removes}; nothing was changed",
            describe::count(sent, "file", "files")
        );
        Exit::Done
    }
}

/// Prints the plan of a put.
pub(crate) fn dry_run(
    retrying: &mut Retrying<'_>,
    args: &PutArgs,
    (pairs, all): (&[Pair<'_>], &[String]),
    filter: &Filter,
    is_verbose: bool,
) -> Result<Exit, CliError> {
    let mut plan = Plan::default();
    for (local, remote) in pairs {
        let name = format!("\"{}\"", remote.escape_debug());
        let planned = retrying
            .run(&name, None, |client| {
                client.plan_put(local, remote, filter, args.skip.skip().unwrap_or(Skip::SameTime))
            })
            .map_err(|error| unplanned(retrying, &name, &error))?;
        plan.print(planned, (remote, all), &args.delete, is_verbose);
    }
    Ok(plan.finish(&args.delete, Target::Server))
}

/// The error of a plan for the path with the quoted name `name`.
pub(crate) fn unplanned(retrying: &Retrying<'_>, name: &str, error: &Error) -> CliError {
    let is_refused = matches!(error, Error::Session(Failure::Refused(_), _));
    retrying.context(Task::Query, if is_refused { name } else { "" }).error(error)
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
