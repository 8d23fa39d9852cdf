//! The removals of a transfer with `--delete`.

use std::collections::HashSet;
use std::path::Path;

use tinyferry::client::{Change, Extras, KindConflict, Refused, Selection, remove_local};
use tinyferry::core::Reason;
use tinyferry::describe;
use tinyferry::fs::{Event, Root};

use crate::args::DeleteArgs;
use crate::exit::{CliError, Exit};
use crate::json::{self, File, Status};
use crate::manage::ALLOW_REMOVE;
use crate::message::Task;
use crate::output;
use crate::paths::quoted;
use crate::progress::Verbosity;
use crate::removal::{Target, print_refused, removed_path, report_refused};
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

/// Adds the extras of the directory `above`, but for those that belong to another one that is transferred.
pub(crate) fn join(extras: &mut Extras, found: Extras, above: &str, all: &[String]) {
    let is_gone = |path: &String| !is_sent(path, above, all);
    extras.files.extend(found.files.into_iter().filter(is_gone));
    extras.directories.extend(found.directories.into_iter().filter(is_gone));
    let is_gone = |entry: &KindConflict| !is_sent(&entry.path, above, all);
    extras.kind_conflicts.extend(found.kind_conflicts.into_iter().filter(is_gone));
    extras.of += found.of;
}

/// The removals of one command.
#[derive(Debug)]
pub(crate) struct Removals<'a> {
    options: &'a DeleteArgs,
    target: Target,
    /// The number of removed entries.
    removed: u64,
    /// Whether the reason why no more entries are removed is printed.
    has_printed_reason: bool,
}

impl<'a> Removals<'a> {
    pub(crate) fn new(options: &'a DeleteArgs, target: Target) -> Self {
        Self { options, target, removed: 0, has_printed_reason: false }
    }

    /// Whether removals are requested.
    pub(crate) fn are_requested(&self) -> bool {
        self.options.delete
    }

    /// "nothing", or "nothing more" after entries of another kind were removed.
    fn nothing(&self) -> &'static str {
        if self.removed > 0 { "nothing more" } else { "nothing" }
    }

    /// Prints that nothing is removed, since a part of the source was not transferred or is not known.
    pub(crate) fn refuse(&self) -> Exit {
        // Without the removals that were refused before, not everything could be transferred.
        if !self.has_printed_reason {
            let (nothing, from) = (self.nothing(), self.target.removed_from());
            let done = self.target.transferred();
            let sentence = format!("{nothing} was removed {from}, since not everything was {done}");
            print_failure!("tinyferry: {sentence}");
            json::refuse_removals(&sentence);
        }
        Exit::Partly
    }

    /// Why `--max-delete` forbids to remove the extras, as a clause.
    pub(crate) fn excess(&self, extras: &Extras) -> Option<String> {
        // Entries that were removed before count too.
        let (count, of) = (extras.count() + self.removed, extras.of + self.removed);
        (!self.options.max_delete.allows(count, of)).then(|| {
            format!(
                "{count} of {} {} are not in the source, more than --max-delete {} allows",
                describe::count(of, "entry", "entries"),
                self.target.name(),
                self.options.max_delete
            )
        })
    }

    /// Whether `--max-delete` allows to remove the extras; prints why it does not.
    fn may_remove(&mut self, extras: &Extras) -> bool {
        let excess = self.excess(extras);
        if let Some(why) = &excess {
            let sentence =
                format!("{} was removed: {why}; look at them with --dry-run", self.nothing());
            print_failure!("tinyferry: {sentence}");
            json::refuse_removals(&sentence);
            self.has_printed_reason = true;
        }
        excess.is_none()
    }

    /// Makes removals by `remove`, which returns those that failed; prints these. Returns whether none failed.
    fn remove(
        &mut self,
        changes: Vec<Change>,
        remove: impl FnOnce(Vec<Change>) -> Result<Vec<Refused>, CliError>,
    ) -> Result<bool, CliError> {
        let count = changes.len();
        let all = if json::is_on() { changes.clone() } else { Vec::new() };
        let refused = remove(changes)?;
        self.removed += (count - refused.len()) as u64;
        report(&all, &refused, self.target);
        print_all_refused(&refused, self.target);
        self.has_printed_reason |= !refused.is_empty();
        Ok(refused.is_empty())
    }

    /// Removes the entries that the source has with another kind, by `remove`. Returns whether the source's
    /// entries can be transferred now.
    pub(crate) fn remove_kind_conflicts(
        &mut self,
        extras: &Extras,
        remove: impl FnOnce(Vec<Change>) -> Result<Vec<Refused>, CliError>,
    ) -> Result<bool, CliError> {
        let changes = extras.kind_conflict_removals();
        Ok(!changes.is_empty() && self.may_remove(extras) && self.remove(changes, remove)?)
    }

    /// Removes the entries that the source does not have, by `remove`.
    pub(crate) fn remove_extras(
        &mut self,
        extras: &Extras,
        remove: impl FnOnce(Vec<Change>) -> Result<Vec<Refused>, CliError>,
    ) -> Result<Exit, CliError> {
        let changes = extras.removals();
        let is_done =
            changes.is_empty() || (self.may_remove(extras) && self.remove(changes, remove)?);
        Ok(if is_done { Exit::Done } else { Exit::Partly })
    }
}

