//! Gives the board its prompt back: ends the server and leaves the raw REPL.

use std::time::Duration;

use super::script::FORGET;
use super::{CTRL_B, CTRL_C, CTRL_D, END_SERVER, PROMPT, Step, behind, forget};

/// Restarts the board, at the prompt for a person.
pub(crate) const RESTART: [u8; 1] = [CTRL_D];

/// How long the board may take for an answer.
const ANSWER: Duration = Duration::from_millis(500);
/// How long the board may print other text.
const NOISE: Duration = Duration::from_secs(1);
/// The number of attempts: a line may lose bytes.
const ATTEMPTS: u32 = 4;
/// The end of a script in the raw REPL: of its error, and the prompt.
const END_OF_SCRIPT: &[u8] = b"\x04>";

/// Ends the server. Where it cannot disable Ctrl-C, one interrupts it, and more of them its end.
pub(crate) fn end_of_server(is_escaped: bool) -> &'static [u8] {
    if is_escaped { &[CTRL_C] } else { &END_SERVER }
}

/// Removes the names that a server has left, and leaves the raw REPL. At the prompt for a person it is a line.
pub(crate) fn prompt_again() -> Vec<u8> {
    // Ctrl-C: the rest of a frame may be there.
    [&[CTRL_C], FORGET.as_bytes(), &[CTRL_D, b'\r', CTRL_B]].concat()
}

/// The way of a board from the server back to its prompt.
#[derive(Debug)]
pub(crate) struct Leaving {
    restarts: bool,
    /// Whether the server cannot disable Ctrl-C.
    is_escaped: bool,
    attempts: u32,
    state: State,
    /// The time since the last change of the state.
    waited: Duration,
    input: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The server is to be ended.
    End,
    /// Waits for the end of the server.
    Ending,
    /// The raw REPL is to be left.
    Leave,
    /// Waits for the prompt.
    Leaving,
    /// The board is to be restarted.
    Restart,
    /// Whether the prompt has come.
    Over(bool),
}

impl Leaving {
    /// `restarts`: the board is restarted from its prompt; `is_escaped`: the server cannot disable Ctrl-C.
    pub(crate) fn new(restarts: bool, is_escaped: bool) -> Self {
        let (attempts, waited, input) = (0, Duration::ZERO, Vec::new());
        Self { restarts, is_escaped, attempts, state: State::End, waited, input }
    }

    /// What to do next. The result is whether the board has shown its prompt.
    pub(crate) fn step(&mut self) -> Step<bool> {
        match self.state {
            State::End => {
                self.enter(State::Ending);
                Step::Exchange(end_of_server(self.is_escaped).to_vec(), ANSWER)
            }
            State::Leave => {
                self.enter(State::Leaving);
                Step::Exchange(prompt_again(), ANSWER)
            }
            State::Restart => {
                self.state = State::Over(true);
                Step::Exchange(RESTART.to_vec(), ANSWER)
            }
            State::Ending | State::Leaving => Step::Exchange(Vec::new(), ANSWER),
            State::Over(is_there) => Step::Over(is_there),
        }
    }

    fn enter(&mut self, state: State) {
        (self.state, self.waited) = (state, Duration::ZERO);
    }

    /// Takes the bytes that were received within `time`; none: the time has passed.
    pub(crate) fn received(&mut self, bytes: &[u8], time: Duration) {
        self.input.extend(bytes);
        self.waited += time;
        let is_silent = bytes.is_empty() || self.waited > NOISE;
        match self.state {
            // Without an answer the board may be at a prompt already.
            State::Ending if is_silent || behind(&self.input, END_OF_SCRIPT).is_some() => {
                self.input.clear();
                self.state = State::Leave;
            }
            State::Leaving if behind(&self.input, PROMPT).is_some() => {
                self.state = if self.restarts { State::Restart } else { State::Over(true) };
            }
            State::Leaving if is_silent => {
                self.attempts += 1;
                self.state = if self.attempts < ATTEMPTS { State::End } else { State::Over(false) };
            }
            _ => forget(&mut self.input, PROMPT.len().max(END_OF_SCRIPT.len())),
        }
    }
}
