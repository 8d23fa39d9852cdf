//! The async driver, over `embedded-io-async`. It needs no executor of its own.
//!
//! # Requirements on the streams
//!
//! A read or a write that is dropped before it has ended must have moved nothing ("side-effect-free on
//! cancel" in the words of `embedded-io-async`). The driver waits for input and for room at the
//! same time, and for input until a deadline; then it drops the other future. Buffered UARTs, sockets
//! and adapted `tokio` streams meet this. A UART that moves bytes by DMA straight into the caller's
//! slice does not: put a buffer before it. Reader and writer may be the halves of one stream, or two.
//!
//! So [`drive`] and [`Device::serve_async`](crate::device::Device::serve_async) may be dropped at any time and
//! called again with the same session: they continue with the same step. A task whose [`run`] was dropped goes on by [`drive`].

use core::future::Future;
use core::pin::pin;

use embedded_io_async::{Read, Write};

use self::print::print;
use self::select::{First, first, reached, write};
use super::console::{NoText, sooner};
use super::keepalive::Keepalive;
use super::watch::{Requested, Unwatched, Watch};
use super::{Text, is_timeout, receive};
use crate::error::Failure;
use crate::profile::Profile;
use crate::session::{Session, Step, Task};
use crate::store::{AsyncStore, Reply};
use crate::time::KEEPALIVE_INTERVAL;
use crate::transfer::Outcome;
use crate::wire::Signal;

pub use self::clock::{Clock, NoClock};
pub use super::Error;

mod clock;
mod print;
mod select;
#[cfg(test)]
mod tests;

/// Runs one task of a client. The first one begins with the handshake.
///
/// # Errors
/// Those of [`blocking::run`](super::blocking::run).
pub async fn run<P: Profile, R: Read, W: Write<Error = R::Error>, S: AsyncStore + ?Sized>(
    session: &mut Session<P>,
    task: Task<'_>,
    reader: &mut R,
    writer: &mut W,
    clock: &mut impl Clock,
    store: &mut S,
) -> Result<Outcome, Error<R::Error>> {
    session.begin(task).map_err(Error::Session)?;
    drive(session, reader, writer, clock, store).await
}

/// Carries out the steps of a session until it is over: a server's until the client leaves or closes it,
/// a client's until the task that [`Session::begin`] began is completed.
///
/// # Errors
/// [`Error::Link`] where the stream fails before the task is completed: the session is then over, and the
/// store has closed the open file. [`Error::Session`] where the session fails.
pub async fn drive<P: Profile, R: Read, W: Write<Error = R::Error>, S: AsyncStore + ?Sized>(
    session: &mut Session<P>,
    reader: &mut R,
    writer: &mut W,
    clock: &mut impl Clock,
    store: &mut S,
) -> Result<Outcome, Error<R::Error>> {
    drive_printing(session, reader, writer, clock, store, &NoText).await
}

/// [`drive`], with a console: its text goes out between two frames, and text of the other end goes there with
/// [`Profile::CONSOLE`]. Without a clock, text goes out when a frame or a timeout of the reader has come.
///
/// # Errors
/// Those of [`drive`].
pub async fn drive_printing<
    P: Profile,
    R: Read,
    W: Write<Error = R::Error>,
    S: AsyncStore + ?Sized,
>(
    session: &mut Session<P>,
    reader: &mut R,
    writer: &mut W,
    clock: &mut impl Clock,
    store: &mut S,
    console: &impl Text,
) -> Result<Outcome, Error<R::Error>> {
    let ends = (reader, writer);
    let result = drive_watched(session, ends, clock, store, console, &mut Unwatched).await;
    // Nothing stops it.
    result.unwrap_or(Err(Error::Session(Failure::ApiMisuse)))
}

