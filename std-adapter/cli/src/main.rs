//! The command line: arguments in, messages and an exit code out. The library does the work.

/// Prints a line on standard output.
macro_rules! print_line {
    ($($words:tt)*) => { crate::output::line(format_args!($($words)*)) };
}

/// Prints a line on standard error.
macro_rules! print_error {
    ($($words:tt)*) => { crate::output::error_line(format_args!($($words)*)) };
}

/// Prints a line about a failure on standard error, unless the round before has printed it (`--watch`).
macro_rules! print_failure {
    ($($words:tt)*) => { crate::output::failure(format_args!($($words)*)) };
}

mod args;
mod config;
mod console;
#[cfg(unix)]
mod descriptors;
mod df;
mod documents;
mod error_queue;
mod exit;
mod get;
mod growing_file;
mod human;
mod json;
mod keygen;
mod log_lines;
mod logging;
mod ls;
mod manage;
mod message;
mod metrics;
mod mirror;
mod names;
#[cfg(unix)]
mod on_file;
mod output;
mod partials;
mod paths;
mod ping;
mod pipe;
mod plan;
mod ports;
mod progress;
mod put;
mod reached;
mod removal;
mod retry;
mod rounds;
mod serve;
#[cfg(unix)]
mod service;
mod signals;
mod standard;
mod stream;
mod tally;
mod terminal;
mod time;
mod units;
mod watch;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command, Mirror, Peer};
use crate::exit::{CliError, Exit};
use crate::log_lines::LogLines;
use crate::logging::{JsonFormat, LogFormat, LogQueue};
use crate::message::Task;
use crate::progress::Verbosity;

fn main() -> ExitCode {
    #[cfg(unix)]
    descriptors::grow_table();
    let log = LogQueue::new();
    error_queue::set(log.clone());
    // A console of Windows shows escape sequences only after this call.
    #[cfg(windows)]
    let _ = anstyle_query::windows::enable_ansi_colors();
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => {
            output::usage(&error);
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let exit = output::finish(exit);
            log.finish();
            return exit.into();
        }
    };
    output::set_quiet(args.quiet);
    let is_started = matches!(&args.command, Command::Serve(serve) if serve.is_started());
    signals::survive_large_files();
    let format = match &args.command {
        Command::Serve(serve) => serve.log,
        _ => LogFormat::Text,
    };
    start_log((args.verbose, args.quiet), is_started, format, log.clone());
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Files,
        (false, _) => Verbosity::Steps,
    };
    let is_server = matches!(args.command, Command::Serve(_));
    output::set_standard_output(args.standard_output());
    if let Some(reporting) = args.reporting() {
        json::start(reporting);
    }
    let result = match args.command {
        Command::Serve(args) => serve::serve(&args, &log),
        Command::Put(args) => put::put(&args, verbosity),
        Command::Mirror(args) => args.read().and_then(|mirror| match mirror {
            Mirror::Put(args) => put::put(&args, verbosity),
            Mirror::Get(args) => get::get(&args, verbosity),
        }),
        Command::Get(args) => get::get(&args, verbosity),
        Command::Ls(args) => ls::ls(&args),
        Command::Rm(args) => manage::rm(&args),
        Command::Mv(args) => manage::mv(&args),
        Command::Mkdir(args) => manage::mkdir(&args),
        Command::Df(args) => df::df(&args),
        Command::Ping(args) => ping::ping(&args, verbosity),
        Command::Console(args) => console::run(&args),
        Command::Close(args) => close(&args.peer, verbosity),
        Command::Ports(_) => ports::ports(verbosity),
        Command::Keygen(args) => keygen::keygen(&args, verbosity),
        Command::Config => config::print(),
        #[cfg(unix)]
        Command::OnFileRunner(args) => on_file::run_one(&args),
        Command::Completions(args) => Ok(documents::completions(args.shell)),
        Command::Manpages(args) => documents::manpages(&args.directory),
        Command::Partials(args) => partials::partials(&args, verbosity),
    };
    signals::wait_for_end(result.is_err());
    // A thread that the server no longer waits for may still use a port.
    tinyferry::client::clean_up();
    let exit = result.unwrap_or_else(|problem| {
        if is_server {
            // A server does not wait for a reader.
            log.push_error(&problem);
        } else {
            problem.print();
        }
        json::fail(&problem);
        problem.exit
    });
    json::finish(exit);
    let exit = output::finish(exit);
    if is_server {
        log.flush()
    } else {
        log.finish()
    }
    exit.into()
}

/// A program that was started by another one logs little: its lines are mixed with that one's.
fn start_log((verbose, quiet): (u8, bool), is_started: bool, format: LogFormat, log: LogQueue) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) if is_started => "warn",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    let filter = EnvFilter::builder()
        .with_env_var("TINYFERRY_LOG")
        .try_from_env()
        .unwrap_or_else(|_| EnvFilter::new(level));
    log.set_format(format);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(LogLines(log))
        .with_ansi(terminal::has_escapes())
        .with_target(false)
        // It would panic if nobody reads stderr.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.event_format(JsonFormat).init(),
    }
}

fn close(peer: &Peer, verbosity: Verbosity) -> Result<Exit, CliError> {
    let mut client = peer.connect(Task::Close, false)?;
    let closed = client.close();
    closed.map_err(|error| peer.context(Task::Close, &client, "").error(&error))?;
    if verbosity > Verbosity::Quiet {
        print_line!("{} is closing", peer.endpoint);
    }
    Ok(Exit::Done)
}
