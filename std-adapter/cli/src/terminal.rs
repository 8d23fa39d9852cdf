//! The terminal that standard error is. The state of a transfer is one line there, below all other lines. It is drawn
//! through the queue of standard error: a terminal that is stopped or that nobody reads does not block a transfer.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::error_queue;

/// The width if the terminal does not know its own, in columns.
const USUAL_WIDTH: usize = 80;
/// Erases the line of the state. The cursor is at its start: if a terminal that has become narrower has wrapped the line,
/// the rest is below.
const ERASE: &str = "\r\x1b[J";

/// The line of the state.
static STATE: Mutex<State> = Mutex::new(State::Hidden);

/// The line of the state.
enum State {
    Hidden,
    /// It has this text.
    Shown(String),
    /// The program ends: it is not shown again.
    Over,
}

/// Whether standard error is a terminal that understands escape sequences.
pub(crate) fn has_escapes() -> bool {
    stderr().is_terminal() && is_capable()
}

/// Whether the terminal of this program understands escape sequences.
pub(crate) fn is_capable() -> bool {
    std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// The number of columns of the terminal now.
pub(crate) fn columns() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(stderr())
        && size.ws_col > 0
    {
        return size.ws_col.into();
    }
    USUAL_WIDTH
}

/// Shows the state as `text`, which fits into a row.
pub(crate) fn show_state(text: String) {
    let mut state = lock();
    let is_new = match &*state {
        State::Over => false,
        State::Hidden => true,
        State::Shown(shown) => *shown != text,
    };
    if is_new {
        error_queue::frame(&format!("\r{text}\x1b[J\r"));
        *state = State::Shown(text);
    }
}

/// Hides the state.
pub(crate) fn hide_state() {
    print(error_queue::frame);
}

/// Hides the state, and prints by `print`, which gets the bytes to write first.
pub(crate) fn print<T>(print: impl FnOnce(&'static str) -> T) -> T {
    let mut state = lock();
    let erase = hide(&mut state);
    print(erase)
}

/// Hides the state for good. Returns the bytes to write. Does not wait for a thread that prints.
pub(crate) fn end_state() -> &'static str {
    let mut state = match STATE.try_lock() {
        Ok(state) => state,
        Err(TryLockError::Poisoned(state)) => state.into_inner(),
        Err(TryLockError::WouldBlock) => return "",
    };
    let erase = hide(&mut state);
    *state = State::Over;
    erase
}

fn hide(state: &mut State) -> &'static str {
    match state {
        State::Shown(_) => {
            *state = State::Hidden;
            ERASE
        }
        State::Hidden | State::Over => "",
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
