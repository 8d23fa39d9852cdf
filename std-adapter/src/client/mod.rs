//! A client: one connection, one task after another.

pub(crate) mod connection;

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_core::blocking;
use tinyferry_core::{Config, Failure, Outcome, Reason, Session, Store, Task};
use tracing::debug;

use crate::auth::Problem;
use crate::auth::Protection;
use crate::checksum::Desktop;
use crate::client::connection::Connection;
use crate::endpoint::Endpoint;
use crate::transport::stream::Traffic;
use crate::words::of_system;

/// A connection to a server.
pub struct Client {
    session: Box<Session<Desktop>>,
    connection: Box<dyn Connection>,
    config: Config,
    /// Whether the server has answered the greeting.
    is_acquainted: bool,
}

/// Why a task was not done.
#[derive(Debug)]
pub enum Error {
    /// Nobody answers at the endpoint, or the port cannot be opened.
    Connect(Endpoint, io::Error),
    /// There is no secure channel to the server there.
    Secure(Endpoint, Problem),
    /// The connection failed.
    Link(io::Error),
    /// The session failed, or the task was refused; with the other end's own words, if it sent
    /// any. They are hostile: escape them before showing.
    Session(Failure, String),
    /// The server does not offer SHA-256, which the configuration demands.
    NoSha256,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // No port was tried.
            Self::Connect(endpoint @ Endpoint::Serial(_), error)
                if error.kind() != ErrorKind::Unsupported =>
            {
                write!(f, "cannot open {endpoint}: {}", of_system(error))
            }
            Self::Connect(
                endpoint @ (Endpoint::Exec(_) | Endpoint::Stdio | Endpoint::Serial(_)),
                error,
            ) => write!(f, "cannot use {endpoint}: {}", of_system(error)),
            Self::Connect(endpoint, error) => {
                let question = match error.kind() {
                    ErrorKind::ConnectionRefused | ErrorKind::TimedOut => true,
                    ErrorKind::NotFound => matches!(endpoint, Endpoint::Unix(_)),
                    _ => false,
                };
                let question = if question { "; is a server running there?" } else { "" };
                write!(f, "cannot connect to {endpoint}: {}{question}", of_system(error))
            }
            Self::Secure(endpoint, problem) => {
                write!(f, "no secure connection to {endpoint}: {problem}")
            }
            Self::NoSha256 => f.write_str(
                "the server does not offer SHA-256, which is required for this transfer",
            ),
            Self::Link(error) => write!(f, "the connection failed: {}", of_system(error)),
            Self::Session(failure, words) if words.is_empty() => failure.fmt(f),
            Self::Session(failure, words) => {
                write!(f, "{failure} (\"{}\")", words.escape_debug())
            }
        }
    }
}

impl std::error::Error for Error {}

