//! The console of a board: text that comes between the frames of a lossy line.

mod command;
mod keyboard;
mod lines;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tinyferry::{Endpoint, describe};

pub(crate) use self::command::run;
pub(crate) use self::keyboard::restore;
use self::lines::Lines;
use crate::output;
use crate::stream::STREAM;

/// The place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Standard error, beside the progress: in lines, escaped.
    Beside,
    /// Standard output, as it comes.
    Output,
    /// A file, as it comes.
    File(PathBuf),
}

impl Place {
    /// The value of `--console`; empty if it has none.
    pub(crate) fn of(value: OsString) -> Self {
        match value {
            value if value.is_empty() => Self::Beside,
            value if value == STREAM => Self::Output,
            value => Self::File(value.into()),
        }
    }
}

/// The text of all connections of a command.
#[derive(Debug, Clone)]
pub(crate) struct Console(Arc<Mutex<Sink>>);

#[derive(Debug)]
enum Sink {
    Lines(Lines),
    Output,
    File {
        file: File,
        path: PathBuf,
    },
    /// A write has failed.
    Failed,
}

impl Console {
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn open(place: &Place) -> io::Result<Self> {
        let sink = match place {
            Place::Beside => Sink::Lines(Lines::default()),
            Place::Output => Sink::Output,
            Place::File(path) => {
                let file = File::create(path).map_err(|error| {
                    let (path, why) = (describe::path(path), describe::os_error(&error));
                    let sentence = format!("\"{path}\" for the console cannot be written: {why}");
                    io::Error::new(error.kind(), sentence)
                })?;
                Sink::File { file, path: path.clone() }
            }
        };
        Ok(Self(Arc::new(Mutex::new(sink))))
    }

    /// Text came.
    pub(crate) fn text(&self, bytes: &[u8]) {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *sink {
            Sink::Lines(lines) => lines.add(bytes),
            Sink::Output => {
                if !output::bytes(bytes) {
                    *sink = Sink::Failed;
                }
            }
            Sink::File { file, path } => {
                if let Err(error) = file.write_all(bytes) {
                    let (path, why) = (describe::path(path), describe::os_error(&error));
                    output::console_line(&format!(
                        "tinyferry: the console is no longer written to \"{path}\": {why}"
                    ));
                    *sink = Sink::Failed;
                }
            }
            Sink::Failed => {}
        }
    }
}

/// Why a server there has no console; `None`: it may have one. The link of a command is lossy if its server has a
/// terminal.
pub(crate) fn lacks_console(endpoint: &Endpoint) -> Option<String> {
    let may_be_lossy =
        endpoint.is_lossy() || matches!(endpoint, Endpoint::Exec(_) | Endpoint::Ssh(_));
    let sentence = || {
        let line = match endpoint {
            Endpoint::Tcp(_) => {
                format!(" (a serial line behind a TCP port is {endpoint}?lossy=true)")
            }
            _ => String::new(),
        };
        format!(
            "{endpoint} has no console: only the text between the frames of a lossy line is \
             one{line}"
        )
    };
    (!may_be_lossy).then(sentence)
}