/// Prints the number of removed entries, also after a failure.
impl Drop for Removals<'_> {
    fn drop(&mut self) {
        if self.removed > 0 {
            let removed = describe::count(self.removed, "entry", "entries");
            let from = self.target.removed_from();
            output::summary(format_args!("removed {removed} {from}"));
        }
    }
}

/// The entries of the server that the local directories do not have, or have with another kind.
pub(crate) fn extras(
    retrying: &mut Retrying<'_>,
    (pairs, all): (&[Pair<'_>], &[String]),
    selection: &Selection,
) -> Result<Extras, CliError> {
    let mut extras = Extras::default();
    for (local, remote) in pairs {
        let name = quoted(remote);
        let found = retrying.run(&name, None, |client| client.extras(remote, local, selection));
        let found = found.map_err(|error| retrying.context(Task::Query, &name).error(&error))?;
        join(&mut extras, found, remote, all);
    }
    Ok(extras)
}

/// Makes removals on the server; returns those that it has refused.
pub(crate) fn remove_on_server(
    retrying: &mut Retrying<'_>,
    changes: &[Change],
) -> Result<Vec<Refused>, CliError> {
    retrying
        .run("removing", None, |client| client.change(changes.to_vec()))
        .map_err(|error| retrying.context(Task::Query, "removing").error(&error))
}

/// Makes removals in `directory`, which is on this end and open as `root`; returns those that failed.
pub(crate) fn remove_here(
    changes: Vec<Change>,
    root: Root,
    directory: &Path,
    verbosity: Verbosity,
) -> Vec<Refused> {
    let shown = |path: &str| describe::path(&directory.join(path));
    remove_local(root, changes, |event: Event<'_>| {
        if let Event::Removed { path } = event
            && verbosity >= Verbosity::Files
        {
            print_error!("\"{}\": removed", shown(path));
        }
    })
}

/// Reports the results of removals to a program.
fn report(changes: &[Change], refused: &[Refused], target: Target) {
    let failed: HashSet<_> = refused.iter().filter_map(|it| removed_path(&it.change)).collect();
    for path in changes.iter().filter_map(removed_path).filter(|path| !failed.contains(path)) {
        json::change(File::new(path, Status::Removed));
    }
    refused.iter().for_each(|it| report_refused(it, target));
}

fn print_all_refused(refused: &[Refused], target: Target) {
    match refused.first() {
        // A server that gives a cause allows removals.
        Some(first) if first.reason == Reason::NotAllowed && first.message.is_empty() => {
            print_failure!(
                "tinyferry: nothing was removed from the server, which does not allow it{ALLOW_REMOVE}"
            );
        }
        _ => refused.iter().take(LISTED_MAX).for_each(|it| print_refused(it, target)),
    }
    if refused.len() > LISTED_MAX {
        print_failure!("tinyferry: {} more were not removed", refused.len() - LISTED_MAX);
    }
}
