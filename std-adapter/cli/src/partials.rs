//! `tinyferry partials`.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use tinyferry::describe;
use tinyferry::fs::{Leftover, Root, leftovers};

use crate::args::PartialsArgs;
use crate::exit::{CliError, Exit};
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
    let fail = |action: &str, path: &str, why: &str| {
        failures.set(failures.get() + 1);
        let path = describe::path(&args.directory.join(path));
        print_error!("tinyferry: cannot {action} \"{path}\": {why}");
    };
    let visit = |leftover: &Leftover| {
        let is_meant = leftover.age >= least;
        if is_meant && args.remove && leftover.is_in_use {
            fail("remove", &leftover.path, "a transfer is writing to it");
        } else if is_meant {
            listed += 1;
            let age = match leftover.is_in_use {
                true => "in use".to_owned(),
                false => format!("{} ago", HumanDuration(leftover.age)),
            };
            let path = leftover.path.escape_debug();
            print_line!("{}\t{age}\t\"{path}\"", HumanBytes(leftover.bytes));
        }
        // Only listed files are removed.
        is_meant && args.remove && !output::has_failed()
    };
    let removed = leftovers(&root, visit, fail).map_err(failed)?;
    let failures = failures.get();
    if verbosity > Verbosity::Quiet {
        if listed > 0 && args.remove {
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
