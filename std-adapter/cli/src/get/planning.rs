//! `get --dry-run`: prints the entries that a get would receive and remove.

use std::path::Path;

use tinyferry::client::Selection;

use super::{Wanted, skip_of};
use crate::args::GetArgs;
use crate::exit::{CliError, Exit};
use crate::mirror::Removals;
use crate::paths::{is_missing, missing, quoted};
use crate::plan::{Plan, unplanned};
use crate::progress::Verbosity;
use crate::removal::Target;
use crate::retry::Retrying;

/// Prints the plan.
pub(super) fn dry_run(
    retrying: &mut Retrying<'_>,
    args: &GetArgs,
    directory: &Path,
    wanted: &[Wanted<'_>],
    selection: &Selection,
    verbosity: Verbosity,
) -> Result<Exit, CliError> {
    let all: Vec<_> = wanted.iter().map(|wanted| wanted.target.clone()).collect();
    let removals = Removals::new(&args.delete, Target::Here);
    let mut plan = Plan::default();
    for Wanted { text, remote, target } in wanted {
        let name = quoted(remote);
        let selection = selection.clone().skipping(skip_of(args, directory, target));
        let planned = retrying
            .run(&name, None, |client| client.plan_get(remote, directory, target, &selection))
            .map_err(|error| {
                let advice = if is_missing(&error) { missing(text) } else { "" };
                unplanned(retrying, &name, &error).advise(advice)
            })?;
        plan.print(planned, (target, &all), &removals, verbosity >= Verbosity::Files);
    }
    Ok(plan.finish(&removals, Target::Here))
}
