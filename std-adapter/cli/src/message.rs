//! The errors of a client in sentences: the failed action, the server, the cause and the remedy.

use std::io;

use tinyferry::Endpoint;
use tinyferry::auth::{AuthError, Error as Channel, Refusal};
use tinyferry::client::Error;
use tinyferry::core::{Failure, Reason};
use tinyferry::describe;

use crate::exit::CliError;

/// The task that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// A transfer, which can be continued.
    Transfer,
    /// A transfer from standard input or to standard output, which another command cannot continue.
    Pipe,
    /// A list or a ping.
    Query,
    /// The request to close the server.
    Close,
}

impl Task {
    /// How a transfer that was cut or interrupted continues, as a clause; `None`: it is no transfer.
    pub(crate) fn continuation(self) -> Option<&'static str> {
        match self {
            Self::Transfer => Some("; run the same command again: it continues where it stopped"),
            Self::Pipe => Some(""),
            Self::Query | Self::Close => None,
        }
    }
}

/// The circumstances of an error.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    task: Task,
    endpoint: Endpoint,
    /// The quoted name of the transferred or requested file.
    name: String,
    /// Whether the server has sent anything.
    has_answered: bool,
}

impl Context {
    /// Of a task at `endpoint`; `has_answered`: the server has sent anything.
    pub(crate) fn new(task: Task, endpoint: &Endpoint, has_answered: bool, name: &str) -> Self {
        Self { task, endpoint: endpoint.clone(), name: name.to_owned(), has_answered }
    }

    /// The error in a sentence, with its exit code.
    pub(crate) fn error(&self, error: &Error) -> CliError {
        CliError::of(error, self.sentence(error))
    }

    /// The reason of another try, as a clause.
    pub(crate) fn reason(&self, error: &Error) -> String {
        let endpoint = &self.endpoint;
        match error {
            Error::Link(problem) => {
                format!("the connection to {endpoint} broke: {}", describe::os_error(problem))
            }
            Error::Session(Failure::UnexpectedEof, _) if self.has_answered => {
                format!("the connection to {endpoint} was closed in the middle of a task")
            }
            Error::Session(Failure::Refused(Reason::InUse), message) => {
                format!("{}: {}", self.name, describe::failure(Reason::InUse, message, true))
            }
            Error::Connect(
                Endpoint::Tcp(_) | Endpoint::Unix(_) | Endpoint::Rfc2217(_),
                problem,
            ) => {
                format!("cannot connect to {endpoint}: {}", describe::os_error(problem))
            }
            _ => self.sentence(error),
        }
    }

    fn sentence(&self, error: &Error) -> String {
        let endpoint = &self.endpoint;
        match error {
            Error::Session(Failure::Refused(reason), message) => self.refusal(*reason, message),
            Error::Session(Failure::UnexpectedEof, _) if !self.has_answered => format!(
                "{endpoint}: the connection was closed before the server answered; is a Tinyferry \
                 server there?"
            ),
            Error::Session(Failure::TimedOut, _) if !self.has_answered => {
                let keys = match endpoint.is_lossy() {
                    true => "on a serial line both ends need --key, or none; ",
                    false => "",
                };
                format!(
                    "{endpoint}: the other end does not answer; is a Tinyferry server running \
                     there? ({keys}--timeout SECONDS sets how long to wait)"
                )
            }
            Error::Session(Failure::NotTinyferry, _) => {
                let advice = match endpoint {
                    Endpoint::Exec(_) | Endpoint::Ssh(_) => {
                        "the command must run tinyferry serve --stdio".to_owned()
                    }
                    Endpoint::Tcp(_) if !endpoint.is_lossy() => format!(
                        "check the address and the port; a serial line behind that port is \
                         {endpoint}?lossy=true"
                    ),
                    _ => "check the address and the port".to_owned(),
                };
                format!("{endpoint}: {error}; {advice}")
            }
            Error::Session(
                Failure::UnexpectedEof
                | Failure::TimedOut
                | Failure::IdleTimeout
                | Failure::Stalled,
                _,
            ) => self.lost(&error.to_string()),
            Error::Link(problem) => match channel_error(problem) {
                Some(Channel::Refused(Refusal::UnknownKey)) => {
                    format!("{endpoint}: {}{UNKNOWN_KEY}", describe::os_error(problem))
                }
                // The connection works, and its content is not that of the server: the next one may be
                // changed too.
                Some(found) if found != Channel::Truncated => self.failed(&error.to_string()),
                _ => self.lost(&error.to_string()),
            },
            Error::Line(_) => self.failed(&error.to_string()),
            Error::Session(..) => format!("{endpoint}: {error}"),
            Error::Consumed(cause) => format!(
                "{}; the part of standard input that was read cannot be sent again",
                self.sentence(cause)
            ),
            Error::NoSha256 => {
                format!(
                    "{endpoint}: {error}; without --sha256, files are verified with CRC-64 only"
                )
            }
            _ => before_session(error),
        }
    }

