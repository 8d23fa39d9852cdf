//! Reads the command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory, FromArgMatches};

use super::Args;
use crate::units::units;

impl Args {
    /// Reads the command line. A value that begins with `-` is one where a value is due.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches().map_err(explain)?;
        Self::from_arg_matches(&matches)
    }
}

/// Explains an option of other programs for directories: the parser would advise to pass it as a path.
fn explain(error: clap::Error) -> clap::Error {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) if error.kind() == ErrorKind::UnknownArgument => option,
        _ => return error,
    };
    if !["-r", "-R", "-a", "--recursive", "--archive"].contains(&option.as_str()) {
        return error;
    }
    let sentence = format!(
        "{option} is not an option here: put and get transfer directories, times and permission bits \
         without one; leave it out"
    );
    command().error(ErrorKind::UnknownArgument, sentence)
}

pub(crate) fn command() -> clap::Command {
    let complete = |arg: Arg| {
        let is_option = !arg.is_positional() && arg.get_action().takes_values();
        with_units(arg.allow_hyphen_values(is_option))
    };
    Args::command().mut_subcommands(|subcommand| subcommand.mut_args(complete))
}

/// Adds the units of a quantity to its help.
fn with_units(arg: Arg) -> Arg {
    let name = arg.get_value_names().and_then(|names| names.first());
    let units = name.and_then(|name| units(name));
    match (units, arg.get_help()) {
        (Some(units), Some(help)) => {
            let help = format!("{help} [{units}]");
            arg.help(help)
        }
        _ => arg,
    }
}
