//! `tinyferry console`: the keyboard and the screen of a board while no transfer runs.

use std::io::{IsTerminal, Read, stdin};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::keyboard::Keyboard;
use crate::args::ConsoleArgs;
use crate::exit::{CliError, Exit};
use crate::message::{Context, Task};
use crate::output::{self, remark};
use crate::signals;

/// The key that leaves: Ctrl-].
const LEAVE: u8 = 0x1D;
/// The longest delay of a key.
const WAIT: Duration = Duration::from_millis(20);
/// A board that prints nothing for this time has answered the last input of a pipe.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest wait for that.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// The input of this program.
enum Input {
    Bytes(Vec<u8>),
    /// The leave key was pressed, behind these bytes.
    Leave(Vec<u8>),
    End,
}

pub(crate) fn run(args: &ConsoleArgs) -> Result<Exit, CliError> {
    let peer = &args.peer;
    peer.check_console()?;
    signals::before_end(Task::Query, true)?;
    let failed = |error| Context::new(Task::Query, &peer.endpoint, true, "").error(&error);
    let mut console = peer.open_console().map_err(failed)?;
    let is_terminal = stdin().is_terminal();
    let keyboard = if is_terminal { Keyboard::start()? } else { None };
    let leaving = if keyboard.is_some() { "Ctrl-] leaves" } else { "Ctrl-C leaves" };
    remark(format_args!("tinyferry: the console of {}; {leaving}", peer.endpoint));
    let input = read_input(keyboard.is_some())?;
    let mut state = State::new();
    loop {
        let sent = match input.try_recv() {
            Ok(Input::Bytes(bytes)) => {
                state.has_input = true;
                bytes
            }
            Ok(Input::Leave(bytes)) => {
                state.has_left = true;
                bytes
            }
            Ok(Input::End) | Err(TryRecvError::Disconnected) => {
                state.ended_at.get_or_insert_with(Instant::now);
                Vec::new()
            }
            Err(TryRecvError::Empty) => Vec::new(),
        };
        let text = console.exchange(&sent, WAIT).map_err(failed)?;
        if !text.is_empty() {
            state.text_at = Instant::now();
            if !output::bytes(&text) || !output::flush() {
                return Ok(Exit::Done);
            }
        }
        if state.is_over() {
            drop(keyboard);
            if is_terminal {
                remark(format_args!(""));
            }
            return Ok(Exit::Done);
        }
    }
}

/// The input so far, and the answers.
struct State {
    /// Whether any input has come.
    has_input: bool,
    has_left: bool,
    /// When the input has ended.
    ended_at: Option<Instant>,
    /// When text came last.
    text_at: Instant,
}

impl State {
    fn new() -> Self {
        Self { has_input: false, has_left: false, ended_at: None, text_at: Instant::now() }
    }

    /// Whether the command ends. Without any input, as from `/dev/null`, the text is printed until a signal comes.
    fn is_over(&self) -> bool {
        let is_answered = self.ended_at.is_some_and(|at| {
            let is_silent = self.text_at.max(at).elapsed() >= SILENCE;
            self.has_input && (is_silent || at.elapsed() >= LONGEST_ANSWER)
        });
        self.has_left || is_answered
    }
}

/// Reads standard input on a thread.
fn read_input(has_leave_key: bool) -> Result<Receiver<Input>, CliError> {
    let (sender, input) = channel();
    let read = move || {
        let mut buffer = [0; 256];
        loop {
            let bytes = match stdin().lock().read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
            };
            let leave = bytes.iter().position(|byte| has_leave_key && *byte == LEAVE);
            let input = match leave {
                Some(at) => Input::Leave(bytes.get(..at).unwrap_or_default().to_vec()),
                None => Input::Bytes(bytes.to_vec()),
            };
            if sender.send(input).is_err() {
                return;
            }
        }
        let _ = sender.send(Input::End);
    };
    thread::Builder::new().name("keyboard".into()).spawn(read)?;
    Ok(input)
}
