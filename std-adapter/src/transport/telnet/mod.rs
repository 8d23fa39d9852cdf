//! Telnet as a byte stream: a socket without the commands, and the COM port option (RFC 2217).

mod codec;
mod com_port;
#[cfg(all(test, unix))]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use self::codec::{Command, Decoder, Verb};
pub(crate) use self::com_port::open;
use crate::transport::socket::{Socket, is_transient};

/// Every byte value is data (RFC 856).
const BINARY: u8 = 0;
/// No byte follows the data to pass the turn (RFC 858).
const SUPPRESS_GO_AHEAD: u8 = 3;
/// Settings of a serial port (RFC 2217).
const COM_PORT: u8 = 44;

/// The server has no room for data.
const SUSPEND: u8 = 108;
/// The server has room again.
const RESUME: u8 = 109;

/// How much data one write escapes, in bytes.
const WRITE_PIECE: usize = 4096;
/// How often a server without room is asked for commands.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A socket of a Telnet client that has requested its options.
#[derive(Debug)]
pub(crate) struct Telnet<S> {
    socket: S,
    decoder: Decoder,
    /// Commands, and the second half of an escaped byte: they are sent before further data.
    waiting: Vec<u8>,
    /// The statements about options. Each one is sent once, so that two ends cannot repeat theirs for ever.
    stated: BTreeSet<(Verb, u8)>,
    /// Whether the server has no room for data.
    is_suspended: bool,
    timeout: Option<Duration>,
}

impl<S: Socket> Telnet<S> {
    fn new(socket: S) -> Self {
        let mut this = Self {
            socket,
            decoder: Decoder::default(),
            waiting: Vec::new(),
            stated: BTreeSet::new(),
            is_suspended: false,
            timeout: None,
        };
        for option in [COM_PORT, BINARY, SUPPRESS_GO_AHEAD] {
            this.state(Verb::Will, option);
        }
        for option in [BINARY, SUPPRESS_GO_AHEAD] {
            this.state(Verb::Do, option);
        }
        this
    }

    fn state(&mut self, verb: Verb, option: u8) {
        if self.stated.insert((verb, option)) {
            codec::negotiate(&mut self.waiting, verb, option);
        }
    }

    /// Answers a command.
    fn answer(&mut self, command: &Command) {
        match command {
            Command::Negotiate(Verb::Will, option @ (BINARY | SUPPRESS_GO_AHEAD | COM_PORT)) => {
                self.state(Verb::Do, *option);
            }
            Command::Negotiate(Verb::Will, option) => self.state(Verb::Dont, *option),
            Command::Negotiate(Verb::Do, option)
                if !self.stated.contains(&(Verb::Will, *option)) =>
            {
                self.state(Verb::Wont, *option);
            }
            Command::Negotiate(..) => {}
            Command::Subnegotiate(content) => match content.as_slice() {
                [COM_PORT, SUSPEND] => self.is_suspended = true,
                [COM_PORT, RESUME] => self.is_suspended = false,
                _ => {}
            },
        }
    }

    /// Takes received bytes: moves the data to their front, returns its length, and calls `see` with each command.
    fn take(&mut self, bytes: &mut [u8], mut see: impl FnMut(&Command)) -> usize {
        let mut commands = Vec::new();
        let length = self.decoder.decode(bytes, |command| commands.push(command));
        for command in &commands {
            see(command);
            self.answer(command);
        }
        length
    }

    /// Sends the waiting bytes. Returns whether nothing is left.
    fn send_waiting(&mut self) -> io::Result<bool> {
        while !self.waiting.is_empty() {
            match self.socket.send_now(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.waiting.drain(..count.min(self.waiting.len()))),
                Err(error) if is_transient(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads data; `WouldBlock` if there were only commands, or no bytes in time.
    fn receive_once(&mut self, into: &mut [u8], see: impl FnMut(&Command)) -> io::Result<usize> {
        let count = if self.send_waiting()? {
            self.socket.receive(into)?
        } else {
            self.socket.wait_for_room(true, self.timeout.unwrap_or(POLL_INTERVAL))?;
            self.socket.receive_now(into)?
        };
        self.taken(into, count, see)
    }

    fn taken(
        &mut self,
        into: &mut [u8],
        count: usize,
        see: impl FnMut(&Command),
    ) -> io::Result<usize> {
        let received = into.get_mut(..count).unwrap_or_default();
        if received.is_empty() {
            return Ok(0);
        }
        match self.take(received, see) {
            0 => Err(ErrorKind::WouldBlock.into()),
            length => Ok(length),
        }
    }
}

impl<S: Socket> Socket for Telnet<S> {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let begin = Instant::now();
        loop {
            match self.receive_once(into, |_| {}) {
                Err(error)
                    if is_transient(&error)
                        && self.timeout.is_none_or(|timeout| begin.elapsed() < timeout) => {}
                result => return result,
            }
        }
    }

    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.receive_now(into)?;
        let result = self.taken(into, count, |_| {});
        self.send_waiting()?;
        result
    }

    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.send_waiting()? || self.is_suspended {
            return Err(ErrorKind::WouldBlock.into());
        }
        let piece = bytes.get(..WRITE_PIECE).unwrap_or(bytes);
        let mut escaped = Vec::with_capacity(2 * piece.len());
        codec::escape(&mut escaped, piece);
        let sent = self.socket.send_now(&escaped)?;
        let (count, is_half_missing) = codec::unescaped(piece, sent);
        if is_half_missing {
            self.waiting.extend(escaped.get(sent));
        }
        Ok(count)
    }

    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
        if self.is_suspended {
            // There is room in the socket. The caller reads the command that ends this state.
            std::thread::sleep(timeout.min(POLL_INTERVAL));
            return Ok(());
        }
        self.socket.wait_for_room(or_read, timeout)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.timeout = timeout;
        self.socket.set_read_timeout(timeout)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.send_waiting()?;
        self.socket.end_writing()
    }

    fn pending(&self) -> usize {
        self.socket.pending() + self.waiting.len()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.socket.set_write_timeout(timeout);
    }

    fn has_gone(&self) -> bool {
        self.socket.has_gone()
    }
}
