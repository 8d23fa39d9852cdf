//! Errors: reasons for which a transfer or a session is refused, and failures of a session. Every
//! `Display` is a clause for a person.

use core::fmt;
use core::num::NonZeroU16;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $sentence:literal;)*) => {
        /// Why a transfer or a session is refused: the code in an `ERR` (`PROTOCOL.md`, section 7).
        ///
        /// Codes of later versions are kept: this is a number, and its constants are named like variants.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct Reason(NonZeroU16);

        #[allow(non_upper_case_globals)]
        impl Reason {
            $($(#[$doc])* pub const $name: Self = Self::from_code($code);)*

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                self.0.get()
            }

            /// The reason of a number on the wire. 0 is none, and is taken for 65,535.
            pub const fn from_code(code: u16) -> Self {
                match NonZeroU16::new(code) {
                    Some(code) => Self(code),
                    None => Self(NonZeroU16::MAX),
                }
            }
        }

        impl fmt::Debug for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.write_str(stringify!($name)),)*
                    Self(code) => write!(f, "Reason({code})"),
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.write_str($sentence),)*
                    Self(code) if self.is_application() => {
                        write!(f, "refused with reason {code} of the application")
                    }
                    Self(code) => write!(f, "refused with the unknown reason {code}"),
                }
            }
        }

        #[cfg(feature = "defmt")]
        impl defmt::Format for Reason {
            fn format(&self, f: defmt::Formatter<'_>) {
                match *self {
                    $(Self::$name => defmt::write!(f, $sentence),)*
                    Self(code) if self.is_application() => {
                        defmt::write!(f, "refused with reason {} of the application", code)
                    }
                    Self(code) => defmt::write!(f, "refused with the unknown reason {}", code),
                }
            }
        }
    };
}

reasons! {
    /// The limit of clients is reached.
    Busy = 1, "the server is busy: it serves its maximum number of clients; try again later";
    /// No common protocol version.
    Version = 2, "the other end speaks another version of the protocol";
    /// Nothing has that name.
    NotFound = 3, "there is no file of that name";
    /// The file system denies the access.
    NoPermission = 4, "permission is denied";
    /// A file was expected.
    IsDirectory = 5, "it is a directory";
    /// A directory was expected.
    NotDirectory = 6, "it, or a part of its path, is not a directory";
    /// Neither file nor directory.
    NotRegular = 7, "it is neither a file nor a directory";
    /// The path leaves the root, or cannot be shown or stored.
    BadPath = 8, "the path is not allowed: it must be relative, without `..`, control characters or the name of \
     an unfinished file, and each name one that the file system can store";
    /// A name is longer than the store takes.
    NameTooLong = 9, "the name is too long";
    /// The disk is full.
    NoSpace = 10, "no space is left where it should go";
    /// Larger than is allowed or can be stored.
    TooLarge = 11, "it is larger than is allowed there, or its tree has too many entries";
    /// The store failed.
    Storage = 12, "storage failed";
    /// The source changed while it was read.
    SourceChanged = 13, "the file changed while it was read";
    /// The prefix at the receiver is not that of the source.
    PrefixDiffers = 14, "the part already there belongs to other content";
    /// The file came in, but its digest differs.
    DigestDiffers = 15, "the digest of the received content differs";
    /// The next file was offered before this one was complete.
    Incomplete = 16, "it ended before it was complete";
    /// This end only sends.
    ReadOnly = 17, "the other end takes no files";
    /// This end only receives.
    WriteOnly = 18, "the other end gives no files";
    /// The client may not close the server, or the store does not support the request.
    NotAllowed = 19, "that is not allowed there";
    /// A required field or feature is not known.
    Unsupported = 20, "one end requires a feature that the other does not support";
    /// The server is ending.
    ShuttingDown = 21, "the server is shutting down";
    /// The other end gave up.
    Cancelled = 22, "the other end gave up";
    /// The server accepts only clients with a key.
    KeyNeeded = 23, "the server accepts only clients with a key";
    /// Another transfer writes the same file.
    InUse = 24, "another transfer writes the same file";
    /// The path has more names than the receiver takes.
    TooDeep = 25, "the path is too deep: it has more names than are allowed there";
    /// The server's directory cannot be reached.
    RootGone = 26, "the server cannot reach the directory that it serves: it was moved, removed or unmounted";
    /// It, or a part of its path, is a symbolic link.
    SymbolicLink = 27, "symbolic links are not followed";
    /// A directory that is to be removed has entries.
    NotEmpty = 28, "the directory is not empty";
    /// A file of that name exists, and the receiver does not replace files.
    Exists = 29, "a file of that name exists, and is not replaced";
    /// A filter of the receiver excludes the entry.
    Excluded = 30, "a filter of the receiver excludes it";
}

