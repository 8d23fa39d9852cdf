//! `tinyferry partials`.

use std::cell::Cell;
use std::time::Duration;

use tinyferry::core::Reason;
use tinyferry::describe;
use tinyferry::fs::{Leftover, Root, leftovers};

use crate::args::PartialsArgs;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json::{self, Event, File, Partial};
use crate::output;
use crate::progress::Verbosity;

pub(crate) fn partials(args: &PartialsArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let directory = describe::path(&args.directory);
    let failed = |error: std::io::Error| {
        let sentence = format!("cannot read \"{directory}\": {}", describe::os_error(&error));
        CliError::new(Exit::Local, sentence)
    };
    let root = Root::open(&args.directory).map_err(failed)?;
    let least = args.older_than.unwrap_or(Duration::ZERO);
    let (mut listed, failures) = (0_u64, Cell::new(0_u64));
    let fail = |action: &str, path: &str, reason: Reason, why: &str| {
        failures.set(failures.get() + 1);
        let shown = describe::path(&args.directory.join(path));
        let message = format!("cannot {action} \"{shown}\": {why}");
        print_error!("tinyferry: {message}");
        json::change(File::failed(path, reason, why, false, message));
    };
    let visit = |leftover: &Leftover| {
        let is_meant = leftover.age >= least;
        if is_meant && args.remove && leftover.is_in_use {
            fail("remove", &leftover.path, Reason::InUse, "a transfer is writing to it");
        } else if is_meant {
            listed += 1;
            print(leftover);
        }
        // Only listed files are removed.
        is_meant && args.remove && !output::has_failed()
    };
    let unable = |action: &str, path: &str, why: &str| fail(action, path, Reason::Storage, why);
    let removed = leftovers(&root, visit, unable).map_err(failed)?;
    json::count_removed(removed);
    let failures = failures.get();
    if verbosity > Verbosity::Quiet {
        if listed > 0 && args.remove && !json::is_on() {
            print_line!("{removed} removed");
        } else if listed == 0 && failures == 0 {
            let age = if args.older_than.is_some() { " of that age" } else { "" };
            print_error!("no partial files{age} in \"{directory}\"");
        }
    }
    Ok(match if args.remove { removed } else { listed } {
        _ if failures == 0 => Exit::Done,
        0 => Exit::Local,
        _ => Exit::Partly,
    })
}

/// Prints the line of a partial file.
fn print(leftover: &Leftover) {
    let Leftover { path, bytes, age, is_in_use, .. } = leftover;
    if json::is_on() {
        let (path, size, age_seconds) = (path.as_str(), *bytes, age.as_secs());
        json::emit(&Event::Partial(Partial { path, size, age_seconds, is_in_use: *is_in_use }));
        return;
    }
    let age = match is_in_use {
        true => "in use".to_owned(),
        false => format!("{} ago", human::age(*age)),
    };
    print_line!("{}\t{age}\t\"{}\"", human::bytes(*bytes), path.escape_debug());
}
