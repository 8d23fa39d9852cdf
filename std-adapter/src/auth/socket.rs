//! An encrypted socket over a socket.
//!
//! The non-blocking driver of the channel. The link above it reads ahead while a write waits, as over any
//! socket, so two ends that both send cannot block each other.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_secure::{Channel, Error, Identity, PublicKey, Refusal, Step, Trust};
use tracing::debug;

use super::{AuthError, random_key};
use crate::auth::channel::{Active, SocketChannel, as_io, buffers};
use crate::transport::socket::is_transient;
use crate::transport::stream::Socket;

/// The timeout for sending the last bytes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket that encrypts.
#[derive(Debug)]
pub(crate) struct SecureSocket<S: Socket> {
    socket: S,
    channel: SocketChannel,
    /// Bytes that were taken from the caller and are not all sent yet; it offers them again.
    owed: usize,
}

impl<S: Socket> SecureSocket<S> {
    /// A client's end; `timeout` is that of the handshake.
    ///
    /// # Errors
    /// [`AuthError`].
    pub(crate) fn connect(
        socket: S,
        identity: &Identity,
        trust: &mut dyn Trust,
        timeout: Duration,
    ) -> Result<Self, AuthError> {
        let channel = Channel::client(identity, random_key()?, buffers()?)?;
        let end = Instant::now() + timeout;
        Self::complete_handshake(socket, Box::new(channel), &[], trust, end)
    }

    /// A server's end; `timeout` is that of the handshake.
    ///
    /// # Errors
    /// [`AuthError`].
    #[cfg(all(test, unix))]
    pub(crate) fn accept(
        socket: S,
        trust: &mut dyn Trust,
        timeout: Duration,
    ) -> Result<Self, AuthError> {
        Self::accept_after(socket, &[], trust, Instant::now() + timeout)
    }

