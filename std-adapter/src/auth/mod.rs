//! Authentication and encryption: key files, known servers, and the secure channel over a socket.
//!
//! Knows files and sockets; the channel itself is [`tinyferry_secure`].

mod aead;
mod channel;
mod client;
mod current_keys;
mod generate;
mod keys;
mod known_hosts;
mod line;
mod server;
mod socket;
#[cfg(test)]
mod tests;

use std::{fmt, io};

pub(crate) use self::client::{ClientKey, HANDSHAKE_TIMEOUT, Protection};
pub(crate) use self::current_keys::CurrentKeys;
pub use self::generate::{generate_pair, generate_shared};
pub use self::keys::KeyFileError;
pub(crate) use self::keys::{KeyEntry, KeyFile};
pub(crate) use self::known_hosts::KnownHosts;
pub(crate) use self::line::{Accepted, LossyLink};
pub(crate) use self::server::{AccessPolicy, Authenticator, refuse, rejection};
#[cfg(all(test, unix))]
pub(crate) use self::socket::SecureSocket;
pub use tinyferry_secure::{Error, KeyId, PublicKey, Refusal};

use tinyferry_secure::PrivateKey;

/// The reason why there is no secure channel.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthError {
    /// The socket failed.
    Socket(io::Error),
    /// The channel failed.
    Channel(Error),
    /// The file of keys or of known servers cannot be used.
    Keys(KeyFileError),
    /// The server shows another public key than it did before.
    Changed {
        /// Its name in the file.
        host: String,
        /// The file of known servers.
        file: String,
    },
    /// The server's public key is not known.
    Unknown {
        /// Its name.
        host: String,
        /// Its public key.
        shown: PublicKey,
    },
    /// There is no file of known servers, because the user's home directory is not known.
    NoKnownHosts,
    /// Without a key, others could read and change the data.
    Unprotected,
    /// A key pair on a line that loses bytes.
    PairOnLine,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => f.write_str(&crate::describe::os_error(error)),
            Self::Channel(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::Changed { host, file } => write!(
                f,
                "the server's key is not the one it had before: another machine may be \
                 intercepting the connection. If the server has a new key on purpose, remove the line of {} from \"{}\"",
                host.escape_debug(),
                file.escape_debug()
            ),
            // The caller names the server.
            Self::Unknown { shown, .. } => {
                write!(f, "the server's public key is not known: {}", hex(&shown.0))
            }
            Self::NoKnownHosts => f.write_str(
                "there is no file of known servers: the home directory is not known (HOME is not set)",
            ),
            Self::PairOnLine => f.write_str(
                "a serial line is encrypted with a shared key only, and the file has a key pair: make a shared key by tinyferry keygen",
            ),
            Self::Unprotected => f.write_str(
                "the server is not on this machine, and without a key others can read and change \
                 the data",
            ),
        }
    }
}

impl std::error::Error for AuthError {}

impl From<Error> for AuthError {
    fn from(error: Error) -> Self {
        Self::Channel(error)
    }
}

impl From<io::Error> for AuthError {
    fn from(error: io::Error) -> Self {
        // A channel's error may be wrapped in one of the system.
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(channel) => Self::Channel(*channel),
            None => Self::Socket(error),
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes of 64 digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// 32 random bytes.
fn random_key() -> io::Result<PrivateKey> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
    Ok(PrivateKey::new(&bytes))
}
