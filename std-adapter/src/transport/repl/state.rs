//! The states of the start of a server.

use super::entry::Ready;
use super::fault::Fault;

/// The state of the start of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A command is set up; the number of bytes of its output.
    Listening(usize),
    /// The next attempt to enter the raw REPL is due; the number of those before.
    Enter(u32),
    /// Waits for the raw REPL.
    Entering {
        attempts: u32,
        noise: usize,
    },
    /// Waits until all answers to several attempts have come.
    Settling {
        attempts: u32,
    },
    /// In the raw REPL: the next piece is due.
    Prompt,
    /// Has asked whether the board knows raw paste.
    Asked,
    /// Sends a piece by raw paste: at most `room` bytes before the board allows `window` more.
    Pasting {
        piece: Vec<u8>,
        sent: usize,
        room: usize,
        window: usize,
    },
    /// The board takes no more of the piece, and waits for its end.
    Refused,
    /// Sends a piece to a board without raw paste.
    Typing {
        piece: Vec<u8>,
        sent: usize,
    },
    /// Has sent a piece, waits for the acknowledgement.
    Sent {
        acknowledgement: &'static [u8],
    },
    /// The piece runs.
    Output,
    /// Waits for the end of the text of an error.
    Error,
    /// Waits for the prompt behind a piece.
    Ended,
    Over(Result<Ready, Fault>),
}
