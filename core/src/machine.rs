//! What a machine asks of its driver, one step at a time.

use crate::error::Failure;
use crate::store::Request;

/// Milliseconds from any origin; they wrap around.
pub type Millis = u32;

/// What is to be done next. The slice lent is the very one the machine works on.
///
/// Each step names the method that answers it. Asking for the step again before it is answered
/// gives the same step.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step<'a> {
    /// Send out what is still buffered, then read at least one byte from the peer: `received`.
    /// The end of the stream is 0 bytes.
    Receive(&'a mut [u8]),
    /// Write at least one of these bytes to the peer: `transmitted`.
    Transmit(&'a [u8]),
    /// Either, whichever is ready: read where bytes are waiting (`received`), else write what is
    /// there to write (`transmitted`, 0 where `out` is empty; what is still buffered goes out then).
    Exchange {
        /// To be written.
        out: &'a [u8],
        /// To be read into.
        into: &'a mut [u8],
    },
    /// Send out what is still buffered, see whether the stream still stands, and let others run:
    /// `transmitted`, 0.
    Pause,
    /// Let the store do this: `answered`.
    Storage(Request<'a>),
    /// The work is done, or cannot be done. Asking again gives the same.
    Over(Result<Outcome, Failure>),
}

/// What a session has done when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "model", derive(Hash))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// Files and directories offered, those refused included.
    pub entries: u32,
    /// Those that were refused or given up.
    pub refused: u32,
    /// Of a tree that came in: how many entries its sender did not offer, because no offer can name
    /// them.
    pub omitted: u32,
    /// Whether the other end asked this server to close, and it was allowed.
    pub closed: bool,
}