/// The first reason of the application.
const APPLICATION: u16 = 0x8000;

impl Reason {
    /// The reason `number` of the application, 0 to 32,766: it has the code 32,768 + `number`. Its meaning is not
    /// defined by the protocol, so that its message should say it.
    ///
    /// ```
    /// use tinyferry_core::Reason;
    ///
    /// const BATTERY_LOW: Reason = Reason::application(1);
    /// assert_eq!(BATTERY_LOW.code(), 32_769);
    /// assert_eq!(BATTERY_LOW.to_string(), "refused with reason 32769 of the application");
    /// ```
    #[must_use]
    pub const fn application(number: u16) -> Self {
        Self::from_code(number | APPLICATION)
    }

    /// Whether the reason is one of the application. 65,535 is none: it denotes a missing reason.
    pub const fn is_application(self) -> bool {
        self.code() >= APPLICATION && self.code() < u16::MAX
    }

    /// Whether the sender offers the file again, from position 0 (`PROTOCOL.md`, R65).
    pub const fn wants_reoffer(self) -> bool {
        matches!(self, Self::PrefixDiffers | Self::DigestDiffers)
    }

    /// Whether an entry with this refusal counts in [`Outcome::refused`](crate::Outcome::refused). An entry
    /// that its receiver excludes has not failed.
    pub const fn counts_as_refused(self) -> bool {
        !matches!(self, Self::Excluded)
    }
}

impl core::error::Error for Reason {}

/// Why a session ended before its task was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Failure {
    /// The other end refused the session or the request.
    Refused(Reason),
    /// The first bytes were no hello.
    NotTinyferry,
    /// A damaged frame arrived on a reliable link.
    Damaged,
    /// The stream ended during a task.
    UnexpectedEof,
    /// No answer came within the timeout.
    TimedOut,
    /// Signals arrive, but the transfer makes no progress: the lossy link drops the chunks.
    Stalled,
    /// No request came within the idle timeout.
    IdleTimeout,
    /// The other end violated the protocol.
    ProtocolViolation,
    /// The options of a request cannot be sent:
    /// [`RequestOptions::fits`](crate::store::RequestOptions::fits).
    InvalidOptions,
    /// The driver answered another step than the present one.
    ApiMisuse,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => reason.fmt(f),
            Self::NotTinyferry => f.write_str("the other end does not speak Tinyferry"),
            Self::Damaged => f.write_str(
                "a damaged frame arrived; if the link can lose or change bytes, configure it as lossy",
            ),
            Self::UnexpectedEof => f.write_str("the connection was closed in the middle of a task"),
            Self::TimedOut => f.write_str("the other end does not answer"),
            Self::Stalled => f.write_str(
                "small frames arrive and large frames do not: the link drops or changes a byte value (flow \
                 control, terminal settings), or a buffer is too small",
            ),
            Self::IdleTimeout => f.write_str("no request came within the idle timeout"),
            Self::ProtocolViolation => f.write_str("the other end broke a rule of the protocol"),
            Self::InvalidOptions => f.write_str(
                "the options of the request cannot be sent: a pattern is empty or longer than 255 \
                 bytes, or the path and all patterns together are too long",
            ),
            Self::ApiMisuse => f.write_str("the driver answered another step than the present one"),
        }
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn each_failure_has_a_sentence_of_its_own_and_a_refusal_that_of_its_reason() {
        let failures = [
            Failure::NotTinyferry,
            Failure::Damaged,
            Failure::UnexpectedEof,
            Failure::TimedOut,
            Failure::Stalled,
            Failure::IdleTimeout,
            Failure::ProtocolViolation,
            Failure::InvalidOptions,
            Failure::ApiMisuse,
        ];
        let sentences: Vec<_> = failures.map(|failure| failure.to_string()).into();
        for (number, sentence) in sentences.iter().enumerate() {
            assert!(
                !sentence.is_empty() && !sentences.iter().take(number).any(|it| it == sentence)
            );
        }
        let refused = Failure::Refused(Reason::NotFound);
        assert_eq!(refused.to_string(), "there is no file of that name");
    }
}
