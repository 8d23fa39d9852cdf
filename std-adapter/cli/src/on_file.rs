//! `serve --on-file`: runs a command for each received file.
//!
//! Each command has a process of this program in between, the *runner*. It locks the entry of the journal, runs the
//! command, and removes the entry. It goes on if the server is killed; the next server starts another runner for
//! the same entry, which waits for the lock and then finds the entry gone. So the command runs exactly once, however often the
//! server is killed. If the runner itself is killed, or the machine fails, the command runs again.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tinyferry::checksum::Fast;
use tinyferry::core::checksum::Checksums;
use tinyferry::describe;
use tinyferry::server::{Job, Journal};
use tracing::{debug, error, warn};

use crate::args::{OnFileArgs, OnFileRunnerArgs};
use crate::error_queue;
use crate::exit::{CliError, Exit};

/// The exit code of a runner whose command could not be started, as that of a shell.
const NOT_STARTED: u8 = 127;

/// The commands of a server.
pub(crate) struct Commands {
    pub(crate) journal: Journal,
    threads: Vec<JoinHandle<()>>,
}

impl Commands {
    /// Starts the threads that wait for files. `None`: there is no command.
    pub(crate) fn start(args: &OnFileArgs, served: &Path) -> Result<Option<Self>, CliError> {
        let Some(words) = &args.on_file else { return Ok(None) };
        let directory = args.on_file_journal.clone().map_or_else(|| usual_journal(served), Ok)?;
        let journal = Journal::open(&directory, served).map_err(|error| {
            let (directory, why) = (describe::path(&directory), describe::os_error(&error));
            let advice = match error.kind() {
                ErrorKind::WouldBlock => "",
                _ => "; name another directory with --on-file-journal DIR",
            };
            let sentence = format!("cannot use \"{directory}\" for --on-file: {why}{advice}");
            CliError::new(Exit::Local, sentence)
        })?;
        let program = env::current_exe()?;
        let words: Arc<[String]> = words.0.as_slice().into();
        let threads = (0..args.on_file_jobs).map(|_| {
            let (journal, program, words) = (journal.clone(), program.clone(), Arc::clone(&words));
            thread::Builder::new().name("on-file".to_owned()).spawn(move || {
                while let Some(job) = journal.take() {
                    run(&program, &job, &words);
                    journal.handled(&job);
                }
            })
        });
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Some(Self { journal, threads }))
    }

    /// Waits for the commands, at most for this time.
    pub(crate) fn finish(self, timeout: Duration) {
        self.journal.finish(timeout);
        let unfinished = self.threads.iter().any(|thread| !thread.is_finished());
        debug!("commands of --on-file still run: {unfinished}");
    }
}

/// Runs the command of one file.
fn run(program: &Path, job: &Job, words: &[String]) {
    let path = path_of(&job.entry);
    let mut runner = Command::new(program);
    runner.arg("on-file-runner").arg(&job.entry).arg("--").args(words);
    // A signal of the terminal is for the server.
    runner.process_group(0).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
    match runner.status() {
        Ok(status) if status.success() => debug!("the command of --on-file has ended: \"{path}\""),
        Ok(status) => warn!("the command of --on-file {}: \"{path}\"", ending(status)),
        Err(error) => {
            let why = describe::os_error(&error);
            error!("the command of --on-file cannot be started: \"{path}\": {why}");
            // Not all at once, over and over.
            thread::sleep(Duration::from_secs(1));
        }
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("has failed with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "has failed".to_owned(),
    }
}

/// The path of an entry's file, escaped, for the log.
fn path_of(entry: &Path) -> String {
    let records = fs::read(entry).map(|bytes| records(&bytes)).unwrap_or_default();
    let path = records.into_iter().find(|(name, _)| name == "TINYFERRY_PATH");
    path.map_or_else(String::new, |(_, path)| path.to_string_lossy().escape_debug().to_string())
}

/// The runner: see above.
pub(crate) fn run_one(args: &OnFileRunnerArgs) -> Result<Exit, CliError> {
    let mut entry = match File::open(&args.entry) {
        Ok(entry) => entry,
        // Another runner has run the command.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Exit::Done),
        Err(error) => return Err(error.into()),
    };
    entry.lock()?;
    match fs::metadata(&args.entry) {
        Ok(found) if found.ino() == entry.metadata()?.ino() => {}
        _ => return Ok(Exit::Done),
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    entry.rewind()?;
    let Some((program, rest)) = args.words.split_first() else { return Ok(Exit::Usage) };
    let mut command = Command::new(program);
    // The server may have been started with a variable that this file does not have.
    command.args(rest).env_remove("TINYFERRY_KEY").envs(records(&bytes)).stdin(entry.try_clone()?);
    let ended = command.status();
    fs::remove_file(&args.entry)?;
    let code = match ended {
        Ok(status) if status.success() => return Ok(Exit::Done),
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
            (None, signal) => 128u8.saturating_add(u8::try_from(signal.unwrap_or(0)).unwrap_or(0)),
        },
        Err(error) => {
            let (program, why) = (program.escape_debug(), describe::os_error(&error));
            print_error!(
                "tinyferry: the command \"{program}\" of --on-file cannot be started: {why}"
            );
            if let Some(errors) = error_queue::queue() {
                errors.finish();
            }
            NOT_STARTED
        }
    };
    std::process::exit(code.into());
}

/// The records `NAME=VALUE` of an entry.
fn records(bytes: &[u8]) -> Vec<(String, OsString)> {
    let records = bytes.split(|byte| *byte == 0).filter_map(|record| {
        let at = record.iter().position(|byte| *byte == b'=')?;
        let (name, value) = record.split_at_checked(at)?;
        let name = String::from_utf8(name.to_vec()).ok()?;
        Some((name, OsString::from_vec(value.get(1..)?.to_vec())))
    });
    records.collect()
}

/// The directory of the journal of a served directory.
fn usual_journal(served: &Path) -> Result<PathBuf, CliError> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).and_then(absolute);
    let state = variable("STATE_DIRECTORY")
        .or_else(|| variable("XDG_STATE_HOME").map(|state| state.join("tinyferry")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/state/tinyferry")));
    let Some(state) = state else {
        let sentence =
            "the home directory is not known (HOME is not set): use --on-file-journal DIR";
        return Err(CliError::new(Exit::Local, sentence));
    };
    let served = served.canonicalize().map_err(|error| {
        let (directory, why) = (describe::path(served), describe::os_error(&error));
        CliError::new(Exit::Local, format!("cannot serve \"{directory}\": {why}"))
    })?;
    let hash = Fast::crc64(0, served.as_os_str().as_encoded_bytes());
    Ok(state.join(format!("on-file-{hash:016x}")))
}
