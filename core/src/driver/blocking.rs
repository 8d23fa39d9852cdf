//! The blocking driver, over `embedded-io`.
//!
//! A server on a board is a [`Device`](crate::device::Device).

use super::until_idle::UntilIdle;
use super::watch::{OnStep, Requested, Unwatched, Watch};
use super::{is_timeout, receive};
use crate::error::Failure;
use crate::profile::Profile;
use crate::session::{Session, Step, Task};
use crate::store::{Store, answer};
use crate::time::Millis;
use crate::transfer::Outcome;

pub use super::Error;
pub use super::console::link::WithConsole;
pub use super::link::{Buffered, HalfDuplex, Link, Ready};

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
    completed(drive_watched(session, link, store, &mut Unwatched))
}

/// The result of a driver that nothing stops.
fn completed<E>(result: Option<Result<Outcome, Error<E>>>) -> Result<Outcome, Error<E>> {
    result.unwrap_or(Err(Error::Session(Failure::ApiMisuse)))
}

/// [`drive`], with a call of `on_step` before each step. It may end the session by [`Session::link_failed`].
///
/// # Errors
/// Those of [`drive`]; [`Failure::UnexpectedEof`](crate::Failure) after such an end.
pub fn drive_with<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    on_step: impl FnMut(&mut Session<P>),
) -> Result<Outcome, Error<L::Error>> {
    completed(drive_watched(session, link, store, &mut OnStep(on_step)))
}

/// [`drive_with`], until the session is idle: a server waits for a client's next byte, and none has come for the time
/// that `linger` returns, in ms. Then it returns `None`, and the link has no input that was not read. Call it again when
/// the link has input, or at [`Session::deadline`] by the clock of the link. Between two calls nobody needs to wait for
/// the client, so that many sessions can share a few threads. Over a link without a clock no session is idle.
///
/// Call [`Session::resume`] before the first call.
///
/// # Errors
/// Those of [`drive_with`].
pub fn drive_until_idle<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    on_step: impl FnMut(&mut Session<P>),
    linger: impl FnMut() -> Millis,
) -> Option<Result<Outcome, Error<L::Error>>> {
    session.set_half_duplex(L::HALF_DUPLEX);
    carry_out(session, link, store, &mut UntilIdle::new(on_step, linger))
}

/// [`drive`], which tells `watch` of each step. `None`: it stops the driver.
pub(crate) fn drive_watched<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    watch: &mut impl Watch<P>,
) -> Option<Result<Outcome, Error<L::Error>>> {
    session.set_half_duplex(L::HALF_DUPLEX);
    session.resume(link.now());
    carry_out(session, link, store, watch)
}

fn carry_out<P: Profile, L: Link, S: Store + ?Sized>(
    session: &mut Session<P>,
    link: &mut L,
    store: &mut S,
    watch: &mut impl Watch<P>,
) -> Option<Result<Outcome, Error<L::Error>>> {
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
        watch.step(session);
        if session.awaits_input() {
            match link.flush() {
                Ok(()) if watch.flushed(session, link.now()) => return None,
                Ok(()) => {}
                Err(error) => {
                    broken = Some(error);
                    session.link_failed();
                }
            }
        }
        let (deadline, is_idle) = (watch.deadline(session.deadline()), session.is_idle());
        let moved = match session.poll() {
            Step::Receive(into) => {
                link.set_read_deadline(deadline, is_idle);
                let read = link.read(into);
                is_quiet = L::PRINTS && is_timeout(&read);
                receive(read, session, link.now(), watch)
            }
            Step::Transmit(out) => {
                link.write(out).map(|count| session.transmitted(count, link.now()))
            }
            Step::Exchange { out, into } => match link.is_ready() {
                Ok(true) => {
                    let read = link.read(into);
                    receive(read, session, link.now(), watch)
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
            Step::Storage(mut request) => {
                let reply = match watch.requested(&mut request) {
                    Requested::Perform => Some(answer(store, request)),
                    Requested::Answer(reply) => Some(reply),
                    Requested::Flush => None,
                };
                match reply {
                    Some(reply) => {
                        session.answered(reply, link.now());
                        watch.answered(session, &reply);
                        Ok(())
                    }
                    None => match if broken.is_some() { Ok(()) } else { link.flush() } {
                        Ok(()) if watch.flushed(session, link.now()) => return None,
                        flushed => flushed,
                    },
                }
            }
            Step::Text(text) => {
                link.text(text);
                session.text_taken();
                Ok(())
            }
            Step::Over(result) => {
                return Some(match broken {
                    Some(error) => result.map_err(|_| Error::Link(error)),
                    None => link.flush().map_err(Error::Link).and(result.map_err(Error::Session)),
                });
            }
        };
        if let Err(error) = moved {
            broken = Some(error);
            session.link_failed();
        }
    }
}
