//! Reads the command line.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args as _, Command, CommandFactory, FromArgMatches};

use super::other_programs::explained;
use super::{
    Args, Command as SubCommand, DeleteArgs, FilterArgs, LimitArgs, LinkArgs, PolicyArgs, SkipArgs,
    UnsafeLinksArg,
};
use crate::stream::{Output, STREAM, Stream};
use crate::units::units;

impl Args {
    /// Reads the command line. A value that begins with `-` is one where a value is due.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches().map_err(|error| explained(error, command))?;
        check_mirror(&matches)?;
        check_stream(&matches)?;
        let args = Self::from_arg_matches(&matches)?.take_server();
        let mut args = args
            .map_err(|problem| command().error(ErrorKind::ValueValidation, problem.to_string()))?;
        if let SubCommand::Get(get) = &mut args.command
            && get.follow
        {
            get.output = Some(Output::Stream(Stream::followed(get.output.take())));
        }
        args.check_output()?;
        Ok(args)
    }
}

/// The options about how received files are stored.
fn receiver_options() -> Command {
    let limits = LimitArgs::augment_args(Command::new("receiver"));
    UnsafeLinksArg::augment_args(PolicyArgs::augment_args(limits))
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

/// Refuses options for files and directories where standard input is sent or content is written as it arrives.
fn check_stream(matches: &ArgMatches) -> Result<(), clap::Error> {
    let (command_matches, what) = match matches.subcommand() {
        Some(("put", put)) => {
            let paths = put.get_many::<PathBuf>("paths");
            let is_stream = |path: &PathBuf| path.as_path() == Path::new(STREAM);
            let has_stream = paths.is_some_and(|mut paths| paths.any(is_stream));
            (put, has_stream.then(|| "standard input".to_owned()))
        }
        Some(("get", get)) => match get.get_one("output") {
            _ if get.get_flag("follow") => (get, Some("a file that is followed".to_owned())),
            Some(Output::Stream(stream)) => (get, Some(stream.to_string())),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let Some(what) = what else { return Ok(()) };
    let mut options = Command::new("files");
    options = FilterArgs::augment_args(DeleteArgs::augment_args(SkipArgs::augment_args(options)));
    options = PolicyArgs::augment_args(LinkArgs::augment_args(options));
    let ids = options.get_arguments().map(|arg| arg.get_id().as_str());
    let is_given = |id: &&str| command_matches.value_source(id) == Some(ValueSource::CommandLine);
    let mut ids = ids.chain(["keep_both", "unsafe_links", "sync"]);
    let is_known = |id: &&str| command_matches.try_contains_id(id).is_ok();
    match ids.find(|id| is_known(id) && is_given(id)) {
        None => Ok(()),
        Some(id) => {
            let option = id.replace('_', "-");
            let sentence =
                format!("--{option} is for files and directories, and has no effect on {what}");
            Err(command().error(ErrorKind::ArgumentConflict, sentence))
        }
    }
}

pub(crate) fn command() -> clap::Command {
    Args::command()
}

/// Lets the value of an option begin with a hyphen, and adds units to its help.
pub(super) fn complete(arg: Arg) -> Arg {
    let is_option = !arg.is_positional() && arg.get_action().takes_values();
    with_units(arg.allow_hyphen_values(is_option))
}

/// [`complete`] for the options of a put, whose server removes entries.
pub(super) fn complete_put(arg: Arg) -> Arg {
    match arg.get_help() {
        Some(help) if arg.get_id() == "delete" => {
            let help = format!("{help}; the server must allow it (--allow-remove)");
            complete(arg.help(help))
        }
        _ => complete(arg),
    }
}

/// [`complete`] for the options of a mirror: those of the receiver are of use with `--get` only.
pub(super) fn complete_mirror(arg: Arg) -> Arg {
    let of_receiver = receiver_options();
    let is_of_receiver = of_receiver.get_arguments().any(|other| other.get_id() == arg.get_id());
    match arg.get_help() {
        Some(help) if is_of_receiver => {
            let help = format!("With --get: {help}");
            complete(arg.help(help))
        }
        _ => complete(arg),
    }
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
