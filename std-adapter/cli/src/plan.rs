//! The plan of a transfer, which `--dry-run` prints.

use std::collections::HashSet;

use tinyferry::client::{self, Action, Error, Extras, Planned, Selection};
use tinyferry::core::Reason;
use tinyferry::describe;

use crate::args::PutArgs;
use crate::exit::{CliError, Exit};
use crate::json::{self, Event};
use crate::message::Task;
use crate::mirror::{Pair, Removals, is_sent, join};
use crate::output;
use crate::paths::{self, quoted};
use crate::removal::Target;
use crate::retry::Retrying;

/// The printed plan of a transfer.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    sent: u64,
    /// The size of the files that would be sent.
    bytes: u64,
    kept: u64,
    removed: u64,
    compared: u64,
    failed: u64,
    /// The entries that cannot be transferred since the target has an entry of another kind.
    blocked: u64,
    /// The entries that would be removed.
    extras: Extras,
    /// Whether the entries of the source are not all known.
    is_incomplete: bool,
    /// Whether entries of the source have names that cannot be sent.
    omits: bool,
}

impl Plan {
    /// Prints the plan of the entry with the path `above` at the target; `all`: the paths of all that is
    /// transferred.
    pub(crate) fn print(
        &mut self,
        plan: client::Plan,
        (above, all): (&str, &[String]),
        removals: &Removals<'_>,
        is_verbose: bool,
    ) {
        // The entries of the target that are removed since the source has them with another kind.
        let conflicts = plan.extras.iter().flat_map(|extras| &extras.kind_conflicts);
        let replaced: HashSet<_> = match removals.are_requested() {
            true => conflicts.map(|conflict| conflict.path.clone()).collect(),
            false => HashSet::new(),
        };
        // All entries of another kind, those that stay among them.
        let mut conflicts = HashSet::new();
        for Planned { path, is_directory, size, action, .. } in plan.entries {
            let whole = paths::join(above, &path);
            let is_replaced = replaced.contains(&whole);
            if matches!(action, Action::Replace { kind: true, .. }) {
                conflicts.insert(whole.clone());
            }
            // The directories above an entry come before it.
            let conflict = ancestors(&whole).find(|directory| conflicts.contains(*directory));
            let is_blocked = conflict.is_some_and(|directory| !replaced.contains(directory));
            let word = match action {
                Action::Send if is_blocked => "cannot",
                Action::Send => "new",
                Action::Replace { kind: true, .. } if !is_replaced => "cannot",
                Action::Replace { .. } => "changed",
                Action::Keep => "same",
                Action::Compare => "compare",
                Action::Fail(_) => "cannot",
                Action::Remove if removals.are_requested() && !is_sent(&whole, above, all) => {
                    "remove"
                }
                _ => continue,
            };
            match action {
                Action::Keep => self.kept += u64::from(!is_directory),
                Action::Compare => self.compared += 1,
                Action::Fail(_) => self.failed += 1,
                Action::Remove => self.removed += 1,
                Action::Replace { kind: true, .. } if !is_replaced => self.blocked += 1,
                Action::Send if is_blocked => self.blocked += 1,
                _ => {
                    self.sent += u64::from(!is_directory);
                    self.bytes += size.unwrap_or_default();
                }
            }
            self.removed += u64::from(is_replaced);
            // The entries are counted for --max-delete as after the transfer, before entries of another kind
            // are removed.
            self.extras.of += u64::from(action == Action::Send && conflict.is_none());
            if json::is_on() {
                report(&whole, is_directory, word, action);
            } else if action != Action::Keep || is_verbose {
                let end = if is_directory { "/" } else { "" };
                print_line!("{word:<8} {}{end}{}", whole.escape_debug(), why(action));
            }
        }
        self.omits |= plan.is_incomplete;
        match plan.extras {
            Some(found) => join(&mut self.extras, found, above, all),
            None => self.is_incomplete = true,
        }
    }

