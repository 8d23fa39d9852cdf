//! `tinyferry put - --as NAME` and `tinyferry get REMOTE -o -`: standard input is sent, and content goes to
//! standard output.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write, stdin};
use std::path::Path;

use tinyferry::client::Error;
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;
use tinyferry::pipe::{ReaderStore, WriterStore};

use crate::args::{GetArgs, PutArgs};
use crate::exit::{CliError, Exit};
use crate::message::Task;
use crate::names::Names;
use crate::paths::{asked_path, is_missing, link_advice, missing};
use crate::progress::{Progress, Verbosity};
use crate::retry::Retrying;
use crate::{signals, standard};

/// The argument that stands for standard input or output.
pub(crate) const STREAM: &str = "-";

/// Whether the argument of `-o` is standard output.
pub(crate) fn is_standard_output(file: &Path) -> bool {
    [STREAM, "/dev/stdout"].iter().any(|name| file == Path::new(name))
}

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
    let progress = Progress::new(names, verbosity, args.sha256);
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
        Err(error) => Err(progress.fail(&error, &retrying)),
    }
}

/// A file that content is written into as it arrives.
pub(crate) struct Output {
    writer: Box<dyn Write>,
    /// Its name in messages.
    name: String,
}

impl Output {
    /// The output of `-o FILE`, if that is standard output, a pipe or a character device; `None`: it is a file
    /// that is stored.
    pub(crate) fn of(file: &Path) -> Result<Option<Self>, CliError> {
        if is_standard_output(file) {
            let name = "standard output".to_owned();
            let writer =
                standard::content_output().map_err(|error| cannot_be_written(&name, &error))?;
            return Ok(Some(Self { writer: Box::new(writer), name }));
        }
        if !is_device(file) {
            return Ok(None);
        }
        let name = format!("\"{}\"", describe::path(file));
        let opened: Result<File, _> = OpenOptions::new().write(true).open(file);
        let file = opened.map_err(|error| cannot_be_written(&name, &error))?;
        Ok(Some(Self { writer: Box::new(standard::content_file(file)), name }))
    }

    /// Receives the only path of `args`.
    pub(crate) fn get(self, args: &GetArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
        let Self { writer, name } = self;
        let [text] = args.paths.as_slice() else {
            let sentence = format!("the content of one file is written to {name}, not of several");
            return Err(CliError::new(Exit::Usage, sentence));
        };
        let remote = asked_path(text)?;
        let names = Names::receiving(&remote, STREAM, Path::new("."), None);
        let mut retrying = Retrying::connect(&args.peer, &args.transfer, Task::Pipe, args.sha256)?;
        let title = names.title.clone();
        let progress = Progress::new(names, verbosity, args.sha256).beside_content();
        let store = WriterStore::new(writer, STREAM, progress.clone());
        let mut store = store.limited(args.limits.limits());
        let result = retrying.run(&title, Some(&progress), |client| match remote.as_str() {
            "" => Err(Error::Session(Failure::Refused(Reason::IsDirectory), String::new())),
            remote => client.get_writer_store(remote, &mut store),
        });
        let error = match result {
            Ok(_) => {
                signals::transfers_done();
                return Ok(progress.finish(retrying.traffic().received, true));
            }
            // The reader has what it wanted.
            Err(Error::Local(error)) if error.kind() == ErrorKind::BrokenPipe => {
                progress.clear();
                return Ok(Exit::Done);
            }
            Err(Error::Local(error)) => {
                progress.clear();
                return Err(cannot_be_written(&name, &error));
            }
            Err(error) => error,
        };
        let is_directory =
            matches!(error, Error::Session(Failure::Refused(Reason::IsDirectory), _));
        let problem = progress.fail(&error, &retrying);
        Err(match store.bytes_written() {
            _ if is_directory => problem.advise("; only the content of a file can be written"),
            0 if is_missing(&error) => problem.advise(missing(text)),
            0 => problem.advise(link_advice(&error)),
            bytes => {
                let bytes = describe::count(bytes, "byte", "bytes");
                problem.advise(&format!("; {bytes} were written to {name}, and may be a part only"))
            }
        })
    }
}

fn cannot_be_written(name: &str, error: &std::io::Error) -> CliError {
    let sentence = format!("{name} cannot be written: {}", describe::os_error(error));
    CliError::new(Exit::Local, sentence)
}

/// Whether a file is a pipe or a character device, which has no content to replace.
#[cfg(unix)]
pub(crate) fn is_device(file: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = file.metadata().map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device())
}

#[cfg(not(unix))]
pub(crate) fn is_device(_: &Path) -> bool {
    false
}
