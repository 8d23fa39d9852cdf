//! The driver of all tests in memory: performs the steps of a session, one at a time.
//!
//! It knows the steps. It does not know the source of bytes, the time, or how long a store
//! works: a [`Port`] does.

use tinyferry_core::error::Failure;
use tinyferry_core::store::{Reply, Request, answer};
use tinyferry_core::{Millis, Outcome, Profile, Session, Step, Store};

/// One end of a link, with the clock beside it.
///
/// ```
/// use tinyferry_core::{Config, Millis, Session, Task};
/// use tinyferry_kit::{Input, Memory, Port, Progress, perform, session_number};
///
/// /// Keeps all that is written; nothing can be read.
/// struct Recorder(Vec<u8>);
///
/// impl Port for Recorder {
///     fn now(&self) -> Option<Millis> {
///         Some(0)
///     }
///
///     fn read(&mut self, _: &mut [u8]) -> Input {
///         Input::Nothing
///     }
///
///     fn write(&mut self, out: &[u8]) -> usize {
///         self.0.extend_from_slice(out);
///         out.len()
///     }
/// }
///
/// let mut client: Session = Session::client(session_number(7), Config::RELIABLE);
/// client.begin(Task::Ping)?;
/// let mut port = Recorder(Vec::new());
/// while perform(&mut client, &mut Memory::default(), &mut port) == Progress::Moved {}
/// assert!(port.0.starts_with(b"PIN"));
/// # Ok::<(), tinyferry_core::Failure>(())
/// ```
pub trait Port {
    /// The time; `None` for a driver without a clock.
    fn now(&self) -> Option<Millis>;

    /// Reads into `into`, which has at least one byte.
    fn read(&mut self, into: &mut [u8]) -> Input;

    /// Writes from `out`, which may be empty; returns the number of bytes written, 0 where the link
    /// has no room.
    fn write(&mut self, out: &[u8]) -> usize;

    /// Whether this end cannot read while it writes.
    fn is_half_duplex(&self) -> bool {
        false
    }

    /// The bytes in the driver's own buffer: [`Session::take_input`] stores chunks from there.
    fn buffered(&mut self) -> &[u8] {
        &[]
    }

    /// Drops `count` bytes at the front of the buffer.
    fn consume(&mut self, count: usize) {
        let _ = count;
    }

    /// Writes text that waits to go out, as far as the link has room. Whether a part of it is left, which
    /// must go out before a frame.
    fn print(&mut self) -> bool {
        false
    }

    /// Whether the last read found nothing.
    fn is_quiet(&self) -> bool {
        false
    }

    /// Text of the other end came.
    fn text(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// Performs a request to the store; `None` while the store works, and the step is repeated later.
    fn storage<S: Store + ?Sized>(&mut self, store: &mut S, request: Request<'_>) -> Option<Reply> {
        Some(answer(store, request))
    }
}

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// This number of bytes was read; at least one.
    Bytes(usize),
    /// No byte has arrived yet.
    Nothing,
    /// The stream has ended.
    End,
}

/// The result of [`perform`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A step was performed.
    Moved,
    /// The session waits for input: for its deadline, if nothing arrives.
    AwaitsInput,
    /// The session waits until the link has room. `reads`: or for input.
    AwaitsRoom {
        /// Whether input would do as well.
        reads: bool,
    },
    /// The store works.
    AwaitsStore,
    /// The task is completed, or the session is over.
    Over(Result<Outcome, Failure>),
}

/// Performs the next step of `session`, with `store` and over `port`.
pub fn perform<P: Profile, S: Store + ?Sized>(
    session: &mut Session<P>,
    store: &mut S,
    port: &mut impl Port,
) -> Progress {
    let now = port.now();
    if session.may_print(port.is_quiet()) && port.print() {
        return Progress::AwaitsRoom { reads: false };
    }
    let taken = session.take_input(port.buffered(), store, now);
    port.consume(taken);
    match session.poll() {
        Step::Receive(into) => {
            assert!(!into.is_empty(), "a step must lend at least one byte");
            match port.read(into) {
                Input::Bytes(count) => session.received(count, port.now()),
                Input::End => session.received(0, port.now()),
                Input::Nothing if taken > 0 => {}
                Input::Nothing => return Progress::AwaitsInput,
            }
        }
        Step::Transmit(out) => {
            assert!(!out.is_empty(), "a step must lend at least one byte");
            match port.write(out) {
                0 => return Progress::AwaitsRoom { reads: false },
                count => session.transmitted(count, port.now()),
            }
        }
        Step::Exchange { out, into } => {
            assert!(!into.is_empty(), "a step must lend at least one byte");
            let input = if port.is_half_duplex() { Input::Nothing } else { port.read(into) };
            match input {
                Input::Bytes(count) => session.received(count, port.now()),
                Input::Nothing | Input::End => match port.write(out) {
                    0 if !out.is_empty() => return Progress::AwaitsRoom { reads: true },
                    count => session.transmitted(count, port.now()),
                },
            }
        }
        Step::Pause => session.transmitted(0, now),
        Step::Text(text) => {
            port.text(text);
            session.text_taken();
        }
        Step::Storage(request) => match port.storage(store, request) {
            Some(reply) => session.answered(reply, port.now()),
            None => return Progress::AwaitsStore,
        },
        Step::Over(result) => return Progress::Over(result),
    }
    Progress::Moved
}
