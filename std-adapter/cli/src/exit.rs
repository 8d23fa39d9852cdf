//! The exit codes of the program.

mod error;

use std::io;
use std::process::ExitCode;

use tinyferry::auth::{AuthError, Error as Channel, Refusal};
use tinyferry::client::Error;
use tinyferry::core::{Failure, Reason};

pub(crate) use self::error::CliError;

/// The text of `--help` about exit codes.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 success; 1 an error on this end (a file, standard output, the \
address to listen on); 2 wrong arguments; 3 partial success: the failures are listed; 4 no answer, the \
other end is busy, or the connection failed; 5 wrong protocol or version, or the other end lacks \
SHA-256; 6 the other end refused the request; 7 wrong or missing keys, or a file of keys that \
cannot be used; 8 partial success: the only failures are files of the source that vanished or changed while they were \
read.";

/// The exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success.
    Done = 0,
    /// A file of this end is missing, unreadable, or cannot be written.
    Local = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// Some entries or requests failed.
    Partly = 3,
    /// No server answers, or the connection failed.
    Connection = 4,
    /// The other end uses another protocol or version, or lacks a required feature.
    Protocol = 5,
    /// The other end refused.
    Refused = 6,
    /// The two ends do not trust each other: keys, or the lack of them.
    Trust = 7,
    /// Some entries were not transferred, all of them because they vanished or changed at the source.
    Vanished = 8,
}

/// The exit code of an interrupted program, as shells report it; on Unix its signal ends it.
#[cfg(not(unix))]
pub(crate) const INTERRUPTED: i32 = 130;

/// The exit code after several requests.
#[derive(Debug, Default)]
pub(crate) struct Exits {
    /// Whether a request succeeded, or a part of one.
    has_success: bool,
    /// The first exit code that is not success; another one than [`Exit::Vanished`], if there is one.
    failed: Option<Exit>,
}

impl Exits {
    /// Adds the exit code of a request.
    pub(crate) fn add(&mut self, exit: Exit) {
        self.has_success |= matches!(exit, Exit::Done | Exit::Partly | Exit::Vanished);
        // An entry that vanished counts less than any other failure.
        if exit != Exit::Done && matches!(self.failed, None | Some(Exit::Vanished)) {
            self.failed = Some(exit);
        }
    }

