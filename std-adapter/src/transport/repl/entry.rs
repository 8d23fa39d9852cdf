//! Starts the server: interrupts the program of the board, enters the raw REPL, and runs the pieces of a script.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use self::waits::next_attempt;
use super::fault::Fault;
use super::script::IS_ESCAPED;
use super::state::State;
use super::{CTRL_A, CTRL_C, CTRL_D, CTRL_E, END_SERVER, RAW_PROMPT, Step, behind, forget};

mod waits;

/// Interrupts the program, and enters the raw REPL.
const ENTER: [u8; 5] = [b'\r', CTRL_C, CTRL_C, b'\r', CTRL_A];

/// How long the board may take for its answer to an attempt to enter the raw REPL.
const ATTEMPT: Duration = Duration::from_millis(400);
/// The output of a program that does not end, after which the next attempt is made, in bytes.
const MOST_NOISE: usize = 16 * 1024;
/// How long a command may take for its first output: it may set its terminal up meanwhile, where Ctrl-C would end it.
const LISTEN: Duration = Duration::from_secs(2);
/// The silence after which late answers to earlier attempts are all in.
const SETTLE: Duration = Duration::from_millis(150);
/// How long the board may take to answer in the raw REPL: it compiles meanwhile.
const ANSWER: Duration = Duration::from_secs(10);
/// Without raw paste: the number of bytes that a board takes at once, and its time for them.
const PORTION: usize = 128;
const PORTION_TIME: Duration = Duration::from_millis(15);
/// The part of a text that an error shows, in bytes.
const MOST_TEXT: usize = 200;

/// The server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Whether the bytes of both directions are escaped: [`escaped`](super::escaped).
    pub(crate) is_escaped: bool,
}

/// The start of a server.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The pieces that were not sent yet, the next one last.
    pieces: Vec<Vec<u8>>,
    /// Whether the pieces have bytes that only raw paste passes.
    needs_paste: bool,
    /// The line that the last piece prints.
    ready: &'static [u8],
    state: State,
    /// How far it was when the last bytes were used, and the time since then.
    progress: (Discriminant<State>, usize),
    waited: Duration,
    /// Received bytes that no state has used.
    pub(super) input: Vec<u8>,
}

impl Entry {
    /// `ready`: the line that the last piece prints when it runs.
    pub(crate) fn new(mut pieces: Vec<Vec<u8>>, ready: &'static [u8]) -> Self {
        pieces.reverse();
        // Without raw paste these bytes have a meaning.
        let needs_paste = pieces.iter().flatten().any(|byte| (CTRL_A..=CTRL_E).contains(byte));
        let state = State::Enter(0);
        let progress = (discriminant(&state), 0);
        let (waited, input) = (Duration::ZERO, Vec::new());
        Self { pieces, needs_paste, ready, state, progress, waited, input }
    }

    /// The same, over a command that has just been started.
    pub(crate) fn listening(self) -> Self {
        Self { state: State::Listening(0), ..self }
    }

    /// The next step.
    pub(crate) fn step(&mut self) -> Step<Result<Ready, Fault>> {
        let exchange = |bytes: &[u8], time| Step::Exchange(bytes.to_vec(), time);
        match &mut self.state {
            State::Listening(0) => exchange(&[], LISTEN),
            State::Listening(_) => exchange(&[], SETTLE),
            State::Enter(attempts) => {
                let mut bytes = Vec::new();
                if *attempts > 0 {
                    bytes.extend(END_SERVER);
                }
                bytes.extend(ENTER);
                self.state = State::Entering { attempts: *attempts, noise: 0 };
                Step::Exchange(bytes, ATTEMPT)
            }
            State::Entering { .. } => exchange(&[], ATTEMPT),
            State::Settling { .. } => exchange(&[], SETTLE),
            State::Prompt => {
                self.state = State::Asked;
                exchange(&[CTRL_E, b'A', CTRL_A], ANSWER)
            }
            State::Pasting { piece, sent, room, .. } if *sent < piece.len() => {
                let part = piece.get(*sent..).unwrap_or_default();
                let part = part.get(..*room).unwrap_or(part).to_vec();
                *sent += part.len();
                *room -= part.len();
                // The end needs no room.
                let end: &[u8] = if *sent == piece.len() { &[CTRL_D] } else { &[] };
                if !end.is_empty() {
                    self.state = State::Sent { acknowledgement: &[CTRL_D] };
                }
                exchange(&[&part, end].concat(), ANSWER)
            }
            State::Refused => {
                self.state = State::Output;
                exchange(&[CTRL_D], ANSWER)
            }
            State::Typing { piece, sent } if *sent < piece.len() => {
                let part = piece.get(*sent..).unwrap_or_default();
                let part = part.get(..PORTION).unwrap_or(part).to_vec();
                *sent += part.len();
                Step::Exchange(part, PORTION_TIME)
            }
            State::Typing { .. } => {
                self.state = State::Sent { acknowledgement: b"OK" };
                exchange(&[CTRL_D], ANSWER)
            }
            State::Over(result) => Step::Over(result.clone()),
            State::Pasting { .. }
            | State::Asked
            | State::Sent { .. }
            | State::Output
            | State::Error
            | State::Ended => exchange(&[], ANSWER),
        }
    }

