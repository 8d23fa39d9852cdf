//! A buffered socket: large reads and writes for the system, small ones for the session.
//!
//! Knows buffers, clocks and the errors of sockets; knows nothing of frames. A write that waits for room
//! reads meanwhile, so that two ends that both write cannot block each other.

mod buffer;
mod link;
mod sending;
mod shutdown;
#[cfg(all(test, unix))]
mod tests;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tinyferry_core::Millis;

use self::buffer::{BUFFER, Buffer, MAX_OUTPUT_AGE_MS, SMALL_WRITE};
pub(crate) use self::link::DISCONNECT_TIMEOUT;
pub use self::link::StreamLink;
pub use self::shutdown::{Shutdown, Traffic};
use crate::transport::WRITE_TIMEOUT;
use crate::transport::clock::{Clock, Ticks, time_until};
pub use crate::transport::socket::Socket;

/// The read size of an idle connection, in bytes: enough for a request.
const IDLE_BUFFER_BYTES: usize = 4 * 1024;
/// The interval of the polls of a socket while its session works, in ms.
const POLL_INTERVAL_MS: Millis = 50;

/// A buffered socket. [`StreamLink`] is the link over it.
#[derive(Debug)]
pub struct Stream<T> {
    socket: T,
    input: Buffer,
    /// The bytes of `input` that are not yet read.
    buffered: Range<usize>,
    /// Input after them that was read while a write waited. Empty if `input` is empty.
    ahead: VecDeque<(Buffer, usize)>,
    /// `None` on an idle connection without output.
    output: Option<Buffer>,
    /// The number of bytes of `output` to send.
    collected: usize,
    /// The time of the first write of the collected bytes.
    collected_since: Millis,
    /// Output was sent since the last poll without input.
    unseen: bool,
    timeout: Option<Duration>,
    clock: Clock,
    ticks: Ticks,
    now: Millis,
    /// The time of the last poll for input.
    seen: Millis,
    deadline: Option<Millis>,
    traffic: Traffic,
    shutdown: Arc<Shutdown>,
}

impl<T: Socket> Stream<T> {
    /// `input` was read from the socket before.
    fn new(socket: T, shutdown: Arc<Shutdown>, input: &[u8]) -> Self {
        Self {
            socket,
            input: Buffer::small(input.to_vec()),
            buffered: 0..input.len(),
            ahead: VecDeque::new(),
            output: None,
            collected: 0,
            collected_since: 0,
            unseen: false,
            timeout: None,
            clock: Clock::start(),
            ticks: Ticks::default(),
            now: 0,
            seen: 0,
            deadline: None,
            traffic: Traffic::default(),
            shutdown,
        }
    }

    fn update_clock(&mut self) {
        self.now = self.clock.now();
    }

    /// Whether the next poll of the socket is due.
    fn is_poll_due(&mut self) -> bool {
        if !self.ticks.has_passed() {
            return false;
        }
        self.update_clock();
        let is_due = self.now.wrapping_sub(self.seen) >= POLL_INTERVAL_MS;
        if is_due {
            self.seen = self.now;
        }
        is_due
    }

    fn has_input(&self) -> bool {
        !self.buffered.is_empty()
    }

    /// The buffered input.
    fn buffered(&self) -> &[u8] {
        self.input.get(self.buffered.clone()).unwrap_or_default()
    }

    /// Removes bytes from the buffered input.
    fn consume(&mut self, count: usize) {
        self.buffered.start += count;
        self.traffic.received += count as u64;
        if self.buffered.is_empty()
            && let Some((next, length)) = self.ahead.pop_front()
        {
            (self.input, self.buffered) = (next, 0..length);
        }
    }

    /// Reads into the empty buffer. An idle connection has a small one, and none for output.
    fn fill(&mut self, wait: bool) -> io::Result<usize> {
        let is_idle = wait && self.shutdown.is_idle.load(Ordering::Relaxed);
        if is_idle && self.collected == 0 {
            self.output = None;
        }
        let length = if is_idle { IDLE_BUFFER_BYTES } else { BUFFER };
        if self.input.len() != length {
            self.buffered = 0..0;
            self.input = Buffer::mapped(length)?;
        }
        let result = if wait {
            self.socket.receive(&mut self.input)
        } else {
            self.socket.receive_now(&mut self.input)
        };
        self.buffered = 0..*result.as_ref().unwrap_or(&0);
        self.update_clock();
        result
    }

    /// Frees the buffers, if they are empty.
    fn free_buffers(&mut self) {
        if !self.has_input() && self.collected == 0 {
            (self.input, self.buffered) = (Buffer::small(Vec::new()), 0..0);
            (self.ahead, self.output) = (VecDeque::new(), None);
        }
        self.socket.free_buffers();
    }

    /// Sets the timeout of reads. A timeout that is nearly equal stays, since a session tolerates early
    /// wake-ups.
    fn set_timeout(&mut self) -> io::Result<()> {
        let wanted = self.deadline.map(|deadline| {
            // A timeout of zero would be none.
            time_until(deadline, self.now).max(Duration::from_millis(1))
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
}

impl<T: Socket> Read for Stream<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.has_input() {
            if self.shutdown.is_due() {
                return Ok(0);
            }
            self.set_timeout()?;
            match self.fill(true) {
                // The server has ended the wait.
                _ if !self.has_input() && self.shutdown.is_due() => return Ok(0),
                // Some systems report a timeout so, and so does an incomplete record.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(ErrorKind::TimedOut.into());
                }
                result => result?,
            };
        }
        let buffered = self.buffered();
        let count = buffered.len().min(into.len());
        into[..count].copy_from_slice(&buffered[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<T: Socket> Write for Stream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.collected + bytes.len() > BUFFER {
            self.flush()?;
        }
        if self.collected == 0 {
            self.collected_since = self.clock.now();
        }
        let output = match &mut self.output {
            Some(output) => output,
            none => none.insert(Buffer::large()?),
        };
        let room = &mut output[self.collected..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.collected += count;
        if count <= SMALL_WRITE
            && self.clock.now().wrapping_sub(self.collected_since) >= MAX_OUTPUT_AGE_MS
        {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Called before every read, mostly without output.
        if self.collected == 0 {
            return Ok(());
        }
        self.send_all(WRITE_TIMEOUT)
    }
}
