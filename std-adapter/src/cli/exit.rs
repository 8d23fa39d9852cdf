//! Exit codes have their one home here.

use std::fmt;
use std::io;
use std::process::ExitCode;

use tinyferry::client::Error;
use tinyferry::core::{Failure, Reason};
use tinyferry::secure::{Error as Channel, Problem as Trouble, Refusal};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is done.
    Done = 0,
    /// A file of this end is missing, unreadable, or cannot be written.
    Local = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// A tree went through, but some of its entries did not.
    Partly = 3,
    /// Nobody answers, or the connection broke.
    Connection = 4,
    /// The other end speaks something else, or another version, or lacks a feature that is demanded.
    Protocol = 5,
    /// The other end refused.
    Refused = 6,
    /// The two ends do not trust each other: keys, or the lack of them.
    Trust = 7,
}

/// How the program ends after several requests.
#[derive(Debug, Default)]
pub(crate) struct Exits {
    /// Whether something of what was asked for went through.
    some: bool,
    /// The first that was not all done.
    failed: Option<Exit>,
}

impl Exits {
    /// One request ended so.
    pub(crate) fn add(&mut self, exit: Exit) {
        self.some |= matches!(exit, Exit::Done | Exit::Partly);
        if exit != Exit::Done {
            self.failed.get_or_insert(exit);
        }
    }

    /// How they ended all together.
    pub(crate) fn total(&self) -> Exit {
        match self.failed {
            None => Exit::Done,
            Some(_) if self.some => Exit::Partly,
            Some(exit) => exit,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong, in one sentence, and how the program ends.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    pub(crate) sentence: String,
}

impl Problem {
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Secure(_, problem) => match problem {
                Trouble::Socket(_) | Trouble::Channel(Channel::Truncated) => Exit::Connection,
                Trouble::Channel(Channel::Refused(Refusal::Busy)) => Exit::Connection,
                Trouble::Channel(Channel::NotSecure) => Exit::Protocol,
                _ => Exit::Trust,
            },
            Error::Link(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                // A client with a key pair is refused behind its handshake.
                Some(Channel::Refused(Refusal::UnknownKey)) => Exit::Trust,
                _ => Exit::Connection,
            },
            Error::Connect(..) => Exit::Connection,
            Error::NoSha256 => Exit::Protocol,
            Error::Session(failure, _) => match failure {
                Failure::Refused(Reason::Version) => Exit::Protocol,
                Failure::Refused(Reason::ShuttingDown | Reason::Busy | Reason::InUse) => {
                    Exit::Connection
                }
                Failure::Refused(Reason::KeyNeeded) => Exit::Trust,
                Failure::Refused(_) => Exit::Refused,
                Failure::Vanished | Failure::Silent | Failure::Idle => Exit::Connection,
                _ => Exit::Protocol,
            },
        };
        let hint = match error {
            Error::NoSha256 => "; without --sha256 the content is verified by CRC-64",
            _ => "",
        };
        Self::new(exit, format!("{error}{hint}"))
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Local, error.to_string())
    }
}
