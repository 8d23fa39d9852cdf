//! `tinyferry put - --as NAME` and `tinyferry get REMOTE -o -`: standard input is sent, and content goes to
//! standard output.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write, stdin};
use std::path::{Path, PathBuf};

use tinyferry::client::Error;
use tinyferry::core::Reason;
use tinyferry::describe;
use tinyferry::fs::Observer;
use tinyferry::pipe::{ReaderStore, WriterStore};

use crate::args::{GetArgs, PutArgs};
use crate::exit::{CliError, Exit};
use crate::message::Task;
use crate::names::Names;
use crate::paths::{asked_path, is_missing, link_advice, missing};
use crate::progress::{Progress, Verbosity};
use crate::retry::Retrying;
use crate::{signals, standard};

/// The argument for standard input or output.
pub(crate) const STREAM: &str = "-";

/// The argument of `get -o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Content is written as it arrives, and cannot be replaced.
    Stream(Stream),
    /// A file or a directory is stored there.
    File(PathBuf),
}

/// A stream for content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stream {
    Standard,
    /// A pipe or a character device.
    Device(PathBuf),
    /// A file that gets the content of a followed file: what it has already is the beginning of that content.
    Growing(PathBuf),
}

impl Output {
    pub(crate) fn of(file: PathBuf) -> Self {
        let is_standard = [STREAM, "/dev/stdout"].iter().any(|name| file == Path::new(name));
        if is_standard || standard::is_output(&file) {
            Self::Stream(Stream::Standard)
        } else if is_device(&file) {
            Self::Stream(Stream::Device(file))
        } else {
            Self::File(file)
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard output"),
            Self::Device(file) | Self::Growing(file) => write!(f, "\"{}\"", describe::path(file)),
        }
    }
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
        Err(error) => Err(progress.fail(&error, &retrying)),
    }
}

impl Stream {
    /// The stream for a followed file, whose output is `output`.
    pub(crate) fn followed(output: Option<Output>) -> Self {
        match output {
            None => Self::Standard,
            Some(Output::Stream(stream)) => stream,
            Some(Output::File(file)) => Self::Growing(file),
        }
    }

    fn open(&self) -> Result<Box<dyn Write>, CliError> {
        let opened: io::Result<Box<dyn Write>> = match self {
            Self::Standard => standard::content_output().map(|output| Box::new(output) as _),
            Self::Device(file) => OpenOptions::new()
                .write(true)
                .open(file)
                .map(|file| Box::new(standard::content_file(file)) as _),
            Self::Growing(file) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .map(|file| Box::new(standard::content_file(file)) as _),
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

    /// The same store behind the content that the file has already.
    fn continuing<W: Write, O: Observer>(
        &self,
        store: WriterStore<W, O>,
    ) -> Result<WriterStore<W, O>, CliError> {
        let Self::Growing(file) = self else { return Ok(store) };
        File::open(file).and_then(|content| store.continuing(content)).map_err(|error| {
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
        let mut retrying = Retrying::connect(&args.peer, &args.transfer, task, args.sha256)?;
        let title = names.title.clone();
        // A line of progress would be between those of the file.
        let shown = if args.follow && !self.is_file() { Verbosity::Quiet } else { verbosity };
        let progress = Progress::new(names, shown);
        let store = WriterStore::new(writer, STREAM, progress.clone());
        let mut store = self.continuing(store.limited(args.limits.limits()))?;
        let result = retrying.run(&title, Some(&progress), |client| match args.follow {
            true => client.follow_writer_store(&remote, &mut store),
            false => client.get_writer_store(&remote, &mut store),
        });
        let error = match result {
            Ok(_) => {
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
        let problem = progress.fail(&error, &retrying);
        Err(match store.bytes_written() {
            _ if args.follow && error.refusal() == Some(Reason::Unsupported) => {
                problem.advise("; it cannot be followed there: get it without --follow")
            }
            _ if is_directory => problem.advise("; only the content of a file can be written"),
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
