//! The blocking driver: carries out a session's steps over `embedded-io`, and decides nothing.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write};

use crate::error::Failure;
use crate::machine::{Millis, Outcome, Step};
use crate::profile::Profile;
use crate::session::Session;
use crate::store::{Store, answer};

/// A byte stream with what a driver must know of it besides.
///
/// A read that waits too long fails with [`ErrorKind::TimedOut`]; the session is then told.
pub trait Link: Read + Write {
    /// Milliseconds from any origin; `None` where there is no clock.
    fn now(&mut self) -> Option<Millis> {
        None
    }

    /// The reads that follow are to time out at `deadline`, by the clock of [`Link::now`].
    /// `at_rest`: nothing is under way, and either end may leave ([`Session::is_at_rest`]).
    fn prepare_read(&mut self, deadline: Option<Millis>, at_rest: bool) {
        let _ = (deadline, at_rest);
    }

    /// Whether a read would not block. An end that cannot tell says no, and calls its session
    /// half-duplex.
    ///
    /// # Errors
    /// Those of the stream.
    fn is_ready(&mut self) -> Result<bool, Self::Error>;

    /// Whether the stream still stands, where nothing is to be read or written: an error where the
    /// other end has gone for good, though what it said last may not be read yet.
    ///
    /// # Errors
    /// Those of the stream.
    fn check(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What was read from the system and is not yet given to a read, if there is a buffer: chunks are
    /// then taken from it where they stand.
    fn held(&self) -> &[u8] {
        &[]
    }

    /// So many bytes at the front of what is held are done with.
    fn consume(&mut self, count: usize) {
        let _ = count;
    }
}

/// A stream that can tell whether input is ready; it has no clock.
#[derive(Debug)]
pub struct Ready<T>(pub T);

/// A stream that can only block; it has no clock. For sessions that are half-duplex.
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

/// Runs a session until its task is over: a client's to the end of what it began, a server's until
/// the peer leaves or closes it.
///
/// # Errors
/// [`Error::Link`] where the stream fails: the session is then over, and what was open in the store
/// is closed. [`Error::Session`] where the session fails.
pub fn run<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
) -> Result<Outcome, Error<L::Error>> {
    session.begin_at(link.now());
    let mut broken = None;
    loop {
        let now = link.now();
        let taken = session.take_chunks(link.held(), store, now);
        link.consume(taken);
        let (deadline, at_rest) = (session.deadline(), session.is_at_rest());
        let moved = match session.poll() {
            Step::Receive(into) => match link.flush() {
                Ok(()) => {
                    link.prepare_read(deadline, at_rest);
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
            session.cut();
        }
    }
}

/// What a read came to, for both drivers.
pub(crate) fn receive<P: Profile, E: embedded_io::Error>(
    read: Result<usize, E>,
    session: &mut Session<P>,
    now: Option<Millis>,
) -> Result<(), E> {
    match read {
        Ok(count) => session.received(count, now),
        Err(error) if error.kind() == ErrorKind::TimedOut => session.timeout(now),
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