    /// The exit code of all requests.
    pub(crate) fn total(&self) -> Exit {
        match self.failed {
            None => Exit::Done,
            Some(Exit::Vanished) => Exit::Vanished,
            Some(_) if self.has_success => Exit::Partly,
            Some(exit) => exit,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Whether it is that of the whole command, not of parts of it.
    pub(crate) fn is_whole(self) -> bool {
        !matches!(self, Self::Partly | Self::Vanished)
    }

    /// The exit code for a refusal.
    pub(crate) fn for_refusal(reason: Reason) -> Self {
        match reason {
            Reason::Version => Self::Protocol,
            Reason::ShuttingDown | Reason::Busy | Reason::InUse => Self::Connection,
            Reason::KeyNeeded => Self::Trust,
            _ => Self::Refused,
        }
    }

    fn for_failure(failure: Failure) -> Self {
        match failure {
            Failure::Refused(reason) => Self::for_refusal(reason),
            Failure::UnexpectedEof
            | Failure::TimedOut
            | Failure::Stalled
            | Failure::IdleTimeout => Self::Connection,
            _ => Self::Protocol,
        }
    }

    fn for_channel(error: Channel) -> Self {
        match error {
            Channel::Truncated | Channel::Refused(Refusal::Busy) => Self::Connection,
            Channel::NotSecure
            | Channel::Malformed
            | Channel::Refused(Refusal::Version | Refusal::Suite | Refusal::Format) => {
                Self::Protocol
            }
            _ => Self::Trust,
        }
    }

    /// The exit code for the error of a client.
    pub(crate) fn for_error(error: &Error) -> Self {
        match error {
            // No server was contacted: the endpoint does not fit the other arguments.
            Error::Connect(_, error)
                if error.kind() == io::ErrorKind::Unsupported && error.raw_os_error().is_none() =>
            {
                Self::Usage
            }
            Error::Connect(..) | Error::Line(_) => Self::Connection,
            Error::Secure(_, AuthError::Socket(_)) => Self::Connection,
            Error::Secure(_, AuthError::Channel(error)) => Self::for_channel(*error),
            Error::Secure(..) => Self::Trust,
            Error::Link(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                // A client with a key pair is refused after its handshake.
                Some(Channel::Refused(Refusal::UnknownKey)) => Self::Trust,
                _ => Self::Connection,
            },
            Error::NoSha256 => Self::Protocol,
            Error::Session(failure, _) => Self::for_failure(*failure),
            Error::Consumed(cause) => Self::for_error(cause),
            _ => Self::Local,
        }
    }
}

#[cfg(test)]
mod tests {
    use tinyferry::Endpoint;
    use tinyferry::auth::PublicKey;

    use super::*;

    /// Every failure, with the code that the manual and `--help` give it.
    #[test]
    fn each_failure_has_its_code() {
        let endpoint = Endpoint::default;
        let connect = |kind: io::ErrorKind| Error::Connect(endpoint(), kind.into());
        let secure = |problem| Error::Secure(endpoint(), problem);
        let channel = |error| secure(AuthError::Channel(error));
        let link = |error: Channel| Error::Link(io::Error::other(error));
        let session = |failure| Error::Session(failure, String::new());
        let refused = |reason| session(Failure::Refused(reason));
        let host = || "tcp://a:1".to_owned();
        for (error, code) in [
            (connect(io::ErrorKind::Unsupported), 2),
            (connect(io::ErrorKind::ConnectionRefused), 4),
            (connect(io::ErrorKind::NotFound), 4),
            (connect(io::ErrorKind::ResourceBusy), 4),
            (secure(AuthError::Socket(io::ErrorKind::TimedOut.into())), 4),
            (channel(Channel::Truncated), 4),
            (channel(Channel::Refused(Refusal::Busy)), 4),
            (Error::Link(io::ErrorKind::ConnectionReset.into()), 4),
            (link(Channel::Tampered), 4),
            (session(Failure::UnexpectedEof), 4),
            (session(Failure::TimedOut), 4),
            (session(Failure::IdleTimeout), 4),
            (refused(Reason::Busy), 4),
            (refused(Reason::ShuttingDown), 4),
            (refused(Reason::InUse), 4),
            (channel(Channel::NotSecure), 5),
            (channel(Channel::Malformed), 5),
            (channel(Channel::Refused(Refusal::Version)), 5),
            (session(Failure::NotTinyferry), 5),
            (session(Failure::Damaged), 5),
            (session(Failure::ProtocolViolation), 5),
            (refused(Reason::Version), 5),
            (Error::NoSha256, 5),
            (refused(Reason::NotFound), 6),
            (refused(Reason::NoPermission), 6),
            (refused(Reason::NoSpace), 6),
            (refused(Reason::ReadOnly), 6),
            (refused(Reason::NotAllowed), 6),
            (refused(Reason::from_code(999)), 6),
            (refused(Reason::KeyNeeded), 7),
            (channel(Channel::WrongKey), 7),
            (channel(Channel::NotTrusted), 7),
            (channel(Channel::Refused(Refusal::UnknownKey)), 7),
            (channel(Channel::Refused(Refusal::NoKeys)), 7),
            (link(Channel::Refused(Refusal::UnknownKey)), 7),
            (secure(AuthError::Changed { host: host(), file: "known".into() }), 7),
            (secure(AuthError::Unknown { host: host(), shown: PublicKey([0; 32]) }), 7),
            (secure(AuthError::Unprotected), 7),
            (Error::Consumed(Box::new(session(Failure::TimedOut))), 4),
            (Error::Local(io::ErrorKind::NotFound.into()), 1),
        ] {
            let told = error.to_string();
            assert_eq!(Exit::for_error(&error) as u8, code, "{told}");
            assert!(!told.is_empty() && !told.contains("os error"), "{told}");
        }
    }

    #[test]
    fn several_requests_end_as_one() {
        use Exit::{Done, Local, Partly, Refused, Vanished};
        for (exits, total) in [
            (&[][..], Done),
            (&[Done, Done], Done),
            (&[Refused, Refused], Refused),
            (&[Local, Refused], Local),
            (&[Refused, Done], Partly),
            (&[Done, Local], Partly),
            (&[Partly], Partly),
            (&[Refused, Partly], Partly),
            (&[Done, Vanished], Vanished),
            (&[Vanished, Refused], Partly),
            (&[Partly, Vanished], Partly),
        ] {
            let mut all = Exits::default();
            exits.iter().for_each(|exit| all.add(*exit));
            assert_eq!(all.total(), total, "{exits:?}");
        }
    }
}