impl Client {
    /// Connects, with the terms of the endpoint; the greeting goes with the first task.
    ///
    /// # Errors
    /// As [`Client::connect_with`].
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::connect_with(endpoint, endpoint.config())
    }

    /// Connects, with other terms than [`Endpoint::config`]. With [`Config::sha256`] no content is
    /// transferred without SHA-256.
    ///
    /// # Errors
    /// [`Error::Connect`], and [`Error::Secure`] where the server is not on this machine.
    pub fn connect_with(endpoint: &Endpoint, config: Config) -> Result<Self, Error> {
        Self::connect_protected(endpoint, config, &Protection::Local)
    }

    /// Connects, with other terms than [`Endpoint::config`], and protected so.
    ///
    /// # Errors
    /// [`Error::Connect`] and [`Error::Secure`].
    pub fn connect_protected(
        endpoint: &Endpoint,
        config: Config,
        protection: &Protection,
    ) -> Result<Self, Error> {
        let failed = |error| Error::Connect(endpoint.clone(), error);
        let connection = connection::open(endpoint, protection)?;
        let session = new_session(config).map_err(failed)?;
        Ok(Self { session, connection, config, is_acquainted: false })
    }

    /// Sends what the store gives.
    ///
    /// Where the other end falls silent in the middle, on a link that loses bytes, it is greeted
    /// anew, once, and with another store of `make` all begins again; what arrived is not sent
    /// again.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error: the store hears of each, and
    /// the outcome counts them.
    pub fn put<S: Store>(&mut self, mut make: impl FnMut() -> S) -> Result<Outcome, Error> {
        match self.task(Task::Put, &mut make()) {
            Err(error) if self.greets_anew(&error) => self.task(Task::Put, &mut make()),
            result => result,
        }
    }

    /// Gets a file, or a tree if it is one. The empty path is all that is served. The store is
    /// used again where [`Client::put`] would make another.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error, as in [`Client::put`].
    pub fn get(&mut self, path: &str, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.fetch(path, false, store)
    }

    /// The same without content: the store hears what there is, by [`Store::offer`].
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn list(&mut self, path: &str, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.fetch(path, true, store)
    }

    fn fetch(
        &mut self,
        path: &str,
        names_only: bool,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        if !path.is_empty() {
            match self.persist(Task::Get { path, tree: false, names_only }, store) {
                Err(Error::Session(Failure::Refused(Reason::IsDirectory), _)) => {}
                result => return result,
            }
        }
        self.persist(Task::Get { path, tree: true, names_only }, store)
    }

    /// Asks whether the server answers; returns how long it took.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ping(&mut self) -> Result<Duration, Error> {
        let begin = Instant::now();
        self.greet()?;
        Ok(begin.elapsed())
    }

    /// Asks the server to end.
    ///
    /// # Errors
    /// [`Error`], where it may not.
    pub fn close(&mut self) -> Result<(), Error> {
        self.persist(Task::Close, &mut ()).map(drop)
    }

    /// What has crossed the connection so far.
    pub fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }

    /// A task with a store that can be used again.
    fn persist(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        match self.task(task, store) {
            Err(error) if self.greets_anew(&error) => self.task(task, store),
            result => result,
        }
    }

    /// Whether the other end fell silent where it may only have lost its memory or the line: then
    /// the next task begins a session of its own.
    fn greets_anew(&mut self, error: &Error) -> bool {
        let is_silent = matches!(error, Error::Session(Failure::Silent, _));
        if is_silent && self.is_acquainted && self.config.lossy {
            self.is_acquainted = false;
            return new_session(self.config).map(|session| self.session = session).is_ok();
        }
        false
    }

    fn task(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        if !self.is_acquainted {
            self.greet()?;
        }
        let has_content = matches!(task, Task::Put | Task::Get { names_only: false, .. });
        if has_content && self.config.sha256 && !self.session.has_sha256() {
            return Err(Error::NoSha256);
        }
        self.run(task, store)
    }

    fn greet(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        self.run(Task::Ping, &mut ())?;
        self.is_acquainted = true;
        if let Some(agreed) = self.session.negotiated() {
            let yes_or_no = |value| if value { "yes" } else { "no" };
            debug!(
                "handshake after {:.1} ms: session {:08x}, chunks of {} bytes, credit {} to send and \
                 {} to receive, lossy {}, half-duplex {}, SHA-256 {}",
                begin.elapsed().as_secs_f64() * 1e3,
                self.session.number(),
                agreed.chunk,
                agreed.send_credit,
                agreed.recv_credit,
                yes_or_no(agreed.lossy),
                yes_or_no(agreed.half_duplex),
                yes_or_no(agreed.sha256),
            );
        }
        Ok(())
    }

    fn run(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        let begun = self.session.begin(task);
        begun.map_err(|failure| Error::Session(failure, String::new()))?;
        self.connection.run(&mut self.session, store).map_err(|error| match error {
            blocking::Error::Link(error) => Error::Link(error),
            blocking::Error::Session(failure) => {
                Error::Session(failure, self.session.words().to_owned())
            }
        })
    }
}

/// Ends the commands that clients of this program have started (`exec:`), with their processes, and sets
/// serial ports as they were found; in bounded time. A handler of signals calls this before it ends the
/// program.
pub fn clean_up() {
    #[cfg(unix)]
    {
        crate::transport::command::end_all();
        crate::transport::serial::restore_all();
    }
}

/// A session that nobody can foresee.
fn new_session(config: Config) -> io::Result<Box<Session<Desktop>>> {
    let number = getrandom::u32().map_err(io::Error::other)?;
    Ok(Box::new(Session::client(number, config)))
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.leave();
    }
}
