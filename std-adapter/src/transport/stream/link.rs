//! The link of a session over a buffered socket.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use embedded_io_adapters::std::FromStd;
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

use super::{Shutdown, Socket, Stream, Traffic};
use crate::transport::limit::Pausable;
use crate::transport::socket::is_transient;

/// The longest wait for the other end to disconnect.
pub(crate) const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A link over a socket.
pub struct StreamLink<T> {
    stream: FromStd<Stream<T>>,
    /// Whether each frame is sent at once.
    is_eager: bool,
}

impl<T: Socket> StreamLink<T> {
    /// A link over `socket`; `shutdown` is shared with the server, which may end it.
    pub fn new(socket: T, shutdown: Arc<Shutdown>) -> Self {
        Self::with_input(socket, shutdown, &[])
    }

    /// The same, where `input` was read from the socket before.
    pub(crate) fn with_input(socket: T, shutdown: Arc<Shutdown>, input: &[u8]) -> Self {
        Self { stream: FromStd::new(Stream::new(socket, shutdown, input)), is_eager: false }
    }

    /// The same link, which sends each frame at once. On a lossy link the answer to one may decide about the next.
    pub(crate) fn eager(self) -> Self {
        Self { is_eager: true, ..self }
    }

    /// Begins to disconnect in good order: a socket that is closed with unread input drops the last output.
    pub(crate) fn end_writing(&mut self) {
        let stream = self.stream.inner_mut();
        let _ = stream.send_all(DISCONNECT_TIMEOUT).and_then(|()| stream.socket.end_writing());
    }

    /// Disconnects in good order. Waits for the other end, up to a timeout.
    pub(crate) fn disconnect(&mut self) {
        self.end_writing();
        self.has_ended(true);
    }

    /// Drops the input that is there, or comes until the timeout with `wait`. Whether the other end has disconnected.
    pub(crate) fn has_ended(&mut self, wait: bool) -> bool {
        let stream = self.stream.inner_mut();
        let end = Instant::now() + DISCONNECT_TIMEOUT;
        let _ = stream.socket.set_read_timeout(Some(DISCONNECT_TIMEOUT));
        while Instant::now() < end {
            match stream.fill(wait) {
                Ok(1..) => {}
                Err(error) if is_transient(&error) => {
                    if !wait {
                        return false;
                    }
                }
                _ => return true,
            }
        }
        false
    }

    /// The traffic so far.
    pub fn traffic(&self) -> Traffic {
        self.stream.inner().traffic
    }
}

impl<T> embedded_io::ErrorType for StreamLink<T> {
    type Error = io::Error;
}

impl<T: Socket> embedded_io::Read for StreamLink<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }
}

impl<T: Socket> embedded_io::Write for StreamLink<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        if self.is_eager {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A write without room for a minute is a failure, not a timeout of the session.
        self.stream.flush().map_err(|error| match error.kind() {
            ErrorKind::TimedOut => io::Error::new(ErrorKind::ConnectionAborted, error.to_string()),
            _ => error,
        })
    }
}

impl<T: Socket> Link for StreamLink<T> {
    const HALF_DUPLEX: bool = false;

    /// The time of the last call to the system: the same for a whole batch.
    fn now(&mut self) -> Option<Millis> {
        Some(self.stream.inner().now)
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        let stream = self.stream.inner_mut();
        stream.deadline = deadline;
        // It rarely changes, and a store is the most expensive operation here.
        if stream.shutdown.is_idle.load(Ordering::SeqCst) != is_idle {
            stream.shutdown.is_idle.store(is_idle, Ordering::SeqCst);
        }
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        let stream = self.stream.inner_mut();
        let count = take(stream.buffered());
        stream.consume(count);
    }

    fn check(&mut self) -> io::Result<()> {
        let stream = self.stream.inner_mut();
        if stream.is_poll_due() && stream.socket.has_gone() {
            let sentence = "the other end has left";
            return Err(io::Error::new(ErrorKind::ConnectionAborted, sentence));
        }
        Ok(())
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        let stream = self.stream.inner_mut();
        // Polls once for each sent batch, not for each chunk, and at intervals.
        if !stream.has_input() && (std::mem::take(&mut stream.unseen) || stream.is_poll_due()) {
            match stream.fill(false) {
                Ok(0) => return Ok(true),
                Err(error) if !is_transient(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(stream.has_input())
    }
}

impl<T: Socket> Pausable for StreamLink<T> {
    const LOSES_UNREAD: bool = false;

    fn update_clock(&mut self) {
        self.stream.inner_mut().update_clock();
    }

    fn free_buffers(&mut self) {
        self.stream.inner_mut().free_buffers();
    }
}
