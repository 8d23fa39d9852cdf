//! The waits for a board, and their ends: silence, or output that is no answer.

use super::*;

/// The number of attempts: a board may have to boot first.
const ATTEMPTS: u32 = 25;
/// The time for which a board may print other text, after which the next attempt is made.
const NOISE: Duration = Duration::from_secs(1);

impl Entry {
    /// Takes the bytes that were received within `time`; none: the time has passed.
    pub(crate) fn received(&mut self, bytes: &[u8], time: Duration) {
        self.input.extend(bytes);
        if bytes.is_empty() {
            self.silence();
        }
        while self.advance() {}
        let progress = (discriminant(&self.state), self.step_of_state());
        self.waited = if progress == self.progress { self.waited + time } else { Duration::ZERO };
        self.progress = progress;
        self.noise();
    }

    /// A number that changes where a state makes progress.
    fn step_of_state(&self) -> usize {
        match &self.state {
            State::Pasting { sent, room, .. } => sent.wrapping_add(*room),
            State::Typing { sent, .. } => *sent,
            _ => 0,
        }
    }

    /// Ends the wait of a state to which the board only prints other text.
    fn noise(&mut self) {
        match &self.state {
            State::Listening(_) if self.waited > LISTEN => self.state = State::Enter(0),
            State::Entering { attempts, .. } | State::Settling { attempts }
                if self.waited > NOISE =>
            {
                self.state = next_attempt(*attempts, &self.input);
            }
            State::Asked
            | State::Pasting { .. }
            | State::Sent { .. }
            | State::Output
            | State::Error
            | State::Ended
                if self.waited > ANSWER =>
            {
                self.state = State::Over(Err(Fault::Noise(end_of(&self.input))));
            }
            _ => {}
        }
    }

    fn silence(&mut self) {
        match &mut self.state {
            State::Entering { attempts, .. } => self.state = next_attempt(*attempts, &self.input),
            State::Listening(_) => self.state = State::Enter(0),
            State::Settling { .. } => {
                self.input.clear();
                self.state = State::Prompt;
            }
            // The time is that of a portion.
            State::Typing { .. }
            | State::Enter(_)
            | State::Prompt
            | State::Refused
            | State::Over(_) => {}
            State::Asked
            | State::Pasting { .. }
            | State::Sent { .. }
            | State::Output
            | State::Error
            | State::Ended => {
                self.state = State::Over(Err(Fault::Silent(end_of(&self.input))));
            }
        }
    }
}

/// The next attempt, or none.
pub(super) fn next_attempt(attempts: u32, input: &[u8]) -> State {
    match attempts + 1 {
        ATTEMPTS if behind(input, &ENTER).is_some() => State::Over(Err(Fault::Echo)),
        ATTEMPTS => State::Over(Err(Fault::NoPrompt(end_of(input)))),
        attempts => State::Enter(attempts),
    }
}

/// The end of a text, for an error.
fn end_of(input: &[u8]) -> Vec<u8> {
    let mut text = input.to_vec();
    forget(&mut text, MOST_TEXT);
    text
}
