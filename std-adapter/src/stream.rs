//! A socket, buffered: large reads and writes for the system, small ones for the session.
//!
//! Knows buffers, clocks and what the system says of a socket; knows nothing of frames. A write
//! that finds no room reads meanwhile what the peer has to say, so that two ends that both write
//! cannot block each other.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tinyferry_core::Millis;

pub use self::link::StreamLink;
pub use crate::socket::Socket;

mod link;

/// What is moved by one system call, in bytes.
const BUFFER: usize = 64 * 1024;
/// How much of the peer's answers is kept while a write waits for room, in bytes: more than all
/// the answers that the credit allows.
const READ_AHEAD: usize = 4 << 20;
/// While a session works, its socket is looked at this often, in ms.
const GLANCE: Millis = 50;
/// How long a write waits for room, until the peer counts as gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);

/// What a server shares with the link of each client, to let it go when it may.
#[derive(Debug, Default)]
pub struct Leave {
    /// The server is ending.
    pub leaving: AtomicBool,
    /// The session has nothing under way.
    pub at_rest: AtomicBool,
    /// The grace period is over: whatever is under way ends. A socket is shut down instead.
    pub cut: AtomicBool,
}

impl Leave {
    /// Whether to let go of the client now.
    pub(crate) fn is_due(&self) -> bool {
        let [at_rest, leaving, cut] =
            [&self.at_rest, &self.leaving, &self.cut].map(|flag| flag.load(Ordering::SeqCst));
        at_rest && leaving || cut
    }
}

/// Bytes that crossed a link, frames and all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the other end.
    pub sent: u64,
    /// From the other end.
    pub received: u64,
}

/// A buffered socket. [`StreamLink`] makes a link of it.
#[derive(Debug)]
pub struct Stream<T> {
    socket: T,
    input: Vec<u8>,
    /// The bytes of `input` that are not yet read.
    held: Range<usize>,
    output: Vec<u8>,
    /// Something was written since it was last seen that there is nothing to read.
    unseen: bool,
    timeout: Option<Duration>,
    origin: Instant,
    now: Millis,
    /// When it was last seen whether there is something to read.
    seen: Millis,
    deadline: Option<Millis>,
    traffic: Traffic,
    leave: Arc<Leave>,
}

impl<T: Socket> Stream<T> {
    fn new(socket: T, leave: Arc<Leave>) -> Self {
        Self {
            socket,
            input: Vec::new(),
            held: 0..0,
            output: Vec::new(),
            unseen: false,
            timeout: None,
            origin: Instant::now(),
            now: 0,
            seen: 0,
            deadline: None,
            traffic: Traffic::default(),
            leave,
        }
    }

    fn look_at_clock(&mut self) {
        // The clock of a session wraps around.
        self.now = self.origin.elapsed().as_millis() as Millis;
    }

    /// Whether a session that works is to look at the socket again.
    fn is_glance_due(&mut self) -> bool {
        self.look_at_clock();
        let is_due = self.now.wrapping_sub(self.seen) >= GLANCE;
        if is_due {
            self.seen = self.now;
        }
        is_due
    }

    fn has_input(&self) -> bool {
        !self.held.is_empty()
    }

    /// What is not yet read of what came.
    fn held(&self) -> &[u8] {
        self.input.get(self.held.clone()).unwrap_or_default()
    }

    /// So many bytes of that were read.
    fn consume(&mut self, count: usize) {
        self.held.start += count;
        self.traffic.received += count as u64;
    }

    /// Reads into the empty buffer.
    fn fill(&mut self, wait: bool) -> io::Result<usize> {
        // It may have grown in a write that had to wait.
        self.input.resize(BUFFER, 0);
        let result = if wait {
            self.socket.receive(&mut self.input)
        } else {
            self.socket.receive_now(&mut self.input)
        };
        self.held = 0..*result.as_ref().unwrap_or(&0);
        self.look_at_clock();
        result
    }

    /// Reads behind what is there, without waiting.
    fn read_ahead(&mut self) -> io::Result<Ahead> {
        if self.held.len() >= READ_AHEAD {
            return Ok(Ahead::Full);
        }
        let end = self.held.end;
        self.input.resize(end + BUFFER, 0);
        match self.socket.receive_now(&mut self.input[end..]) {
            // It is found again by the next read.
            Ok(0) => Ok(Ahead::End),
            Ok(count) => {
                self.held.end += count;
                Ok(Ahead::Room)
            }
            Err(error) if is_transient(&error) => Ok(Ahead::Room),
            Err(error) => Err(error),
        }
    }

    /// Sets how long a read waits; a wait that is nearly as long is left as it is, since a session
    /// bears being told too early.
    fn set_timeout(&mut self) -> io::Result<()> {
        let wanted = self.deadline.map(|deadline| {
            let left = deadline.wrapping_sub(self.now);
            let left = if left < 1 << 31 { left } else { 0 };
            Duration::from_millis(u64::from(left.max(1)))
        });
        let is_near = match (wanted, self.timeout) {
            (None, None) => true,
            (Some(wanted), Some(set)) => set <= wanted + wanted / 8 && wanted <= set * 2,
            _ => false,
        };
        if !is_near {
            self.socket.set_read_timeout(wanted)?;
            self.timeout = wanted;
        }
        Ok(())
    }

    /// Writes what is buffered. Where the other end has left, that goes nowhere: what it said last
    /// is read next, and then the end.
    fn send_all(&mut self, patience: Duration) -> io::Result<()> {
        let mut sent = 0;
        let mut waiting: Option<Instant> = None;
        while sent < self.output.len() {
            match self.socket.send_now(&self.output[sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    sent += count;
                    waiting = None;
                }
                Err(error) if is_transient(&error) => {
                    let since = *waiting.get_or_insert_with(Instant::now);
                    if since.elapsed() > patience {
                        return Err(io::Error::new(
                            ErrorKind::TimedOut,
                            "the other end takes nothing any more",
                        ));
                    }
                    let or_read = match self.read_ahead()? {
                        Ahead::Room => true,
                        Ahead::Full => false,
                        Ahead::End => break,
                    };
                    self.socket.wait_for_room(or_read, patience)?;
                }
                Err(error) => return Err(error),
            }
        }
        if !self.output.is_empty() {
            self.traffic.sent += sent as u64;
            self.output.clear();
            self.unseen = true;
            self.look_at_clock();
        }
        Ok(())
    }
}

/// What a read ahead has come to.
enum Ahead {
    /// More may be read.
    Room,
    /// As much is held as may be.
    Full,
    /// The other end has left.
    End,
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl<T: Socket> Read for Stream<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.has_input() {
            if self.leave.is_due() {
                return Ok(0);
            }
            self.set_timeout()?;
            match self.fill(true) {
                // A read timeout is reported so by some systems.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(ErrorKind::TimedOut.into());
                }
                result => result?,
            };
        }
        let held = self.held();
        let count = held.len().min(into.len());
        into[..count].copy_from_slice(&held[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<T: Socket> Write for Stream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.output.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Before every read, and mostly so.
        if self.output.is_empty() {
            return Ok(());
        }
        self.send_all(WRITE_PATIENCE)
    }
}

#[cfg(all(test, unix))]
mod tests;