    /// Prints the sums.
    pub(crate) fn finish(self, removals: &Removals<'_>, target: Target) -> Exit {
        let Self { sent, bytes, kept, removed, compared, failed, blocked, .. } = self;
        let Self { extras, is_incomplete, omits, .. } = self;
        let unknown = if compared > 0 { format!(", {compared} to compare") } else { String::new() };
        let done = target.transferred();
        // The transfer removes entries of another kind if nothing else fails.
        let has_only_kind_conflicts = failed == 0 && !omits && !is_incomplete;
        let failed = failed + blocked;
        let fails =
            if failed > 0 { format!(", {failed} that cannot be {done}") } else { String::new() };
        let mut is_whole = failed == 0 && !omits;
        if omits {
            print_error!(
                "tinyferry: entries with names that cannot be {done} are not in this list"
            );
        }
        if removals.are_requested() {
            let excess = removals.excess(&extras);
            let excess = excess.map(|why| format!("{why}; a higher --max-delete allows it"));
            let replaces = has_only_kind_conflicts && !extras.kind_conflicts.is_empty();
            let (nothing, why) = match (is_incomplete || !is_whole, excess) {
                (true, Some(why)) if replaces => ("nothing", Some(why)),
                (true, _) => {
                    let nothing = if replaces { "nothing more" } else { "nothing" };
                    (nothing, Some(format!("not everything can be {done}")))
                }
                (false, why) => ("nothing", why),
            };
            is_whole &= why.is_none();
            if let Some(why) = why {
                let sentence = format!("{nothing} would be removed: {why}");
                print_error!("tinyferry: {sentence}");
                json::refuse_removals(&sentence);
            }
        }
        json::count(json::Totals {
            sent,
            unchanged: Some(kept),
            removed: if removals.are_requested() { removed } else { 0 },
            failed,
            bytes,
            ..json::Totals::default()
        });
        let removes = match removals.are_requested() {
            true => format!(", {removed} to remove"),
            false => String::new(),
        };
        output::summary(format_args!(
            "{} to {}, {kept} unchanged{unknown}{fails}{removes}; nothing was changed",
            describe::count(sent, "file", "files"),
            target.verb()
        ));
        if is_whole { Exit::Done } else { Exit::Partly }
    }
}

/// The paths of the directories above an entry.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// Tells a program the action for an entry.
fn report(path: &str, is_directory: bool, word: &'static str, action: Action) {
    let reason = match action {
        Action::Fail(reason) => Some(reason),
        _ => None,
    };
    json::emit(&Event::Planned(json::Planned {
        path,
        kind: if is_directory { "directory" } else { "file" },
        action: word,
        differs: differences(action),
        reason: reason.map(json::reason_word),
        reason_code: reason.map(Reason::code),
    }));
}

/// Prints the plan of a put.
pub(crate) fn dry_run(
    retrying: &mut Retrying<'_>,
    args: &PutArgs,
    (pairs, all): (&[Pair<'_>], &[String]),
    selection: &Selection,
    is_verbose: bool,
) -> Result<Exit, CliError> {
    let removals = Removals::new(&args.delete, Target::Server);
    let mut plan = Plan::default();
    for (local, remote) in pairs {
        let name = quoted(remote);
        let planned = retrying
            .run(&name, None, |client| client.plan_put(local, remote, selection))
            .map_err(|error| unplanned(retrying, &name, &error))?;
        plan.print(planned, (remote, all), &removals, is_verbose);
    }
    Ok(plan.finish(&removals, Target::Server))
}

/// The error of a plan for the path with the quoted name `name`.
pub(crate) fn unplanned(retrying: &Retrying<'_>, name: &str, error: &Error) -> CliError {
    let is_refused = error.refusal().is_some();
    retrying.context(Task::Query, if is_refused { name } else { "" }).error(error)
}

/// The differences of a changed entry, in parentheses.
fn why(action: Action) -> String {
    if let Action::Fail(reason) = action {
        return format!("  ({})", describe::failure(reason, "", false));
    }
    match differences(action) {
        names if names.is_empty() => String::new(),
        names => format!("  ({})", names.join(", ").replace("mode", "permission bits")),
    }
}

/// The facts of a changed entry that differ.
fn differences(action: Action) -> Vec<&'static str> {
    let Action::Replace { kind, size, time, mode, target } = action else { return Vec::new() };
    let names =
        [(kind, "kind"), (size, "size"), (time, "time"), (mode, "mode"), (target, "target")];
    names.into_iter().filter_map(|(differs, name)| differs.then_some(name)).collect()
}