    /// The server refused the session or the request.
    fn refusal(&self, reason: Reason, message: &str) -> String {
        let endpoint = &self.endpoint;
        let why = describe::failure(reason, message, true);
        match reason {
            Reason::KeyNeeded => format!("{endpoint}: {why}; use --key FILE"),
            Reason::Busy | Reason::Version | Reason::ShuttingDown => format!("{endpoint}: {why}"),
            Reason::InUse => format!("{}: {why}; try again later", self.name),
            Reason::NotAllowed if self.task == Task::Close => format!(
                "{endpoint} was not closed: {why}; start the server with --allow-close, or add \
                 rights=read,write,close to the line of this client's key"
            ),
            _ if self.name.is_empty() => format!("{endpoint}: {why}"),
            _ => format!("{}: {why}", self.name),
        }
    }

    /// The connection was lost. Only a transfer that the server has answered can be continued.
    fn lost(&self, why: &str) -> String {
        let advice = self.task.continuation().filter(|_| self.has_answered).unwrap_or_default();
        format!("{}{advice}", self.failed(why))
    }

    /// The connection failed.
    fn failed(&self, why: &str) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        format!("{name}{}: {why}", self.endpoint)
    }
}

/// The advice if the server does not know the key.
const UNKNOWN_KEY: &str =
    "; add the line of this key (of a pair: of FILE.pub) to the key file of the server";

/// The error of the secure channel in an error of the link.
fn channel_error(error: &io::Error) -> Option<Channel> {
    error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
}

/// An error before a session.
fn before_session(error: &Error) -> String {
    if let Error::Secure(endpoint, AuthError::Socket(problem)) = error
        && problem.kind() == io::ErrorKind::TimedOut
    {
        return no_secure_answer(endpoint);
    }
    let advice = match error {
        Error::Secure(_, AuthError::Unknown { .. }) => {
            ". If that is its key, add --accept-new to accept it"
        }
        Error::Secure(_, AuthError::NoKnownHosts) => "; use --known-hosts FILE",
        Error::Secure(endpoint, AuthError::Unprotected) => {
            let remedy = match endpoint.check_encryption() {
                Ok(()) => "use --key FILE, or".to_owned(),
                Err(why) => format!("{why}; use"),
            };
            return format!("{error}: {remedy} --insecure to allow that");
        }
        Error::Secure(_, AuthError::Channel(Channel::Refused(Refusal::UnknownKey))) => UNKNOWN_KEY,
        Error::Secure(_, AuthError::Channel(Channel::Refused(Refusal::NoKeys))) => {
            "; start the server with --key FILE, or leave out --key here"
        }
        Error::Secure(_, AuthError::Channel(Channel::Truncated | Channel::NotSecure)) => {
            "; is a Tinyferry server with a key there?"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// Nothing has answered the handshake of the secure channel. A line that loses bytes has another handshake.
fn no_secure_answer(endpoint: &Endpoint) -> String {
    let line = match endpoint {
        Endpoint::Tcp(_) if !endpoint.is_lossy() => {
            format!(" A serial line or a board behind that port is {endpoint}?lossy=true.")
        }
        _ => String::new(),
    };
    format!(
        "{endpoint}: the other end does not answer the encrypted handshake; is a Tinyferry server with this key \
         running there?{line} (--timeout SECONDS sets how long to wait)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_connection_is_to_be_tried_again() {
        let told = |has_answered, error: io::Error| {
            let context = Context::new(Task::Transfer, &Endpoint::default(), has_answered, "\"f\"");
            let told = context.error(&Error::Link(error)).to_string();
            assert!(told.starts_with("\"f\": tcp://"), "{told}");
            told.contains("run the same command again")
        };
        let advises = |error| told(true, error);
        assert!(advises(io::ErrorKind::ConnectionReset.into()));
        assert!(!told(false, io::ErrorKind::ConnectionReset.into()));
        for (error, is_lost) in [
            (Channel::Truncated, true),
            (Channel::Tampered, false),
            (Channel::Replayed, false),
            (Channel::OutOfOrder, false),
            (Channel::Malformed, false),
        ] {
            assert_eq!(advises(io::Error::other(error)), is_lost, "{error}");
        }
    }
}
