//! Byte streams to another end: sockets, serial ports, standard streams and started commands.

#[cfg_attr(not(unix), allow(dead_code, reason = "only commands send banners"))]
pub(crate) mod banner;
pub(crate) mod clock;
#[cfg(unix)]
pub(crate) mod command;
pub(crate) mod control_lines;
pub(crate) mod leave;
pub(crate) mod limit;
pub(crate) mod listener;
pub(crate) mod repl;
pub mod serial;
pub(crate) mod socket;
#[cfg(unix)]
pub(crate) mod stdio;
pub mod stream;
pub mod tcp;
pub(crate) mod telnet;
#[cfg(unix)]
pub(crate) mod terminal;

use std::time::Duration;

pub use self::limit::MIN_RATE;

/// The error of an endpoint that only Unix systems have.
#[cfg(not(unix))]
pub(crate) fn only_on_unix(what: &str) -> std::io::Error {
    let sentence = format!("{what} work on Unix systems only; use tcp://HOST:PORT");
    std::io::Error::new(std::io::ErrorKind::Unsupported, sentence)
}

/// The longest wait of a write for room; after it the peer counts as lost.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The message of a write that has found no room for that time.
const NO_ROOM: &str = "the other end does not accept data any more";
