//! The blocking driver, over `embedded-io`.
//!
//! A server on a board:
//!
//! ```
//! use tinyferry_core::driver::Event;
//! use tinyferry_core::driver::blocking::{HalfDuplex, serve};
//! use tinyferry_core::{Config, Session, Store};
//!
//! const CONFIG: Config = Config::LOSSY.recv_buffer::<4352>();
//!
//! fn run_board(uart: impl embedded_io::Read + embedded_io::Write, mut store: impl Store) {
//!     let mut session: Session = Session::server(CONFIG);
//!     let mut link = HalfDuplex(uart);
//!     // On a serial line it returns only if the UART fails.
//!     let _ = serve(&mut session, &mut link, &mut store, |session, event| match event {
//!         Event::Connected => { /* LED on; session.number() */ }
//!         _ => { /* LED off; session.message() */ }
//!     });
//! }
//! # struct Nothing;
//! # impl embedded_io::ErrorType for Nothing { type Error = embedded_io::ErrorKind; }
//! # impl embedded_io::Read for Nothing {
//! #     fn read(&mut self, _: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(0) }
//! # }
//! # impl embedded_io::Write for Nothing {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> { Ok(()) }
//! # }
//! # run_board(Nothing, ());
//! ```

use embedded_io::{BufRead, ErrorType, Read, ReadReady, Write};

use super::{Handshakes, receive};
use crate::profile::Profile;
use crate::session::{Session, Step, Task};
use crate::store::{Store, answer};
use crate::time::Millis;
use crate::transfer::Outcome;

pub use super::{Error, Event};

/// A byte stream, with a clock and a deadline for its reads.
///
/// A read that reaches the deadline fails with [`ErrorKind::TimedOut`](embedded_io::ErrorKind::TimedOut).
/// Without a clock it does so after 20 ms of silence.
///
/// [`HalfDuplex`], [`Ready`] and [`Buffered`] make a link of a stream of `embedded-io`. A UART with a
/// clock is a link by itself:
///
/// ```
/// use embedded_io::{ErrorKind, ErrorType, Read, Write};
/// use tinyferry_core::Millis;
/// use tinyferry_core::driver::blocking::Link;
///
/// struct Uart {
///     deadline: Option<Millis>,
/// }
/// # fn millis() -> Millis { 0 }
/// # fn byte_has_come() -> bool { false }
/// # fn take_byte() -> u8 { 0 }
/// # fn send_byte(_: u8) {}
///
/// impl ErrorType for Uart {
///     type Error = ErrorKind;
/// }
///
/// impl Read for Uart {
///     fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
///         let Some(first) = into.first_mut() else { return Ok(0) };
///         while !byte_has_come() {
///             if self.deadline.is_some_and(|at| millis().wrapping_sub(at) < 1 << 31) {
///                 return Err(ErrorKind::TimedOut);
///             }
///         }
///         *first = take_byte();
///         Ok(1)
///     }
/// }
///
/// impl Write for Uart {
///     fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
///         bytes.iter().for_each(|byte| send_byte(*byte));
///         Ok(bytes.len())
///     }
///
///     fn flush(&mut self) -> Result<(), ErrorKind> {
///         Ok(())
///     }
/// }
///
/// impl Link for Uart {
///     const HALF_DUPLEX: bool = false;
///
///     fn now(&mut self) -> Option<Millis> {
///         Some(millis())
///     }
///
///     fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
///         self.deadline = deadline;
///     }
///
///     fn is_ready(&mut self) -> Result<bool, ErrorKind> {
///         Ok(byte_has_come())
///     }
/// }
/// # assert_eq!(Uart { deadline: Some(0) }.read(&mut [0]), Err(ErrorKind::TimedOut));
/// ```
pub trait Link: Read + Write {
    /// Whether this end cannot receive while it sends, since [`Link::is_ready`] cannot tell: the session
    /// is then half-duplex, whatever its [`Config`](crate::Config) says.
    const HALF_DUPLEX: bool;

    /// Milliseconds from any origin; `None` where there is no clock.
    fn now(&mut self) -> Option<Millis> {
        None
    }

