//! `tinyferry put - --as NAME` and `tinyferry get REMOTE -o -`: standard input is sent, and content goes to
//! standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write, stdin};
use std::path::Path;

use tinyferry::client::Error;
use tinyferry::core::Reason;
use tinyferry::describe;
use tinyferry::fs::Observer;
use tinyferry::pipe::{ReaderStore, WriterStore};

use crate::args::{GetArgs, PutArgs};
use crate::exit::{CliError, Exit};
use crate::growing_file::GrowingFile;
use crate::message::Task;
use crate::names::Names;
use crate::paths::{asked_path, is_missing, link_advice, missing};
use crate::progress::{Progress, Verbosity};
use crate::retry::Retrying;
use crate::stream::{STREAM, Stream};
use crate::{signals, standard};

/// Sends standard input as the file `remote`.
pub(crate) fn put(args: &PutArgs, remote: &str, verbosity: Verbosity) -> Result<Exit, CliError> {
    let unreadable = |error| {
        let sentence = format!("standard input cannot be read: {}", describe::os_error(&error));
        CliError::new(Exit::Local, sentence)
    };
    if stdin().is_terminal() {
        let sentence = "standard input is a terminal; say put - --as NAME <PATH, or COMMAND | tinyferry put - --as \
                        NAME";
        return Err(CliError::new(Exit::Usage, sentence));
    }
    let input = standard::content_input().map_err(unreadable)?;
    let names = Names::sending(&[(Path::new(STREAM), remote.to_owned())], "", true);
    let mut retrying = Retrying::connect(&args.peer, &args.transfer, Task::Pipe, args.sha256)?;
    let title = names.title.clone();
    let progress = Progress::new(names, verbosity);
    let mut store = ReaderStore::new(input, remote, progress.clone());
    let result =
        retrying.run(&title, Some(&progress), |client| client.put_reader_store(&mut store));
    match result {
        Ok(_) => {
            signals::transfers_done();
            Ok(progress.finish(retrying.traffic().sent, true))
        }
        Err(Error::Local(error)) => {
            progress.clear();
            Err(unreadable(error))
        }
        Err(error) => Err(retrying.failed(&progress, &error)),
    }
}

impl Stream {
    fn open(&self) -> Result<Box<dyn Write>, CliError> {
        let opened: io::Result<Box<dyn Write>> = match self {
            Self::Standard => standard::content_output().map(|output| Box::new(output) as _),
            Self::Device(file) => OpenOptions::new()
                .write(true)
                .open(file)
                .map(|file| Box::new(standard::content_file(file)) as _),
            Self::Growing(file) => Ok(Box::new(GrowingFile::new(file))),
        };
        opened.map_err(|error| self.cannot_be_written(&error))
    }

    fn cannot_be_written(&self, error: &io::Error) -> CliError {
        let sentence = format!("{self} cannot be written: {}", describe::os_error(error));
        CliError::new(Exit::Local, sentence)
    }

    fn is_file(&self) -> bool {
        matches!(self, Self::Growing(_))
    }

    /// The store behind the content that the file has already.
    fn continuing<W: Write, O: Observer>(
        &self,
        store: WriterStore<W, O>,
    ) -> Result<WriterStore<W, O>, CliError> {
        let Self::Growing(file) = self else { return Ok(store) };
        let content = match File::open(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let is_there = GrowingFile::directory_of(file).metadata();
                return is_there.map(|_| store).map_err(|error| self.cannot_be_written(&error));
            }
            opened => opened,
        };
        content.and_then(|content| store.continuing(content)).map_err(|error| {
            let sentence = format!("{self} cannot be read: {}", describe::os_error(&error));
            CliError::new(Exit::Local, sentence)
        })
    }

    /// Receives the only path of `args`.
    pub(crate) fn get(&self, args: &GetArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
        let [text] = args.paths.as_slice() else {
            let sentence = format!("the content of one file is written to {self}, not of several");
            return Err(CliError::new(Exit::Usage, sentence));
        };
        let remote = asked_path(text)?;
        if remote.is_empty() {
            let shown = text.escape_debug();
            let sentence = format!(
                "\"{shown}\" is the whole directory of the server; only the content of a file can be written to {self}"
            );
            return Err(CliError::new(Exit::Usage, sentence));
        }
        let writer = self.open()?;
        let names = Names::receiving(&remote, STREAM, Path::new("."), None);
        let task = if self.is_file() { Task::Transfer } else { Task::Pipe };
        let title = names.title.clone();
        // A line of progress would be between those of the file.
        let shown = if args.follow && !self.is_file() { Verbosity::Quiet } else { verbosity };
        let progress = Progress::new(names, shown);
        let store = WriterStore::new(writer, STREAM, progress.clone());
        let mut store = self.continuing(store.limited(args.limits.limits()))?;
        let mut retrying = Retrying::connect(&args.peer, &args.transfer, task, args.sha256)?;
        let result = retrying.run(&title, Some(&progress), |client| match args.follow {
            true => client.follow_writer_store(&remote, &mut store),
            false => client.get_writer_store(&remote, &mut store),
        });
        let error = match result {
            Ok(_) => {
                if let Self::Growing(file) = self {
                    GrowingFile::new(file)
                        .open()
                        .map_err(|error| self.cannot_be_written(&error))?;
                }
                signals::transfers_done();
                return Ok(progress.finish(retrying.traffic().received, true));
            }
            // The reader needs no more bytes.
            Err(Error::Local(error)) if error.kind() == ErrorKind::BrokenPipe => {
                progress.clear();
                return Ok(Exit::Done);
            }
            Err(Error::Local(error)) => {
                progress.clear();
                return Err(self.cannot_be_written(&error));
            }
            Err(error) => error,
        };
        let is_directory = error.refusal() == Some(Reason::IsDirectory);
        let problem = retrying.failed(&progress, &error);
        Err(match store.bytes_written() {
            _ if args.follow && error.refusal() == Some(Reason::Unsupported) => {
                problem.advise("; it cannot be followed there: get it without --follow")
            }
            _ if is_directory => problem.advise("; only the content of a file can be written"),
            _ if error.refusal() == Some(Reason::PrefixDiffers) => problem
                .with_exit(Exit::Local)
                .advise(&format!("; {self} is not the beginning of {title}: rename it first")),
            _ if args.follow => problem,
            0 if is_missing(&error) => problem.advise(missing(text)),
            0 => problem.advise(link_advice(&error)),
            bytes => {
                let bytes = describe::count(bytes, "byte", "bytes");
                problem.advise(&format!("; {bytes} were written to {self}, and may be a part only"))
            }
        })
    }
}
