//! Gives the board its prompt back: ends the server and leaves the raw REPL.

use std::time::Duration;

use super::{CTRL_B, CTRL_D, END_SERVER, PROMPT, Step, behind, forget};

/// Leaves the raw REPL.
pub(crate) const PROMPT_AGAIN: [u8; 2] = [b'\r', CTRL_B];
/// Restarts the board, at the prompt for a person.
pub(crate) const RESTART: [u8; 1] = [CTRL_D];

/// How long the board may take for an answer.
const ANSWER: Duration = Duration::from_millis(500);
/// The number of attempts: a line may lose bytes.
const ATTEMPTS: u32 = 4;
/// The end of a script in the raw REPL: of its error, and the prompt.
const END_OF_SCRIPT: &[u8] = b"\x04>";

/// The way of a board from the server back to its prompt.
#[derive(Debug)]
pub(crate) struct Leaving {
    restarts: bool,
    attempts: u32,
    state: State,
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
    /// `restarts`: the board is restarted from its prompt.
    pub(crate) fn new(restarts: bool) -> Self {
        Self { restarts, attempts: 0, state: State::End, input: Vec::new() }
    }

    /// What to do next. The result is whether the board has shown its prompt.
    pub(crate) fn step(&mut self) -> Step<bool> {
        match self.state {
            State::End => {
                self.state = State::Ending;
                Step::Exchange(END_SERVER.to_vec(), ANSWER)
            }
            State::Leave => {
                self.state = State::Leaving;
                Step::Exchange(PROMPT_AGAIN.to_vec(), ANSWER)
            }
            State::Restart => {
                self.state = State::Over(true);
                Step::Exchange(RESTART.to_vec(), ANSWER)
            }
            State::Ending | State::Leaving => Step::Exchange(Vec::new(), ANSWER),
            State::Over(is_there) => Step::Over(is_there),
        }
    }

    /// Takes the received bytes; none: the time has passed.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
        let is_silent = bytes.is_empty();
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
