//! The channel of a secure socket, which frees its memory while it is suspended.

use std::io::{self, ErrorKind};

use memmap2::MmapMut;
use tinyferry_secure::{Channel, Error, PublicKey, Suspended};

use super::aead::Fast;

/// The size of a buffer, and so of the largest record, in bytes.
const BUFFER: usize = 32 * 1024;

/// A channel with its buffers.
pub(super) type Active = Channel<MmapMut, Fast>;

/// Both buffers. Their memory returns to the system when they are freed.
pub(super) fn buffers() -> io::Result<[MmapMut; 2]> {
    Ok([MmapMut::map_anon(BUFFER)?, MmapMut::map_anon(BUFFER)?])
}

/// Wraps an error of the channel in one of the system.
pub(super) fn as_io(error: Error) -> io::Error {
    let kind = match error {
        Error::Truncated => ErrorKind::ConnectionReset,
        Error::Closed => ErrorKind::BrokenPipe,
        Error::Refused(_) | Error::NotTrusted => ErrorKind::PermissionDenied,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}

/// The channel after its handshake.
#[derive(Debug)]
pub(super) enum SocketChannel {
    Active(Box<Active>),
    Suspended(Suspended<Fast>),
}

impl SocketChannel {
    /// The channel. It is resumed if it is suspended.
    pub(super) fn active(&mut self) -> io::Result<&mut Active> {
        if let Self::Suspended(suspended) = self {
            let channel = suspended.resume(buffers()?).map_err(as_io)?;
            *self = Self::Active(Box::new(channel));
        }
        match self {
            Self::Active(channel) => Ok(channel),
            Self::Suspended(_) => Err(as_io(Error::Closed)),
        }
    }

    /// The other end's public key.
    pub(super) fn peer(&self) -> Option<PublicKey> {
        match self {
            Self::Active(channel) => channel.peer(),
            Self::Suspended(suspended) => suspended.peer(),
        }
    }

    /// The number of sealed bytes that are not sent.
    pub(super) fn pending(&self) -> usize {
        match self {
            Self::Active(channel) => channel.pending().len(),
            Self::Suspended(_) => 0,
        }
    }

    /// Frees the memory, unless it is in use.
    pub(super) fn suspend(&mut self) {
        if let Self::Active(channel) = self
            && let Some(suspended) = channel.suspend()
        {
            *self = Self::Suspended(suspended);
        }
    }
}
