//! Errors, each with a clause for a person.

use core::fmt;

/// Why a channel came to nothing, or has ended. Its keys are wiped then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The first bytes are not those of a channel.
    NotSecure,
    /// The other end refused, or this one did and has said so.
    Refused(Refusal),
    /// A message of the handshake is not genuine: the keys differ, or somebody is in between.
    WrongKey,
    /// The other end's public key is not one that is trusted here.
    NotTrusted,
    /// A record was changed on its way.
    Tampered,
    /// A record came a second time.
    Replayed,
    /// A record came before its turn: others were taken away, or their order was changed.
    OutOfOrder,
    /// The stream ended without the other end having closed it.
    Truncated,
    /// The input from the other end is genuine and breaks the format.
    Malformed,
    /// It was written to after it was closed.
    Closed,
    /// A buffer is smaller than [`MIN_BUFFER`](crate::MIN_BUFFER).
    SmallBuffer,
    /// 2⁶⁴ − 1 records are all that one channel carries.
    Exhausted,
}

/// Why one end refuses the other: the code that travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// It has another version of the channel.
    Version,
    /// It knows no such suite.
    Suite,
    /// It has no keys of that kind.
    Kind,
    /// It does not know the key.
    UnknownKey,
    /// It has no keys at all: its sessions are not encrypted.
    NoKeys,
    /// Its input breaks the format.
    Format,
    /// It has no place for one more.
    Busy,
    /// A code of a later version.
    Other(u8),
}

impl Refusal {
    /// The number that travels.
    pub const fn code(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Suite => 2,
            Self::Kind => 3,
            Self::UnknownKey => 4,
            Self::NoKeys => 5,
            Self::Format => 6,
            Self::Busy => 7,
            Self::Other(code) => code,
        }
    }

    /// The refusal of a number that travels.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Version,
            2 => Self::Suite,
            3 => Self::Kind,
            4 => Self::UnknownKey,
            5 => Self::NoKeys,
            6 => Self::Format,
            7 => Self::Busy,
            code => Self::Other(code),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSecure => "the other end does not encrypt, or does not speak Tinyferry",
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::WrongKey => {
                "the handshake is not authentic: the two ends have different keys, or somebody \
                 between them changed it"
            }
            Self::NotTrusted => "the other end's key is not trusted here",
            Self::Tampered => "a received record is not authentic: it was changed on the way",
            Self::Replayed => "a record was received a second time: somebody repeats it",
            Self::OutOfOrder => "a record is missing or out of order: somebody removed or moved it",
            Self::Truncated => "the connection was cut: it ended without a close of the other end",
            Self::Malformed => "the other end broke a rule of the secure channel",
            Self::Closed => "the channel is closed",
            Self::SmallBuffer => "the channel's buffers are too small",
            Self::Exhausted => {
                "the channel has reached its maximum number of records: open another one"
            }
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the other end speaks another version of the secure channel",
            Self::Suite => "the two ends have no cipher in common",
            Self::Kind => "the other end has no keys of that kind",
            Self::UnknownKey => "the other end does not know the key",
            Self::NoKeys => "the other end has no keys: it does not encrypt",
            Self::Format => "the other end cannot parse the handshake of this end",
            Self::Busy => {
                "the other end is busy: it serves its maximum number of clients; try again later"
            }
            Self::Other(code) => return write!(f, "refused with the unknown reason {code}"),
        })
    }
}

impl core::error::Error for Error {}

/// Why a [`SecureStream`](crate::SecureStream) failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StreamError<E> {
    /// The stream below failed. The channel is still usable; after a timeout a read may be tried again.
    Stream(E),
    /// The channel ended.
    Channel(Error),
}

impl<E> From<Error> for StreamError<E> {
    fn from(error: Error) -> Self {
        Self::Channel(error)
    }
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Channel(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for StreamError<E> {}

impl<E: embedded_io::Error> embedded_io::Error for StreamError<E> {
    fn kind(&self) -> embedded_io::ErrorKind {
        use embedded_io::ErrorKind;
        match self {
            Self::Stream(error) => error.kind(),
            Self::Channel(Error::Truncated) => ErrorKind::ConnectionReset,
            Self::Channel(Error::Closed) => ErrorKind::BrokenPipe,
            Self::Channel(Error::Refused(_) | Error::NotTrusted) => ErrorKind::PermissionDenied,
            Self::Channel(_) => ErrorKind::InvalidData,
        }
    }
}
