//! The asynchronous driver, over `embedded-io-async`: the blocking one, awaiting.

use embedded_io_async::{ErrorType, Read, Write};

use crate::channel::Channel;
use crate::ciphers::{Ciphers, Portable};
use crate::error::StreamError;
use crate::keys::{Identity, PrivateKey, Trust};
use crate::step::Step;

/// The async form of [`SecureStream`](crate::SecureStream).
///
/// A read that is dropped before it is done loses nothing. A write or a flush that is dropped
/// leaves the remaining bytes to the next one.
#[derive(Debug)]
pub struct AsyncSecureStream<T, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers = Portable> {
    stream: T,
    channel: Channel<B, C>,
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> AsyncSecureStream<T, B, C> {
    /// A client, as [`SecureStream::connect`](crate::SecureStream::connect).
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn connect(
        stream: T,
        identity: &Identity,
        ephemeral: PrivateKey,
        trust: &mut dyn Trust,
        buffers: [B; 2],
    ) -> Result<Self, StreamError<T::Error>> {
        Self { stream, channel: Channel::client(identity, ephemeral, buffers)? }
            .handshake(trust)
            .await
    }

    /// A server, as [`SecureStream::accept`](crate::SecureStream::accept).
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn accept(
        stream: T,
        ephemeral: PrivateKey,
        trust: &mut dyn Trust,
        buffers: [B; 2],
    ) -> Result<Self, StreamError<T::Error>> {
        Self { stream, channel: Channel::server(ephemeral, buffers)? }.handshake(trust).await
    }

    async fn handshake(mut self, trust: &mut dyn Trust) -> Result<Self, StreamError<T::Error>> {
        loop {
            match self.channel.step()? {
                Step::Receive(into) => {
                    self.stream.flush().await.map_err(StreamError::Stream)?;
                    let count = self.stream.read(into).await.map_err(StreamError::Stream)?;
                    self.channel.handshake_received(count, trust)?;
                }
                Step::Transmit(out) => {
                    let count = self.stream.write(out).await.map_err(StreamError::Stream)?;
                    let sent = self.channel.transmitted(count);
                    if sent.is_err() {
                        self.stream.flush().await.map_err(StreamError::Stream)?;
                    }
                    sent?;
                }
                Step::Done => {
                    self.stream.flush().await.map_err(StreamError::Stream)?;
                    return Ok(self);
                }
            }
        }
    }

    /// Says that nothing more comes, so that the other end can tell this from being cut off.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn close(&mut self) -> Result<(), StreamError<T::Error>> {
        self.drain().await?;
        self.channel.close(None)?;
        self.flush().await
    }

    /// The channel: the identity of the other end.
    pub fn channel(&self) -> &Channel<B, C> {
        &self.channel
    }

    /// The stream below. Output that was not flushed is lost.
    pub fn into_inner(self) -> T {
        self.stream
    }

    /// The stream below and the channel, for [`ReadHalf`](crate::ReadHalf) and
    /// [`WriteHalf`](crate::WriteHalf).
    pub fn into_parts(self) -> (T, Channel<B, C>) {
        (self.stream, self.channel)
    }

    async fn drain(&mut self) -> Result<(), StreamError<T::Error>> {
        self.channel.seal()?;
        while !self.channel.pending().is_empty() {
            let sent = self.stream.write(self.channel.pending()).await;
            self.channel.transmitted(sent.map_err(StreamError::Stream)?)?;
        }
        Ok(())
    }
}

impl<T: ErrorType, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ErrorType
    for AsyncSecureStream<T, B, C>
{
    type Error = StreamError<T::Error>;
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Read
    for AsyncSecureStream<T, B, C>
{
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            if let Some(count) = self.channel.read(into)? {
                return Ok(count);
            }
            let count = self.stream.read(self.channel.room()).await;
            self.channel.received(count.map_err(StreamError::Stream)?)?;
        }
    }
}

impl<T: Read + Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Write
    for AsyncSecureStream<T, B, C>
{
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            match self.channel.write(bytes)? {
                0 => self.drain().await?,
                count => return Ok(count),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.drain().await?;
        self.stream.flush().await.map_err(StreamError::Stream)
    }
}
