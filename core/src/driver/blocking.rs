//! The blocking driver, over `embedded-io`.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write};

use crate::error::Failure;
use crate::profile::Profile;
use crate::session::{Session, Step};
use crate::store::{Store, answer};
use crate::time::Millis;
use crate::transfer::Outcome;

/// A byte stream, with a clock and a deadline for its reads.
///
/// A read that reaches the deadline fails with [`ErrorKind::TimedOut`].
pub trait Link: Read + Write {
    /// Milliseconds from any origin; `None` where there is no clock.
    fn now(&mut self) -> Option<Millis> {
        None
    }

    /// Sets the deadline of the reads that follow, by the clock of [`Link::now`]. `is_idle`: no request
    /// is under way, and either end may leave ([`Session::is_idle`]).
    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        let _ = (deadline, is_idle);
    }

    /// Whether a read would not block. A link that cannot tell returns false, and its session is
    /// half-duplex.
    ///
    /// # Errors
    /// Those of the stream.
    fn is_ready(&mut self) -> Result<bool, Self::Error>;

    /// Checks that the stream is still open, while nothing is read or written: an error where the
    /// other end has gone for good, even if its last bytes are not read yet.
    ///
    /// # Errors
    /// Those of the stream.
    fn check(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The bytes in the link's own buffer, if it has one, that the next read returns: chunks are stored
    /// from there.
    fn buffered(&self) -> &[u8] {
        &[]
    }

    /// Drops `count` bytes at the front of the buffer.
    fn consume(&mut self, count: usize) {
        let _ = count;
    }
}

/// A stream without a clock that can tell whether input is ready.
#[derive(Debug)]
pub struct Ready<T>(pub T);

/// A stream without a clock that can only block, for half-duplex sessions.
#[derive(Debug)]
pub struct HalfDuplex<T>(pub T);

impl<T: Read + Write + ReadReady> Link for Ready<T> {
    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }
}

impl<T: Read + Write> Link for HalfDuplex<T> {
    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

macro_rules! forward {
    ($name:ident) => {
        impl<T: ErrorType> ErrorType for $name<T> {
            type Error = T::Error;
        }

        impl<T: Read> Read for $name<T> {
            fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
                self.0.read(into)
            }
        }

        impl<T: Write> Write for $name<T> {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
                self.0.write(bytes)
            }

            fn flush(&mut self) -> Result<(), Self::Error> {
                self.0.flush()
            }
        }
    };
}

forward!(Ready);
forward!(HalfDuplex);

/// Why a run ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The stream failed.
    Link(E),
    /// The session failed, or the task was refused.
    Session(Failure),
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

/// Runs a session: a client's until its task is completed, a server's until the client leaves or closes
/// it.
///
/// # Errors
/// [`Error::Link`] where the stream fails: the session is then over, and the store has closed the open
/// file. [`Error::Session`] where the session fails.
pub fn run<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
) -> Result<Outcome, Error<L::Error>> {
    session.resume(link.now());
    let mut broken = None;
    loop {
        let now = link.now();
        let taken = session.take_input(link.buffered(), store, now);
        link.consume(taken);
        let (deadline, is_idle) = (session.deadline(), session.is_idle());
        let moved = match session.poll() {
            Step::Receive(into) => match link.flush() {
                Ok(()) => {
                    link.set_read_deadline(deadline, is_idle);
                    let read = link.read(into);
                    receive(read, session, link.now())
                }
                Err(error) => Err(error),
            },
            Step::Transmit(out) => {
                link.write(out).map(|count| session.transmitted(count, link.now()))
            }
            Step::Exchange { out, into } => match link.is_ready() {
                Ok(true) => {
                    let read = link.read(into);
                    receive(read, session, link.now())
                }
                Ok(false) if out.is_empty() => {
                    link.flush().map(|()| session.transmitted(0, link.now()))
                }
                Ok(false) => link.write(out).map(|count| session.transmitted(count, link.now())),
                Err(error) => Err(error),
            },
            Step::Pause => link
                .flush()
                .and_then(|()| link.check())
                .map(|()| session.transmitted(0, link.now())),
            Step::Storage(request) => {
                let reply = answer(store, request);
                session.answered(reply, link.now());
                Ok(())
            }
            Step::Over(result) => {
                return match broken {
                    Some(error) => Err(Error::Link(error)),
                    None => link.flush().map_err(Error::Link).and(result.map_err(Error::Session)),
                };
            }
        };
        if let Err(error) = moved {
            broken = Some(error);
            session.link_failed();
        }
    }
}

/// Passes the result of a read to the session, for both drivers.
pub(crate) fn receive<P: Profile, E: embedded_io::Error>(
    read: Result<usize, E>,
    session: &mut Session<P>,
    now: Option<Millis>,
) -> Result<(), E> {
    match read {
        Ok(count) => session.received(count, now),
        Err(error) if error.kind() == ErrorKind::TimedOut => session.timed_out(now),
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