    /// Uses the input; returns whether another state may use the rest.
    fn advance(&mut self) -> bool {
        match &mut self.state {
            State::Enter(_) | State::Prompt | State::Refused | State::Over(_) => return false,
            State::Listening(output) => {
                *output += self.input.len();
                self.input.clear();
                if *output > MOST_NOISE {
                    self.state = State::Enter(0);
                }
                return false;
            }
            State::Entering { attempts, noise } => {
                if let Some(end) = behind(&self.input, RAW_PROMPT) {
                    self.input.drain(..end);
                    self.state = match *attempts {
                        0 => State::Prompt,
                        attempts => State::Settling { attempts },
                    };
                    return true;
                }
                if self.input.len() > MOST_TEXT + RAW_PROMPT.len() {
                    *noise += self.input.len();
                    forget(&mut self.input, MOST_TEXT);
                    *noise -= self.input.len();
                }
                if *noise > MOST_NOISE {
                    self.state = next_attempt(*attempts, &self.input);
                }
                return false;
            }
            State::Settling { .. } => {
                self.input.clear();
                return false;
            }
            State::Asked => return self.asked(),
            State::Pasting { room, window, .. } => {
                let granted = self.input.iter().filter(|byte| **byte == CTRL_A).count();
                *room = room.saturating_add(granted.saturating_mul(*window));
                let is_ended = self.input.contains(&CTRL_D);
                self.input.clear();
                if is_ended {
                    self.state = State::Refused;
                }
                return false;
            }
            // An error of a board that compiles while it reads comes behind the acknowledgement.
            State::Typing { .. } => return false,
            State::Sent { acknowledgement } => {
                let Some(end) = behind(&self.input, acknowledgement) else {
                    forget(&mut self.input, MOST_TEXT);
                    return false;
                };
                self.input.drain(..end);
                self.state = State::Output;
            }
            State::Output => {
                if self.pieces.is_empty()
                    && let Some(rest) = rest_of_line(&self.input, self.ready)
                {
                    let is_escaped = rest.starts_with(IS_ESCAPED);
                    self.state = State::Over(Ok(Ready { is_escaped }));
                    return false;
                }
                let Some(end) = behind(&self.input, &[CTRL_D]) else {
                    forget(&mut self.input, MOST_TEXT);
                    return false;
                };
                self.input.drain(..end);
                self.state = State::Error;
            }
            State::Error => {
                let Some(end) = behind(&self.input, &[CTRL_D]) else {
                    forget(&mut self.input, 4 * MOST_TEXT);
                    return false;
                };
                let text: Vec<u8> = self.input.drain(..end).collect();
                let text = text.strip_suffix(&[CTRL_D]).unwrap_or(&text).to_vec();
                let is_last = self.pieces.is_empty();
                self.state = match text.is_empty() && !is_last {
                    true => State::Ended,
                    false => State::Over(Err(Fault::Script(text))),
                };
            }
            State::Ended => {
                let Some(end) = behind(&self.input, b">") else {
                    self.input.clear();
                    return false;
                };
                self.input.drain(..end);
                self.state = State::Prompt;
            }
        }
        true
    }

    /// Takes the answer whether the board knows raw paste.
    fn asked(&mut self) -> bool {
        // A board that does not know the question answers with the sentence of the raw REPL, which begins with "r".
        let knows = behind(&self.input, b"R\x01");
        let does_not = behind(&self.input, b"R\x00").or_else(|| behind(&self.input, RAW_PROMPT));
        match (knows, does_not) {
            (Some(end), _) => {
                let Some(&[low, high]) = self.input.get(end..end + 2) else { return false };
                self.input.drain(..end + 2);
                let window = usize::from(u16::from_le_bytes([low, high]));
                let piece = self.pieces.pop().unwrap_or_default();
                self.state = State::Pasting { piece, sent: 0, room: window, window };
            }
            (None, Some(_)) if self.needs_paste => self.state = State::Over(Err(Fault::NoPaste)),
            (None, Some(end)) => {
                self.input.drain(..end);
                let piece = self.pieces.pop().unwrap_or_default();
                self.state = State::Typing { piece, sent: 0 };
            }
            (None, None) => {
                forget(&mut self.input, MOST_TEXT);
                return false;
            }
        }
        true
    }
}

/// The rest of the line with this begin, if its end is there.
fn rest_of_line<'a>(bytes: &'a [u8], begin: &[u8]) -> Option<&'a [u8]> {
    let rest = bytes.get(behind(bytes, begin)?..)?;
    rest.get(..rest.iter().position(|byte| *byte == b'\n')?)
}