    /// Sets the deadline of the reads that follow, by the clock of [`Link::now`]. `is_idle`: no request
    /// is under way, and either end may leave ([`Session::is_idle`]).
    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        let _ = (deadline, is_idle);
    }

    /// Whether a read would not block. Always false on a half-duplex link.
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

    /// For a link with a buffer: calls `take` with the bytes that the next read returns, and drops as
    /// many of them as it returns. It does not wait for input. Chunks are stored from there, without a
    /// copy. A link without a buffer does nothing.
    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        let _ = take;
    }
}

/// A stream without a clock that can tell whether input is ready.
#[derive(Debug)]
pub struct Ready<T>(pub T);

/// The same over a stream with a buffer, from which chunks are stored without a copy.
#[derive(Debug)]
pub struct Buffered<T>(pub T);

/// A stream without a clock that can only block. Its sessions are half-duplex.
#[derive(Debug)]
pub struct HalfDuplex<T>(pub T);

impl<T: Read + Write + ReadReady> Link for Ready<T> {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }
}

impl<T: BufRead + Write + ReadReady> Link for Buffered<T> {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        // An error, and the end of the stream, is found again by the next read.
        if let Ok(true) = self.0.read_ready()
            && let Ok(bytes) = self.0.fill_buf()
        {
            let count = take(bytes);
            self.0.consume(count);
        }
    }
}

impl<T: Read + Write> Link for HalfDuplex<T> {
    const HALF_DUPLEX: bool = true;

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
forward!(Buffered);
forward!(HalfDuplex);

/// Serves one session after another, and passes events to `on_event`. Returns the result of the last
/// session when the stream has ended or failed, or when a client has closed the server
/// ([`Config::may_close`](crate::Config)); then it may be called again.
///
/// The session is made anew in place after each end, so that it may be a `static`: see the example of
/// this [module](self).
///
/// # Errors
/// [`Error::Link`] where the stream fails, [`Failure::UnexpectedEof`](crate::Failure) where it ends
/// during a request. Other failures are events.
pub fn serve<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    mut on_event: impl FnMut(&Session<P>, Event<'_, L::Error>),
) -> Result<Outcome, Error<L::Error>> {
    loop {
        let mut handshakes = Handshakes(session.number());
        let result = drive_with(session, link, store, |session| {
            if handshakes.is_new(session) {
                on_event(session, Event::Connected);
            }
        });
        on_event(session, Event::Ended(&result));
        session.restart();
        match result {
            Err(error) if !error.is_end_of_stream() => {}
            result => return result,
        }
    }
}

/// Runs one task of a client. The first one begins with the handshake.
///
/// ```
/// use tinyferry_core::driver::blocking::{Error, Link, run};
/// use tinyferry_core::{Config, Session, Store, Task};
///
/// fn send<L: Link>(link: &mut L, store: &mut impl Store, random: u32) -> Result<u32, Error<L::Error>> {
///     let mut session: Session = Session::client(random, Config::LOSSY);
///     let outcome = run(&mut session, Task::Put, link, store)?;
///     Ok(outcome.entries)
/// }
/// ```
///
/// # Errors
/// [`Error::Link`] where the stream fails: the session is then over, and the store has closed the open
/// file. [`Error::Session`] where the session fails, or [`Session::begin`] does.
pub fn run<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    task: Task<'_>,
    link: &mut L,
    store: &mut S,
) -> Result<Outcome, Error<L::Error>> {
    session.set_half_duplex(L::HALF_DUPLEX);
    session.begin(task).map_err(Error::Session)?;
    drive(session, link, store)
}

/// Carries out the steps of a session until it is over: a server's until the client leaves or closes it,
/// a client's until the task that [`Session::begin`] began is completed.
///
/// # Errors
/// [`Error::Link`] where the stream fails: the session is then over, and the store has closed the open
/// file. [`Error::Session`] where the session fails.
pub fn drive<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
) -> Result<Outcome, Error<L::Error>> {
    drive_with(session, link, store, |_| {})
}

/// [`drive`], with a call of `on_step` before each step.
fn drive_with<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    mut on_step: impl FnMut(&Session<P>),
) -> Result<Outcome, Error<L::Error>> {
    session.set_half_duplex(L::HALF_DUPLEX);
    session.resume(link.now());
    let mut broken = None;
    loop {
        let now = link.now();
        link.take_buffered(|input| session.take_input(input, store, now));
        on_step(session);
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
                    Some(error) => result.map_err(|_| Error::Link(error)),
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
