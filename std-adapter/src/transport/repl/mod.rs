//! The raw REPL of a board with MicroPython or CircuitPython: how a client starts a server there that speaks Tinyferry,
//! and how the board gets its prompt back.
//!
//! State machines without I/O: they return the bytes to send and the time to wait, and take the output of the board. They know
//! nothing of links, frames and files.

mod entry;
mod escape;
mod fault;
mod leaving;
mod script;
mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tinyferry_core::wire::FRAME_MAX;

pub(crate) use self::entry::{Entry, Ready};
pub(crate) use self::escape::{Unescape, escaped};
pub(crate) use self::fault::Fault;
pub(crate) use self::leaving::{Leaving, RESTART, end_of_server, prompt_again};
pub(crate) use self::script::{READY, packed, plain};

/// The byte of Ctrl-A: the raw REPL.
const CTRL_A: u8 = 1;
/// The byte of Ctrl-B: the prompt for a person.
const CTRL_B: u8 = 2;
/// The byte of Ctrl-C: interrupts the program.
const CTRL_C: u8 = 3;
/// The byte of Ctrl-D: the end of a script and of its output; at the prompt for a person the restart (soft reset).
const CTRL_D: u8 = 4;
/// The byte of Ctrl-E: the first one of a question about raw paste.
const CTRL_E: u8 = 5;
/// Ends a server that waits for the rest of a frame: a number of bytes past the longest frame. At a prompt they have no
/// effect.
const END_SERVER: [u8; FRAME_MAX + 64] = [CTRL_C; FRAME_MAX + 64];
/// Follows the first sentence of the raw REPL.
const RAW_PROMPT: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
/// The prompt for a person.
const PROMPT: &[u8] = b">>> ";

/// What a machine needs next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// To send these bytes, of which there may be none, and to take the first bytes that come, or none if no byte
    /// comes for this time.
    Exchange(Vec<u8>, Duration),
    /// Nothing: this is the result.
    Over(T),
}

/// The place behind the first `mark` in `bytes`.
fn behind(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|part| part == mark).map(|at| at + mark.len())
}

/// Keeps the end of `bytes`, which may be the begin of a mark with this length.
fn forget(bytes: &mut Vec<u8>, mark: usize) {
    let rest = bytes.len().saturating_sub(mark.saturating_sub(1));
    bytes.drain(..rest);
}
