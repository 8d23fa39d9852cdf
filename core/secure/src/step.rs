//! The steps of a handshake.

/// The next step of a handshake.
#[derive(Debug)]
pub enum Step<'a> {
    /// Read at least one byte from the other end, then call
    /// [`Channel::handshake_received`](crate::Channel::handshake_received).
    Receive(&'a mut [u8]),
    /// Write at least one of these, then call [`Channel::transmitted`](crate::Channel::transmitted).
    Transmit(&'a [u8]),
    /// The handshake is over: the channel is open.
    Done,
}
