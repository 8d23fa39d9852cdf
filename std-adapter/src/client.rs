//! A client: one connection, one task after another.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tinyferry_core::blocking::{self, run};
use tinyferry_core::{Config, Failure, Outcome, Reason, Session, Store, Task};

use crate::checksum::Desktop;
use crate::endpoint::Endpoint;
use crate::stream::{Leave, StreamLink, Traffic};
use crate::tcp;
use crate::words::of_system;

/// A connection to a server.
pub struct Client {
    session: Box<Session<Desktop>>,
    link: StreamLink<TcpStream>,
}

/// Why a task was not done.
#[derive(Debug)]
pub enum Error {
    /// Nobody answers at the endpoint.
    Connect(Endpoint, io::Error),
    /// The connection failed.
    Link(io::Error),
    /// The session failed, or the task was refused; with the other end's own words, if it sent
    /// any. They are hostile: escape them before showing.
    Session(Failure, String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(endpoint, error) => {
                write!(
                    f,
                    "cannot connect to {endpoint}: {}; is a server running there?",
                    of_system(error)
                )
            }
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
    /// Connects; the greeting goes with the first task.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        Self::connect_with(endpoint, Config::RELIABLE)
    }

    /// Connects, with other terms than [`Config::RELIABLE`].
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect_with(endpoint: &Endpoint, config: Config) -> Result<Self, Error> {
        let Endpoint::Tcp(address) = endpoint;
        let failed = |error| Error::Connect(endpoint.clone(), error);
        let stream = tcp::connect(address).map_err(failed)?;
        let number = getrandom::u32().map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self {
            session: Box::new(Session::client(number, config)),
            link: StreamLink::new(stream, Arc::new(Leave::default())),
        })
    }

    /// Sends what the store gives.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error: the store hears of each, and
    /// the outcome counts them.
    pub fn put(&mut self, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.task(Task::Put, store)
    }

    /// Gets a file, or a tree if it is one. The empty path is all that is served.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error, as in [`Client::put`].
    pub fn get(&mut self, path: &str, store: &mut dyn Store) -> Result<Outcome, Error> {
        let names_only = false;
        if !path.is_empty() {
            match self.task(Task::Get { path, tree: false, names_only }, store) {
                Err(Error::Session(Failure::Refused(Reason::IsDirectory), _)) => {}
                result => return result,
            }
        }
        self.task(Task::Get { path, tree: true, names_only }, store)
    }

    /// Asks whether the server answers; returns how long it took.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ping(&mut self) -> Result<Duration, Error> {
        let begin = Instant::now();
        self.task(Task::Ping, &mut NoStore)?;
        Ok(begin.elapsed())
    }

    /// Asks the server to end.
    ///
    /// # Errors
    /// [`Error`], where it may not.
    pub fn close(&mut self) -> Result<(), Error> {
        self.task(Task::Close, &mut NoStore).map(drop)
    }

    /// What has crossed the connection so far.
    pub fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    fn task(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.link.look_at_clock();
        let begun = self.session.begin(task);
        begun.map_err(|failure| Error::Session(failure, String::new()))?;
        run(&mut self.session, &mut self.link, store).map_err(|error| match error {
            blocking::Error::Link(error) => Error::Link(error),
            blocking::Error::Session(failure) => {
                Error::Session(failure, self.session.words().to_owned())
            }
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.link.leave();
    }
}

/// For tasks that move nothing.
struct NoStore;

impl Store for NoStore {}