    /// A server's end, where `input` was read from the socket before. Returns when the client has proven, by a first
    /// record that opens, that it knows the key: the first message of a handshake can be a repeated one.
    pub(crate) fn accept_proven(
        socket: S,
        input: &[u8],
        trust: &mut dyn Trust,
        end: Instant,
    ) -> Result<Self, AuthError> {
        let mut accepted = Self::accept_after(socket, input, trust, end)?;
        let Self { socket, channel, .. } = &mut accepted;
        let channel = channel.active()?;
        while !channel.is_ready()? {
            socket.set_read_timeout(Some(time_left(end)?))?;
            match socket.receive(channel.room()) {
                Ok(count) => channel.received(count)?,
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        socket.set_read_timeout(None)?;
        Ok(accepted)
    }

    fn accept_after(
        socket: S,
        input: &[u8],
        trust: &mut dyn Trust,
        end: Instant,
    ) -> Result<Self, AuthError> {
        let channel = Channel::server(random_key()?, buffers()?)?;
        Self::complete_handshake(socket, Box::new(channel), input, trust, end)
    }

    fn complete_handshake(
        mut socket: S,
        mut channel: Box<Active>,
        mut input: &[u8],
        trust: &mut dyn Trust,
        end: Instant,
    ) -> Result<Self, AuthError> {
        loop {
            match channel.step()? {
                Step::Receive(into) if !input.is_empty() => {
                    let count = io::Read::read(&mut input, into)?;
                    channel.handshake_received(count, trust)?;
                }
                Step::Receive(into) => {
                    socket.set_read_timeout(Some(time_left(end)?))?;
                    match socket.receive(into) {
                        Ok(count) => channel.handshake_received(count, trust)?,
                        Err(error) if is_transient(&error) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Step::Transmit(out) => match socket.send_now(out) {
                    Ok(count) => channel.transmitted(count)?,
                    Err(error) if is_transient(&error) => {
                        socket.wait_for_room(false, time_left(end)?)?
                    }
                    Err(error) => return Err(error.into()),
                },
                Step::Done => break,
            }
        }
        // Input after the last message belongs to the first record.
        while !input.is_empty() {
            let count = io::Read::read(&mut input, channel.room())?;
            channel.received(count)?;
        }
        socket.set_read_timeout(None)?;
        let cipher = if channel.is_aes() { "AES-256-GCM" } else { "ChaCha20-Poly1305" };
        debug!("the connection is encrypted by {cipher}");
        Ok(Self { socket, channel: SocketChannel::Active(channel), owed: 0 })
    }

    /// The other end's public key.
    pub(crate) fn peer(&self) -> Option<PublicKey> {
        self.channel.peer()
    }

    /// Ends the output, or refuses the other end.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn close(&mut self, refusal: Option<Refusal>) -> io::Result<()> {
        let end = Instant::now() + CLOSE_TIMEOUT;
        self.send_pending(end)?;
        self.channel.active()?.close(refusal).map_err(as_io)?;
        self.send_pending(end)
    }

    fn send_pending(&mut self, end: Instant) -> io::Result<()> {
        let channel = self.channel.active()?;
        channel.seal().map_err(as_io)?;
        while !channel.pending().is_empty() {
            match self.socket.send_now(channel.pending()) {
                Ok(count) => channel.transmitted(count).map_err(as_io)?,
                Err(error) if is_transient(&error) => {
                    self.socket.wait_for_room(false, time_left(end)?)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads available bytes until a record is complete.
    fn receive_record(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let channel = self.channel.active()?;
        loop {
            if let Some(count) = channel.read(into).map_err(as_io)? {
                return Ok(count);
            }
            let count = self.socket.receive_now(channel.room())?;
            received(channel, count)?;
        }
    }
}

/// Passes received bytes to the channel. After the end of the input the channel can still send.
fn received(channel: &mut Active, count: usize) -> io::Result<()> {
    match count {
        0 => Err(as_io(Error::Truncated)),
        count => channel.received(count).map_err(as_io),
    }
}

/// The time until `end`.
fn time_left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(ErrorKind::TimedOut, "the other end takes too long"));
    }
    Ok(left)
}

impl<S: Socket> Socket for SecureSocket<S> {
    /// Waits once. `WouldBlock` if the record is still incomplete: the caller checks the time, so that a
    /// record that arrives byte by byte gets no more time than a silent peer.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let channel = self.channel.active()?;
        if let Some(count) = channel.read(into).map_err(as_io)? {
            return Ok(count);
        }
        let count = self.socket.receive(channel.room())?;
        received(channel, count)?;
        self.receive_record(into)
    }

    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.receive_record(into)
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.socket.set_write_timeout(timeout);
    }

    fn pending(&self) -> usize {
        self.channel.pending()
    }

    /// Takes as many bytes as fit into one record. If the system has no room for all of them, the caller
    /// offers the same bytes again.
    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let channel = self.channel.active()?;
        loop {
            let pending = channel.pending();
            if !pending.is_empty() {
                let count = self.socket.send_now(pending)?;
                channel.transmitted(count).map_err(as_io)?;
            } else if self.owed > 0 || bytes.is_empty() {
                return Ok(std::mem::take(&mut self.owed));
            } else {
                self.owed = channel.write(bytes).map_err(as_io)?;
                channel.seal().map_err(as_io)?;
            }
        }
    }

    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
        self.socket.wait_for_room(or_read, timeout)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.close(None)?;
        self.socket.end_writing()
    }

    fn has_gone(&self) -> bool {
        self.socket.has_gone()
    }

    fn free_buffers(&mut self) {
        self.channel.suspend();
        self.socket.free_buffers();
    }
}

impl<S: Socket> Drop for SecureSocket<S> {
    /// Ends the output, if there is room for the last record.
    fn drop(&mut self) {
        if let Ok(channel) = self.channel.active() {
            let _ = channel.close(None);
            let _ = self.socket.send_now(channel.pending());
        }
    }
}
