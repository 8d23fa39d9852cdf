//! The bytes of Telnet (RFC 854, RFC 855): data, and the commands between them.

/// Begins a command; as data it is doubled.
const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// The largest subnegotiation of which anything is used, in bytes.
const MAX_SUBNEGOTIATION: usize = 16;

/// The request or answer of one end about an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Will = 251,
    Wont = 252,
    Do = 253,
    Dont = 254,
}

impl Verb {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Will, Self::Wont, Self::Do, Self::Dont].into_iter().find(|verb| *verb as u8 == byte)
    }
}

/// A command of the other end. Commands without a meaning for clients are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Negotiate(Verb, u8),
    /// The option and its content. A longer one ends after [`MAX_SUBNEGOTIATION`] bytes.
    Subnegotiate(Vec<u8>),
}

/// Appends a statement about an option.
pub(super) fn negotiate(into: &mut Vec<u8>, verb: Verb, option: u8) {
    into.extend([IAC, verb as u8, option]);
}

/// Appends a subnegotiation: an option and its content.
pub(super) fn subnegotiate(into: &mut Vec<u8>, content: &[u8]) {
    into.extend([IAC, SB]);
    escape(into, content);
    into.extend([IAC, SE]);
}

/// Appends data.
pub(super) fn escape(into: &mut Vec<u8>, data: &[u8]) {
    for byte in data {
        into.push(*byte);
        if *byte == IAC {
            into.push(IAC);
        }
    }
}

/// The number of bytes of data in the first `count` escaped bytes, and whether the second half of the last one is
/// missing.
pub(super) fn unescaped(data: &[u8], count: usize) -> (usize, bool) {
    let mut escaped = 0;
    for (index, byte) in data.iter().enumerate() {
        if escaped >= count {
            return (index, escaped > count);
        }
        escaped += if *byte == IAC { 2 } else { 1 };
    }
    (data.len(), escaped > count)
}

/// Separates data and commands. Its input may be split anywhere.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Data,
    /// Behind the byte that begins a command.
    Command,
    Negotiate(Verb),
    Subnegotiate(Vec<u8>),
    /// Behind such a byte in a subnegotiation.
    InSubnegotiation(Vec<u8>),
}

impl Decoder {
    /// Moves the data in `bytes` to their front, and returns its length; calls `take` with each command.
    pub(super) fn decode(&mut self, bytes: &mut [u8], mut take: impl FnMut(Command)) -> usize {
        let mut length = 0;
        for index in 0..bytes.len() {
            let Some(byte) = bytes.get(index).copied() else { break };
            let (state, is_data) = self.step(byte, &mut take);
            self.state = state;
            if is_data && let Some(to) = bytes.get_mut(length) {
                *to = byte;
                length += 1;
            }
        }
        length
    }

    /// The state after a byte, and whether the byte is data.
    fn step(&mut self, byte: u8, take: &mut impl FnMut(Command)) -> (State, bool) {
        match (std::mem::take(&mut self.state), byte) {
            (State::Data, IAC) => (State::Command, false),
            (State::Data, _) | (State::Command, IAC) => (State::Data, true),
            (State::Command, SB) => (State::Subnegotiate(Vec::new()), false),
            (State::Command, _) => {
                (Verb::from_byte(byte).map_or(State::Data, State::Negotiate), false)
            }
            (State::Negotiate(verb), option) => {
                take(Command::Negotiate(verb, option));
                (State::Data, false)
            }
            (State::Subnegotiate(content), IAC) => (State::InSubnegotiation(content), false),
            (State::Subnegotiate(content), _) | (State::InSubnegotiation(content), IAC) => {
                (State::Subnegotiate(with(content, byte)), false)
            }
            (State::InSubnegotiation(content), SE) => {
                take(Command::Subnegotiate(content));
                (State::Data, false)
            }
            // The end of the subnegotiation is missing.
            (State::InSubnegotiation(_), _) => {
                self.state = State::Command;
                self.step(byte, take)
            }
        }
    }
}

fn with(mut content: Vec<u8>, byte: u8) -> Vec<u8> {
    if content.len() < MAX_SUBNEGOTIATION {
        content.push(byte);
    }
    content
}
