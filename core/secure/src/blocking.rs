//! The blocking driver, over `embedded-io`.

use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::channel::Channel;
use crate::ciphers::{Ciphers, Portable};
use crate::error::{Error, StreamError};
use crate::keys::{Identity, PrivateKey, Trust};
use crate::step::Step;

/// A stream over a stream: its bytes are encrypted, and it returns only bytes that are genuine, in order
/// and complete.
///
/// The stream below must be reliable. Written bytes are collected until a record is full; flush
/// it before you wait for an answer. Close it in the end, or the other end reports that it was cut off.
/// `B` is a buffer, as of [`Channel`]; both ends may have different ones.
#[derive(Debug)]
pub struct SecureStream<T, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers = Portable> {
    stream: T,
    channel: Channel<B, C>,
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> SecureStream<T, B, C> {
    /// A client: shakes hands over `stream`. `ephemeral`: 32 bytes that nobody can foresee, used
    /// here and never again. `trust` is asked for a server's public key.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn connect(
        stream: T,
        identity: &Identity,
        ephemeral: PrivateKey,
        trust: &mut dyn Trust,
        buffers: [B; 2],
    ) -> Result<Self, StreamError<T::Error>> {
        Self { stream, channel: Channel::client(identity, ephemeral, buffers)? }.handshake(trust)
    }

    /// A server: completes the handshake with the other end of `stream`, if `trust` accepts its key.
    ///
    /// # Errors
    /// [`StreamError`]. The other end has been told where it is refused.
    pub fn accept(
        stream: T,
        ephemeral: PrivateKey,
        trust: &mut dyn Trust,
        buffers: [B; 2],
    ) -> Result<Self, StreamError<T::Error>> {
        Self { stream, channel: Channel::server(ephemeral, buffers)? }.handshake(trust)
    }

    fn handshake(mut self, trust: &mut dyn Trust) -> Result<Self, StreamError<T::Error>> {
        loop {
            match self.channel.step()? {
                Step::Receive(into) => {
                    self.stream.flush().map_err(StreamError::Stream)?;
                    let count = self.stream.read(into).map_err(StreamError::Stream)?;
                    self.channel.handshake_received(count, trust)?;
                }
                Step::Transmit(out) => {
                    let count = self.stream.write(out).map_err(StreamError::Stream)?;
                    let sent = self.channel.transmitted(count);
                    if sent.is_err() {
                        self.stream.flush().map_err(StreamError::Stream)?;
                    }
                    sent?;
                }
                Step::Done => {
                    self.stream.flush().map_err(StreamError::Stream)?;
                    return Ok(self);
                }
            }
        }
    }

    /// Says that nothing more comes, so that the other end can tell this from being cut off.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn close(&mut self) -> Result<(), StreamError<T::Error>> {
        self.drain()?;
        self.channel.close(None)?;
        self.flush()
    }

    /// The channel: the identity of the other end.
    pub fn channel(&self) -> &Channel<B, C> {
        &self.channel
    }

    /// The stream below. Output that was not flushed is lost.
    pub fn into_inner(self) -> T {
        self.stream
    }

    fn drain(&mut self) -> Result<(), StreamError<T::Error>> {
        self.channel.seal()?;
        while !self.channel.pending().is_empty() {
            let count = self.stream.write(self.channel.pending()).map_err(StreamError::Stream)?;
            self.channel.transmitted(count)?;
        }
        Ok(())
    }
}

impl<T: ErrorType, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ErrorType for SecureStream<T, B, C> {
    type Error = StreamError<T::Error>;
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Read for SecureStream<T, B, C> {
    /// Returns 0 where the other end has closed; that it was cut off is [`Error::Truncated`].
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(count) = self.channel.read(into)? {
                return Ok(count);
            }
            let count = self.stream.read(self.channel.room()).map_err(StreamError::Stream)?;
            self.channel.received(count)?;
        }
    }
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Write for SecureStream<T, B, C> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            match self.channel.write(bytes)? {
                0 => self.drain()?,
                count => return Ok(count),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.drain()?;
        self.stream.flush().map_err(StreamError::Stream)
    }
}

impl<T: Read + Write + ReadReady, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ReadReady
    for SecureStream<T, B, C>
{
    /// Receives the bytes that have arrived; ready only when a record is complete.
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        while !self.channel.is_ready()? {
            if !self.stream.read_ready().map_err(StreamError::Stream)? {
                return Ok(false);
            }
            let count = self.stream.read(self.channel.room()).map_err(StreamError::Stream)?;
            match self.channel.received(count) {
                // The read that follows says so.
                Err(Error::Truncated) => return Ok(true),
                result => result?,
            }
        }
        Ok(true)
    }
}
