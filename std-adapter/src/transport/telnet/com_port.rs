//! The settings of a serial port at a server of RFC 2217.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::codec::{self, Command, Verb};
use super::{BINARY, COM_PORT, Telnet};
use crate::endpoint::{Flow, SerialSettings};
use crate::transport::control_lines::{self, ControlLines, without_lines};
use crate::transport::socket::{Socket, is_transient};

const SET_BAUD_RATE: u8 = 1;
const SET_DATA_SIZE: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOP_SIZE: u8 = 4;
const SET_CONTROL: u8 = 5;
/// The distance from a request to its answer.
const ANSWER: u8 = 100;

const NO_PARITY: u8 = 1;
const NO_FLOW_CONTROL: u8 = 1;
const HARDWARE_FLOW_CONTROL: u8 = 3;
const DTR_ON: u8 = 8;
const DTR_OFF: u8 = 9;
const RTS_ON: u8 = 11;
const RTS_OFF: u8 = 12;

/// The shortest wait; 0 would mean that there is no limit.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

const NO_ANSWER: &str = "the server does not answer as RFC 2217 says; use \
                         tcp://HOST:PORT?lossy=true if it only passes bytes";
const NO_ANSWER_ABOUT_LINES: &str = "the server does not answer requests to set DTR and RTS: its port may lack these \
                                     lines; leave out dtr, rts and reset";
const NO_OPTION: &str = "the server refuses to set its port (RFC 2217), or to pass each byte value; \
                         use another one";

/// Negotiates the option with the server behind `socket`, and sets its port. Earlier input is dropped.
///
/// # Errors
/// The server lacks the option, refuses a setting or does not answer within `timeout`, or those of the socket.
pub(crate) fn open<S: Socket>(
    socket: S,
    settings: &SerialSettings,
    timeout: Duration,
) -> io::Result<Telnet<S>> {
    let mut port =
        ComPort { telnet: Telnet::new(socket), end: Instant::now() + timeout, is_agreed: false };
    port.negotiate()?;
    port.set_baud_rate(settings.baud)?;
    port.set(SET_DATA_SIZE, 8, "8 data bits")?;
    port.set(SET_PARITY, NO_PARITY, "no parity")?;
    port.set(SET_STOP_SIZE, 1, "1 stop bit")?;
    // Flow control by hardware owns RTS: the lines are set before.
    port.set(SET_CONTROL, NO_FLOW_CONTROL, "flow=none")?;
    control_lines::set(&mut port, settings)?;
    if settings.flow == Flow::Hardware {
        port.set(SET_CONTROL, HARDWARE_FLOW_CONTROL, "flow=hardware")?;
    }
    Ok(port.telnet)
}

fn refused(sentence: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, sentence)
}

/// A port that is set.
struct ComPort<S> {
    telnet: Telnet<S>,
    /// When the server must have answered.
    end: Instant,
    /// Whether the server has the option.
    is_agreed: bool,
}

impl<S: Socket> ComPort<S> {
    fn negotiate(&mut self) -> io::Result<()> {
        while !self.is_agreed {
            self.step(|_| {})?;
        }
        Ok(())
    }

    /// Requests a setting; returns the answer.
    fn request(&mut self, request: u8, value: &[u8]) -> io::Result<Vec<u8>> {
        let content = [&[COM_PORT, request], value].concat();
        codec::subnegotiate(&mut self.telnet.waiting, &content);
        let mut answer = None;
        loop {
            self.step(|content| match content {
                [COM_PORT, code, value @ ..] if *code == request + ANSWER => {
                    answer = Some(value.to_vec());
                }
                _ => {}
            })?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
    }

    fn set_baud_rate(&mut self, wanted: u32) -> io::Result<()> {
        let answer = self.request(SET_BAUD_RATE, &wanted.to_be_bytes())?;
        match answer.try_into().map_or(0, u32::from_be_bytes) {
            baud if baud == wanted => Ok(()),
            0 => Err(refused(format!("the server does not set {wanted} baud"))),
            baud => Err(refused(format!("the server sets {baud} baud, not {wanted}"))),
        }
    }

    fn set(&mut self, request: u8, value: u8, name: &str) -> io::Result<()> {
        if self.request(request, &[value])? == [value] {
            return Ok(());
        }
        Err(refused(format!("the server does not set {name}")))
    }

    fn set_line(&mut self, value: u8) -> io::Result<()> {
        match self.request(SET_CONTROL, &[value]) {
            Ok(answer) if answer == [value] => Ok(()),
            Ok(_) => Err(without_lines()),
            Err(_) if self.left().is_zero() => Err(io::Error::other(NO_ANSWER_ABOUT_LINES)),
            Err(error) => Err(error),
        }
    }

    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Reads once; calls `see` with the content of each subnegotiation.
    fn step(&mut self, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        let left = self.left();
        if left.is_zero() {
            return Err(io::Error::other(NO_ANSWER));
        }
        self.telnet.set_read_timeout(Some(left.max(SHORTEST_WAIT)))?;
        let (mut is_refused, mut is_agreed) = (false, self.is_agreed);
        let result = self.telnet.receive_once(&mut [0; 512], |command| match command {
            Command::Negotiate(Verb::Do | Verb::Will, COM_PORT) => is_agreed = true,
            Command::Negotiate(Verb::Dont, COM_PORT)
            | Command::Negotiate(Verb::Dont | Verb::Wont, BINARY) => is_refused = true,
            Command::Negotiate(..) => {}
            Command::Subnegotiate(content) => see(content),
        });
        self.is_agreed = is_agreed;
        match result {
            _ if is_refused => Err(refused(NO_OPTION.to_owned())),
            Ok(0) => Err(io::Error::other("the server has closed the connection")),
            Err(error) if !is_transient(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

impl<S: Socket> ControlLines for ComPort<S> {
    fn set_dtr(&mut self, is_on: bool) -> io::Result<()> {
        self.set_line(if is_on { DTR_ON } else { DTR_OFF })
    }

    fn set_rts(&mut self, is_on: bool) -> io::Result<()> {
        self.set_line(if is_on { RTS_ON } else { RTS_OFF })
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
