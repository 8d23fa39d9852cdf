//! `tinyferry partials`.

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use tinyferry::describe;
use tinyferry::fs::{Root, leftovers};

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
    let mut listed = 0_u64;
    let removed = leftovers(&root, |leftover| {
        let is_meant = leftover.age >= least;
        if is_meant {
            listed += 1;
            print_line!(
                "{}\t{} ago\t\"{}\"",
                HumanBytes(leftover.bytes),
                HumanDuration(leftover.age),
                leftover.path.escape_debug()
            );
        }
        // Only listed files are removed.
        is_meant && args.remove && !output::has_failed()
    })
    .map_err(failed)?;
    if verbosity > Verbosity::Quiet {
        if listed == 0 {
            let age = if args.older_than.is_some() { " of that age" } else { "" };
            print_error!("no partial files{age} in \"{directory}\"");
        } else if args.remove {
            print_line!("{removed} removed");
        }
    }
    Ok(Exit::Done)
}
