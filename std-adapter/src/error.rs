//! The error of a client's task.

use std::fmt;
use std::io::{self, ErrorKind};

use tinyferry_core::Failure;

use crate::auth::AuthError;
use crate::describe;
use crate::endpoint::Endpoint;

/// The error of a task.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No server answers at the endpoint, or the port cannot be opened.
    Connect(Endpoint, io::Error),
    /// There is no secure channel to the server there.
    Secure(Endpoint, AuthError),
    /// The connection failed.
    Link(io::Error),
    /// The session failed, or the task was refused; with the message of the other end, if it sent
    /// one. The message is hostile: escape it before showing.
    Session(Failure, String),
    /// The server does not offer SHA-256, which the configuration demands.
    NoSha256,
    /// A file or directory on this end cannot be used; the message names it.
    Local(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // No port was tried.
            Self::Connect(endpoint @ Endpoint::Serial(_), error)
                if error.kind() != ErrorKind::Unsupported =>
            {
                write!(f, "cannot open {endpoint}: {}", describe::os_error(error))
            }
            Self::Connect(
                endpoint @ (Endpoint::Exec(_) | Endpoint::Stdio | Endpoint::Serial(_)),
                error,
            ) => write!(f, "cannot use {endpoint}: {}", describe::os_error(error)),
            Self::Connect(endpoint, error) => {
                let question = match error.kind() {
                    ErrorKind::ConnectionRefused | ErrorKind::TimedOut => true,
                    ErrorKind::NotFound => matches!(endpoint, Endpoint::Unix(_)),
                    _ => false,
                };
                let question = if question { "; is a server running there?" } else { "" };
                write!(f, "cannot connect to {endpoint}: {}{question}", describe::os_error(error))
            }
            Self::Secure(_, problem @ AuthError::Keys(_)) => problem.fmt(f),
            Self::Secure(endpoint, problem) => {
                write!(f, "no secure connection to {endpoint}: {problem}")
            }
            Self::NoSha256 => f.write_str(
                "the server does not offer SHA-256, which is required for this transfer",
            ),
            Self::Link(error) => write!(f, "the connection failed: {}", describe::os_error(error)),
            Self::Session(failure, message) if message.is_empty() => failure.fmt(f),
            Self::Session(failure, message) => {
                write!(f, "{failure} (\"{}\")", message.escape_debug())
            }
            Self::Local(error) => f.write_str(&describe::os_error(error)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(_, error) | Self::Link(error) | Self::Local(error) => Some(error),
            Self::Secure(_, problem) => Some(problem),
            Self::Session(..) | Self::NoSha256 => None,
        }
    }
}
