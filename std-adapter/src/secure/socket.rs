//! A socket over a socket: what goes through it is encrypted.
//!
//! The channel's third driver, for what waits neither to read nor to write; the link above it
//! reads ahead while a write waits, as over any socket, so two ends that both send cannot block
//! each other.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_secure::{
    Channel, Error, FULL_BUFFER, Identity, KeyId, PublicKey, Refusal, Step, Trust,
};

use super::aead::Fast;
use super::{Problem, unforeseeable};
use crate::stream::Socket;

/// How long the end of what is said may take to go out.
const CLOSING: Duration = Duration::from_secs(1);

/// A socket that encrypts.
#[derive(Debug)]
pub struct SecureSocket<S: Socket> {
    socket: S,
    channel: Channel<Vec<u8>, Fast>,
    /// Bytes that were taken from the caller and are not all sent yet; it comes again with them.
    owed: usize,
}

fn buffers() -> [Vec<u8>; 2] {
    // Two records at most come in with one call to the system.
    [vec![0; 2 * FULL_BUFFER], vec![0; FULL_BUFFER]]
}

/// A channel's error as one of the system, to travel through what knows no other.
fn as_io(error: Error) -> io::Error {
    let kind = match error {
        Error::Truncated => ErrorKind::ConnectionReset,
        Error::Closed => ErrorKind::BrokenPipe,
        Error::Refused(_) | Error::NotTrusted => ErrorKind::PermissionDenied,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}

impl<S: Socket> SecureSocket<S> {
    /// A client's end; the handshake may take as long as `patience`.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn connect(
        socket: S,
        identity: &Identity,
        trust: &mut dyn Trust,
        patience: Duration,
    ) -> Result<Self, Problem> {
        Self::greet(
            socket,
            Channel::client(identity, unforeseeable()?, buffers())?,
            trust,
            patience,
        )
    }

    /// A server's end; the handshake may take as long as `patience`.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn accept(socket: S, trust: &mut dyn Trust, patience: Duration) -> Result<Self, Problem> {
        Self::greet(socket, Channel::server(unforeseeable()?, buffers())?, trust, patience)
    }

    fn greet(
        mut socket: S,
        mut channel: Channel<Vec<u8>, Fast>,
        trust: &mut dyn Trust,
        patience: Duration,
    ) -> Result<Self, Problem> {
        let end = Instant::now() + patience;
        let left = || {
            let left = end.saturating_duration_since(Instant::now());
            let in_time = || io::Error::new(ErrorKind::TimedOut, "the other end takes too long");
            if left.is_zero() { Err(in_time()) } else { Ok(left) }
        };
        loop {
            match channel.step()? {
                Step::Receive(into) => {
                    socket.set_read_timeout(Some(left()?))?;
                    match socket.receive(into) {
                        Ok(count) => channel.greeted(count, trust)?,
                        Err(error) if is_transient(&error) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Step::Transmit(out) => match socket.send_now(out) {
                    Ok(count) => channel.transmitted(count)?,
                    Err(error) if is_transient(&error) => socket.wait_for_room(false, left()?)?,
                    Err(error) => return Err(error.into()),
                },
                Step::Done => break,
            }
        }
        socket.set_read_timeout(None)?;
        Ok(Self { socket, channel, owed: 0 })
    }

    /// The name of the shared key that both ends hold.
    pub fn shared(&self) -> Option<KeyId> {
        self.channel.shared()
    }

    /// The other end's public key.
    pub fn peer(&self) -> Option<PublicKey> {
        self.channel.peer()
    }

    /// Says that nothing more comes, or why the other end is refused.
    ///
    /// # Errors
    /// Those of the system.
    pub fn close(&mut self, refusal: Option<Refusal>) -> io::Result<()> {
        let end = Instant::now() + CLOSING;
        self.send_pending(end)?;
        self.channel.close(refusal).map_err(as_io)?;
        self.send_pending(end)
    }

    fn send_pending(&mut self, end: Instant) -> io::Result<()> {
        self.channel.seal().map_err(as_io)?;
        while !self.channel.pending().is_empty() {
            match self.socket.send_now(self.channel.pending()) {
                Ok(count) => self.channel.transmitted(count).map_err(as_io)?,
                Err(error) if is_transient(&error) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    self.socket.wait_for_room(false, left)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive_with(
        &mut self,
        into: &mut [u8],
        receive: fn(&mut S, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            if let Some(count) = self.channel.read(into).map_err(as_io)? {
                return Ok(count);
            }
            let count = receive(&mut self.socket, self.channel.room())?;
            self.channel.received(count).map_err(as_io)?;
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl<S: Socket> Socket for SecureSocket<S> {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.receive_with(into, S::receive)
    }

    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.receive_with(into, S::receive_now)
    }

    /// Takes as much as goes into one record. Where the system has no room for all of it, the same
    /// bytes are to be offered again.
    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let pending = self.channel.pending();
            if !pending.is_empty() {
                let count = self.socket.send_now(pending)?;
                self.channel.transmitted(count).map_err(as_io)?;
            } else if self.owed > 0 || bytes.is_empty() {
                return Ok(std::mem::take(&mut self.owed));
            } else {
                self.owed = self.channel.write(bytes).map_err(as_io)?;
                self.channel.seal().map_err(as_io)?;
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

    fn peek(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    fn has_gone(&self) -> bool {
        self.socket.has_gone()
    }

    fn cutter(&self) -> io::Result<Box<dyn Fn() + Send>> {
        self.socket.cutter()
    }
}

impl<S: Socket> Drop for SecureSocket<S> {
    /// Where there is room, the other end is told that this was all.
    fn drop(&mut self) {
        let _ = self.channel.close(None);
        let _ = self.socket.send_now(self.channel.pending());
    }
}
