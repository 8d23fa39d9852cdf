//! Drivers: they carry out the steps of a session over a stream, and decide nothing.
//!
//! [`blocking`] works over `embedded-io`, and `async_io` (with the feature `async`) over
//! `embedded-io-async`. Both have the same two functions:
//!
//! | function | runs | until |
//! |---|---|---|
//! | `run` | one task of a client | the task is completed |
//! | `drive` | the steps of any session | the session is over: for one connection, or to go on with a task |
//!
//! [`blocking`] has `drive_until_idle` too, for a server with more clients than threads.
//!
//! A [`Device`](crate::device::Device) runs a server with them, one session after another.

use core::fmt;

use embedded_io::ErrorKind;

use crate::error::Failure;
use crate::profile::Profile;
use crate::session::Session;
use crate::time::Millis;
use crate::transfer::Outcome;

use self::watch::Watch;

pub use self::console::{Console, Text};

#[cfg(feature = "async")]
pub mod async_io;
pub mod blocking;
pub(crate) mod console;
#[cfg(feature = "async")]
pub(crate) mod keepalive;
mod link;
#[cfg(test)]
mod tests;
mod until_idle;
pub(crate) mod watch;

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The stream failed.
    Link(E),
    /// The session failed, or the task was refused.
    Session(Failure),
}

impl<E> Error<E> {
    /// Whether the stream can carry no further session.
    fn is_end_of_stream(&self) -> bool {
        matches!(self, Self::Link(_) | Self::Session(Failure::UnexpectedEof))
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => error.fmt(f),
            Self::Session(failure) => failure.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}

/// Passes the result of a read to the session.
fn receive<P: Profile, E: embedded_io::Error>(
    read: Result<usize, E>,
    session: &mut Session<P>,
    now: Option<Millis>,
    watch: &mut impl Watch<P>,
) -> Result<(), E> {
    match read {
        Ok(count) => {
            session.received(count, now);
            watch.read_ended(session, true, now);
        }
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            session.timed_out(now);
            watch.read_ended(session, false, now);
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Whether a read has ended without a byte because nothing came for a while.
fn is_timeout<E: embedded_io::Error>(read: &Result<usize, E>) -> bool {
    matches!(read, Err(error) if error.kind() == ErrorKind::TimedOut)
}

/// Makes a server's session anew after its end. Returns whether the stream can carry it.
pub(crate) fn restart<P: Profile, E>(
    session: &mut Session<P>,
    result: &Result<Outcome, Error<E>>,
) -> bool {
    session.restart();
    matches!(result, Err(error) if !error.is_end_of_stream())
}
