//! The error of a client's task.

use std::fmt;
use std::io::{self, ErrorKind};

use tinyferry_core::{Failure, Reason};

use crate::auth::{AuthError, Error as Channel, Refusal};
use crate::describe;
use crate::diagnosis::LineFault;
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
    /// The line changes byte values, or returns the bytes of this end: another attempt would fail in the same way.
    Line(LineFault),
    /// The server does not offer SHA-256, which the configuration demands.
    NoSha256,
    /// A file or directory on this end cannot be used; the message names it. Or the reader or writer of a transfer
    /// has failed.
    Local(io::Error),
    /// The task failed after more was read from a reader than can be sent again; with the cause.
    Consumed(Box<Error>),
}

impl Error {
    /// The reason for which an end has refused the task or the session; `None`: it failed otherwise.
    pub fn refusal(&self) -> Option<Reason> {
        match self {
            Self::Session(Failure::Refused(reason), _) => Some(*reason),
            _ => None,
        }
    }

    /// Whether the same task may succeed over a new connection: no server answers, the connection failed or
    /// fell silent, or the other end is busy with something that ends by itself. A transfer then continues
    /// where it stopped. A line that passes frames and no content ([`Failure::Stalled`]) would do so again.
    pub fn is_transient(&self) -> bool {
        let is_cut =
            |error: Channel| matches!(error, Channel::Truncated | Channel::Refused(Refusal::Busy));
        match self {
            // The endpoint is not one for clients, or cannot be used on this machine.
            Self::Connect(_, error) => !matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::PermissionDenied
            ),
            Self::Secure(_, AuthError::Socket(_)) => true,
            Self::Secure(_, AuthError::Channel(error)) => is_cut(*error),
            Self::Link(error) => {
                let channel = error.get_ref().and_then(|inner| inner.downcast_ref());
                channel.is_none_or(|error| is_cut(*error))
            }
            Self::Session(failure, _) => matches!(
                failure,
                Failure::UnexpectedEof
                    | Failure::TimedOut
                    | Failure::IdleTimeout
                    | Failure::Refused(Reason::Busy | Reason::InUse | Reason::ShuttingDown)
            ),
            Self::Secure(..)
            | Self::Line(_)
            | Self::NoSha256
            | Self::Local(_)
            | Self::Consumed(_) => false,
        }
    }
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
                endpoint @ (Endpoint::Exec(_)
                | Endpoint::Ssh(_)
                | Endpoint::Stdio
                | Endpoint::Repl(_)
                | Endpoint::Serial(_)),
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
            Self::Line(fault) => fault.fmt(f),
            Self::NoSha256 => f.write_str(
                "the server does not offer SHA-256, which is required for this transfer",
            ),
            Self::Link(error) => write!(f, "the connection failed: {}", describe::os_error(error)),
            Self::Session(failure, message) if message.is_empty() => failure.fmt(f),
            Self::Session(failure, message) => {
                write!(f, "{failure} (\"{}\")", message.escape_debug())
            }
            Self::Local(error) => f.write_str(&describe::os_error(error)),
            Self::Consumed(cause) => {
                write!(f, "{cause}; the content that was read cannot be sent again")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(_, error) | Self::Link(error) | Self::Local(error) => Some(error),
            Self::Secure(_, problem) => Some(problem),
            Self::Consumed(cause) => Some(cause),
            Self::Session(..) | Self::Line(_) | Self::NoSha256 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_ends_by_itself_is_transient() {
        let connect = |kind: ErrorKind| Error::Connect(Endpoint::default(), kind.into());
        let session = |failure| Error::Session(failure, String::new());
        let refused = |reason| session(Failure::Refused(reason));
        let link = |error: Channel| Error::Link(io::Error::other(error));
        for (error, is_transient) in [
            (connect(ErrorKind::ConnectionRefused), true),
            (connect(ErrorKind::NotFound), true),
            (connect(ErrorKind::Unsupported), false),
            (connect(ErrorKind::PermissionDenied), false),
            (Error::Link(ErrorKind::ConnectionReset.into()), true),
            (link(Channel::Truncated), true),
            (link(Channel::Tampered), false),
            (session(Failure::UnexpectedEof), true),
            (session(Failure::TimedOut), true),
            // The line changes bytes, or the other end cannot take them: it would again.
            (session(Failure::Stalled), false),
            (session(Failure::Damaged), false),
            (session(Failure::NotTinyferry), false),
            (refused(Reason::InUse), true),
            (refused(Reason::Busy), true),
            (refused(Reason::ShuttingDown), true),
            (refused(Reason::NoSpace), false),
            (refused(Reason::NotFound), false),
            (Error::NoSha256, false),
            (Error::Local(ErrorKind::Interrupted.into()), false),
            (Error::Consumed(Box::new(session(Failure::TimedOut))), false),
        ] {
            assert_eq!(error.is_transient(), is_transient, "{error}");
        }
    }
}