/// [`drive`], which tells `watch` of each step. `None`: it stops the driver.
pub(crate) async fn drive_watched<P: Profile, R: Read, W: Write<Error = R::Error>, S>(
    session: &mut Session<P>,
    (reader, writer): (&mut R, &mut W),
    clock: &mut impl Clock,
    store: &mut S,
    console: &impl Text,
    watch: &mut impl Watch<P>,
) -> Option<Result<Outcome, Error<R::Error>>>
where
    S: AsyncStore + ?Sized,
{
    session.resume(clock.now());
    let (mut broken, mut is_quiet) = (None, false);
    let mut own_keepalive = Keepalive::NONE;
    if let Some(keepalive) = watch.keepalive()
        && let Err(error) = keepalive.send(writer).await
    {
        broken = Some(error);
        session.link_failed();
    }
    loop {
        if console.prints()
            && broken.is_none()
            && session.may_print(is_quiet)
            && let Err(error) = print(writer, console).await
        {
            broken = Some(error);
            session.link_failed();
        }
        watch.step(session);
        if session.awaits_input() {
            match writer.flush().await {
                Ok(()) if watch.flushed(session, clock.now()) => return None,
                Ok(()) => {}
                Err(error) => {
                    broken = Some(error);
                    session.link_failed();
                }
            }
        }
        let deadline = watch.deadline(session.deadline());
        let looks_at = clock.now().filter(|_| console.prints());
        let deadline = looks_at.map(|now| sooner(deadline, now)).or(deadline);
        let busy = session.busy_signal();
        let moved = match session.poll() {
            Step::Receive(into) => match first(reader.read(into), reached(clock, deadline)).await {
                First::A(read) => {
                    is_quiet = is_timeout(&read);
                    receive(read, session, clock.now(), watch)
                }
                First::B(()) => {
                    is_quiet = true;
                    session.timed_out(clock.now());
                    watch.read_ended(session, false, clock.now());
                    Ok(())
                }
            },
            Step::Transmit(out) => {
                writer.write(out).await.map(|count| session.transmitted(count, clock.now()))
            }
            Step::Exchange { out, into } => {
                match first(reader.read(into), write(writer, out)).await {
                    First::A(read) => receive(read, session, clock.now(), watch),
                    First::B(written) => {
                        written.map(|count| session.transmitted(count, clock.now()))
                    }
                }
            }
            Step::Pause => {
                write(writer, &[]).await.map(|count| session.transmitted(count, clock.now()))
            }
            Step::Storage(mut request) => match watch.requested(&mut request) {
                Requested::Perform => {
                    let keepalive = watch.keepalive().unwrap_or(&mut own_keepalive);
                    let work = store.answer(request);
                    match perform::<P, W>(work, busy, keepalive, writer, clock).await {
                        Ok(reply) => {
                            session.answered(reply, clock.now());
                            watch.answered(session, &reply);
                            Ok(())
                        }
                        Err(error) => Err(error),
                    }
                }
                Requested::Answer(reply) => {
                    session.answered(reply, clock.now());
                    watch.answered(session, &reply);
                    Ok(())
                }
                Requested::Flush => {
                    let flushed = if broken.is_some() { Ok(()) } else { writer.flush().await };
                    match flushed {
                        Ok(()) if watch.flushed(session, clock.now()) => return None,
                        flushed => flushed,
                    }
                }
            },
            Step::Text(text) => {
                console.received(text);
                session.text_taken();
                Ok(())
            }
            Step::Over(result) => {
                return Some(match broken {
                    Some(error) => result.map_err(|_| Error::Link(error)),
                    None => {
                        let flushed = writer.flush().await.map_err(Error::Link);
                        flushed.and(result.map_err(Error::Session))
                    }
                });
            }
        };
        if let Err(error) = moved {
            broken = Some(error);
            session.link_failed();
        }
    }
}

/// Waits for the store. Meanwhile, `busy` goes out every two seconds as a keepalive.
async fn perform<P: Profile, W: Write>(
    work: impl Future<Output = Reply>,
    busy: Option<(Signal, u32)>,
    keepalive: &mut Keepalive,
    writer: &mut W,
    clock: &mut impl Clock,
) -> Result<Reply, W::Error> {
    let mut work = pin!(work);
    loop {
        let (Some((signal, seed)), Some(now)) = (busy, clock.now()) else {
            return Ok(work.await);
        };
        let due = clock.wait_until(now.wrapping_add(KEEPALIVE_INTERVAL));
        if let First::A(reply) = first(work.as_mut(), due).await {
            return Ok(reply);
        }
        keepalive.set::<P>(&signal, seed);
        keepalive.send(writer).await?;
    }
}
