//! Byte streams to another end: sockets, serial ports, standard streams and started commands.

pub(crate) mod banner;
pub(crate) mod clock;
#[cfg(unix)]
pub(crate) mod command;
pub(crate) mod leave;
pub(crate) mod limit;
pub(crate) mod listener;
pub mod serial;
pub(crate) mod socket;
#[cfg(unix)]
pub(crate) mod stdio;
pub mod stream;
pub mod tcp;
#[cfg(unix)]
pub(crate) mod terminal;

use std::time::Duration;

/// The longest wait of a write for room; after it the peer counts as lost.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The message of a write that has found no room for that time.
const NO_ROOM: &str = "the other end does not accept data any more";
