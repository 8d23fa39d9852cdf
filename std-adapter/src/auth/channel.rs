//! The channel of a secure socket, which frees its memory while it rests.

use std::io::{self, ErrorKind};

use memmap2::MmapMut;
use tinyferry_secure::{Channel, Error, PublicKey, Resting};

use super::aead::Fast;

/// The size of a buffer, and so of the largest record, in bytes.
const BUFFER: usize = 32 * 1024;

/// A channel with its buffers.
pub(super) type Awake = Channel<MmapMut, Fast>;

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
    Awake(Box<Awake>),
    Resting(Resting<Fast>),
}

impl SocketChannel {
    /// The channel. It wakes if it rests.
    pub(super) fn awake(&mut self) -> io::Result<&mut Awake> {
        if let Self::Resting(resting) = self {
            let channel = resting.resume(buffers()?).map_err(as_io)?;
            *self = Self::Awake(Box::new(channel));
        }
        match self {
            Self::Awake(channel) => Ok(channel),
            Self::Resting(_) => Err(as_io(Error::Closed)),
        }
    }

    /// The other end's public key.
    pub(super) fn peer(&self) -> Option<PublicKey> {
        match self {
            Self::Awake(channel) => channel.peer(),
            Self::Resting(resting) => resting.peer(),
        }
    }

    /// The number of sealed bytes that are not sent.
    pub(super) fn pending(&self) -> usize {
        match self {
            Self::Awake(channel) => channel.pending().len(),
            Self::Resting(_) => 0,
        }
    }

    /// Frees the memory, unless it is in use.
    pub(super) fn rest(&mut self) {
        if let Self::Awake(channel) = self
            && let Some(resting) = channel.rest()
        {
            *self = Self::Resting(resting);
        }
    }
}
