//! Both directions of an asynchronous channel at once: for a caller that waits to read and to write at the same time,
//! as a session of Tinyferry does.
//!
//! The two halves share the channel by a [`RefCell`] that neither borrows while it waits. A read or
//! a write that is dropped before it is done loses nothing, if that is so of the stream below.

use core::cell::RefCell;

use embedded_io_async::{ErrorType, Read, Write};

use crate::bytes::copy;
use crate::channel::Channel;
use crate::ciphers::{Ciphers, Portable};
use crate::error::StreamError;

/// The largest piece that moves between the channel and the stream below, in bytes.
const STEP: usize = 64;

/// A reader and a writer as one stream, to shake hands over.
#[derive(Debug)]
pub struct Joined<R, W>(pub R, pub W);

impl<R: ErrorType, W> ErrorType for Joined<R, W> {
    type Error = R::Error;
}

impl<R: Read, W> Read for Joined<R, W> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, R::Error> {
        self.0.read(into).await
    }
}

impl<R: ErrorType, W: Write<Error = R::Error>> Write for Joined<R, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, R::Error> {
        self.1.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), R::Error> {
        self.1.flush().await
    }
}

/// The receiving half of a channel after its handshake.
#[derive(Debug)]
pub struct ReadHalf<'a, R, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers = Portable> {
    stream: R,
    channel: &'a RefCell<Channel<B, C>>,
}

impl<'a, R: Read, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ReadHalf<'a, R, B, C> {
    /// Reads records of `channel` from `stream`.
    pub const fn new(stream: R, channel: &'a RefCell<Channel<B, C>>) -> Self {
        Self { stream, channel }
    }
}

impl<R: ErrorType, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ErrorType for ReadHalf<'_, R, B, C> {
    type Error = StreamError<R::Error>;
}

impl<R: Read, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Read for ReadHalf<'_, R, B, C> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        loop {
            let room = {
                let mut channel = self.channel.borrow_mut();
                if let Some(count) = channel.read(into)? {
                    return Ok(count);
                }
                channel.room().len().min(STEP)
            };
            let mut bytes = [0; STEP];
            let some = bytes.get_mut(..room).unwrap_or_default();
            let count = self.stream.read(some).await.map_err(StreamError::Stream)?;
            let mut channel = self.channel.borrow_mut();
            copy(channel.room(), bytes.get(..count).unwrap_or_default());
            channel.received(count)?;
        }
    }
}

/// The sending half of a channel after its handshake.
#[derive(Debug)]
pub struct WriteHalf<'a, W, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers = Portable> {
    stream: W,
    channel: &'a RefCell<Channel<B, C>>,
}

impl<'a, W: Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> WriteHalf<'a, W, B, C> {
    /// Writes records of `channel` to `stream`.
    pub const fn new(stream: W, channel: &'a RefCell<Channel<B, C>>) -> Self {
        Self { stream, channel }
    }

    /// Says that nothing more comes, so that the other end can tell this from being cut off.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn close(&mut self) -> Result<(), StreamError<W::Error>> {
        self.drain().await?;
        self.channel.borrow_mut().close(None)?;
        self.flush().await
    }

    async fn drain(&mut self) -> Result<(), StreamError<W::Error>> {
        self.channel.borrow_mut().seal()?;
        loop {
            let mut bytes = [0; STEP];
            let length = copy(&mut bytes, self.channel.borrow().pending());
            if length == 0 {
                return Ok(());
            }
            let some = bytes.get(..length).unwrap_or_default();
            let count = self.stream.write(some).await.map_err(StreamError::Stream)?;
            self.channel.borrow_mut().transmitted(count)?;
        }
    }
}

impl<W: ErrorType, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> ErrorType for WriteHalf<'_, W, B, C> {
    type Error = StreamError<W::Error>;
}

impl<W: Write, B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Write for WriteHalf<'_, W, B, C> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let taken = self.channel.borrow_mut().write(bytes)?;
            match taken {
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
