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
//! // The reads of this UART end with `ErrorKind::TimedOut` after 20 ms of silence: see `HalfDuplex`.
//! fn run_board(uart: impl embedded_io::Read + embedded_io::Write, mut store: impl Store) {
//!     let mut session: Session = Session::server(CONFIG);
//!     let mut link = HalfDuplex(uart);
//!     // On a serial line it returns only if the UART fails.
//!     let _ = serve(&mut session, &mut link, &mut store, |session, event| match event {
//!         Event::Connected => { /* LED on; session.number() */ }
//!         _ => { /* LED off */ }
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

use super::{Handshakes, is_timeout, receive, restart};
use crate::profile::Profile;
use crate::session::{Session, Step, Task};
use crate::store::{Store, answer};
use crate::transfer::Outcome;

pub use super::console::WithConsole;
pub use super::link::{Buffered, HalfDuplex, Link, Ready};
pub use super::{Error, Event};

/// Serves one session after another, and passes events to `on_event`. Returns the result of the last
/// session when the stream has ended or failed, or when a client has closed the server
/// ([`Config::may_close`](crate::Config)); then it may be called again.
///
/// The session is made anew in place after each end, so that it may be a `static`: see the example of
/// this [module](self). That also holds after a failure, since a serial line cannot be closed. For a
/// stream that can, as a socket, call [`drive`] once for each connection and close it.
///
/// # Errors
/// [`Error::Link`] where the stream fails, [`Failure::UnexpectedEof`](crate::Failure) where it ends
/// during a request. After other failures it goes on; [`Event::Ended`] reports each of them.
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
        if !restart(session, &result) {
            return result;
        }
    }
}

/// Runs one task of a client. The first one begins with the handshake.
///
/// ```
/// use core::num::NonZeroU32;
///
/// use tinyferry_core::driver::blocking::{Error, Link, run};
/// use tinyferry_core::{Config, Session, Store, Task};
///
/// fn send<L: Link>(link: &mut L, store: &mut impl Store, random: u32) -> Result<u32, Error<L::Error>> {
///     let number = NonZeroU32::new(random).unwrap_or(NonZeroU32::MIN);
///     let mut session: Session = Session::client(number, Config::LOSSY);
///     let outcome = run(&mut session, Task::Put, link, store)?;
///     Ok(outcome.entries)
/// }
/// ```
///
/// # Errors
/// [`Error::Link`] where the stream fails before the task is completed: the session is then over, and the
/// store has closed the open file. [`Error::Session`] where the session fails, or [`Session::begin`] does.
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
/// [`Error::Link`] where the stream fails before the task is completed: the session is then over, and the
/// store has closed the open file. [`Error::Session`] where the session fails.
pub fn drive<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
) -> Result<Outcome, Error<L::Error>> {
    drive_with(session, link, store, |_| {})
}

/// [`drive`], with a call of `on_step` before each step. It may end the session by [`Session::link_failed`].
///
/// # Errors
/// Those of [`drive`]; [`Failure::UnexpectedEof`](crate::Failure) after such an end.
pub fn drive_with<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    mut on_step: impl FnMut(&mut Session<P>),
) -> Result<Outcome, Error<L::Error>> {
    session.set_half_duplex(L::HALF_DUPLEX);
    session.resume(link.now());
    let (mut broken, mut is_quiet) = (None, false);
    loop {
        if L::PRINTS
            && broken.is_none()
            && session.may_print(is_quiet)
            && let Err(error) = link.print()
        {
            broken = Some(error);
            session.link_failed();
        }
        let now = link.now();
        link.take_buffered(|input| session.take_input(input, store, now));
        on_step(session);
        let (deadline, is_idle) = (session.deadline(), session.is_idle());
        let moved = match session.poll() {
            Step::Receive(into) => match link.flush() {
                Ok(()) => {
                    link.set_read_deadline(deadline, is_idle);
                    let read = link.read(into);
                    is_quiet = L::PRINTS && is_timeout(&read);
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
            Step::Text(text) => {
                link.text(text);
                session.text_taken();
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
