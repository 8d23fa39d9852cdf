//! Reads the command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args as _, Command, CommandFactory, FromArgMatches};

use super::{Args, LimitArgs, PolicyArgs};
use crate::units::units;

impl Args {
    /// Reads the command line. A value that begins with `-` is one where a value is due.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches().map_err(explain)?;
        check_mirror(&matches)?;
        let args = Self::from_arg_matches(&matches)?;
        args.check_output()?;
        Ok(args)
    }
}

/// The options about how received files are stored.
fn receiver_options() -> Command {
    PolicyArgs::augment_args(LimitArgs::augment_args(Command::new("receiver")))
}

/// Refuses options of the receiver for a mirror whose receiver is the server.
fn check_mirror(matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some(("mirror", mirror)) = matches.subcommand() else { return Ok(()) };
    if mirror.get_flag("get") {
        return Ok(());
    }
    let is_given =
        |arg: &&Arg| mirror.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let options = receiver_options();
    let Some(option) = options.get_arguments().find(is_given).and_then(Arg::get_long) else {
        return Ok(());
    };
    let sentence = format!(
        "--{option} is for the receiver, which is the server here: start the server with serve \
         --{option}, or mirror from the server with --get"
    );
    Err(command().error(ErrorKind::ArgumentConflict, sentence))
}

/// Explains an option of other programs for directories: the parser would advise to pass it as a path.
fn explain(error: clap::Error) -> clap::Error {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) if error.kind() == ErrorKind::UnknownArgument => option,
        _ => return error,
    };
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let transfers = [" put", " get", " mirror"].iter().any(|command| usage.contains(command));
    if !transfers || !["-r", "-R", "-a", "--recursive", "--archive"].contains(&option.as_str()) {
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
    let of_receiver = receiver_options();
    let complete_mirror = |arg: Arg| {
        let is_of_receiver =
            of_receiver.get_arguments().any(|other| other.get_id() == arg.get_id());
        match arg.get_help() {
            Some(help) if is_of_receiver => {
                let help = format!("With --get: {help}");
                arg.help(help)
            }
            _ => arg,
        }
    };
    Args::command()
        .mut_subcommand("mirror", |mirror| mirror.mut_args(complete_mirror))
        .mut_subcommands(|subcommand| subcommand.mut_args(complete))
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
