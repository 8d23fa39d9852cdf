//! The check of a line: hellos whose session numbers have chosen byte values, one after another.
//!
//! A fault counts as found only if a frame that is sent as that fault needs it arrives twice. Noise alone makes no such
//! frame.

mod search;

use std::io;
use std::time::{Duration, Instant};

use tinyferry_core::wire::Signal;

use super::fault::{Direction, Fault, LineFault};
use super::frames::{self, Frame};

/// The wait for the first reply.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The part of the wait for each reply that does not depend on the line: the reader at the other end takes a frame
/// behind a damaged one only after a silence.
const SHORTEST_WAIT: Duration = Duration::from_millis(150);
/// The pauses before hellos behind a damaged frame.
const SETTLING: [Duration; 4] = [
    Duration::from_millis(40),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(1200),
];
/// Stops the output of an end with flow control by software.
const XOFF: u8 = 0x13;
/// Continues it.
const XON: u8 = 0x11;
/// The longest check for a client.
pub(crate) const LONGEST: Duration = Duration::from_secs(12);
/// How often it is tried again if no known fault explains that it fails.
const TRIES_UNEXPLAINED: usize = 12;

/// Sends bytes, and reads until the time is over or the received bytes are enough.
pub(crate) type Exchange<'a> =
    dyn FnMut(&[u8], Duration, &mut dyn FnMut(&[u8]) -> bool) -> io::Result<Vec<u8>> + 'a;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    Fault(LineFault),
    /// The bytes of this end come back, and no server answers.
    Echo,
    /// The line has none of the faults that a check finds.
    Sound,
    /// No server answers.
    Silent,
}

/// Checks the line behind `exchange`, and begins no further search after the time `longest`. `random` makes session numbers.
pub(crate) fn check(
    exchange: &mut Exchange<'_>,
    random: u32,
    longest: Duration,
) -> io::Result<Finding> {
    let mut check = Check {
        exchange,
        random: random | 1,
        reply: frames::hello(*b"none"),
        wait: FIRST_WAIT,
        end: Instant::now() + longest,
        is_first: true,
        is_settled: true,
        seen: None,
    };
    let mut has_echo = false;
    for _ in 0..2 {
        let hello = check.hello(&[]);
        let received = check.exchange(&hello, |received| {
            frames::find_reply(received, &hello).is_some() || frames::is_changed(received, &hello)
        })?;
        let (reply, fault) = match frames::find_reply(&received, &hello) {
            Some(reply) => (Some(reply), None),
            None => frames::repaired(&received, &hello).unzip(),
        };
        if let Some(reply) = reply {
            check.reply = reply;
            check.is_first = false;
            check.seen.clone_from(&fault);
            // The first reply may have come behind the rest of a transfer.
            check.wait = check.settle()?.unwrap_or(FIRST_WAIT) * 2 + SHORTEST_WAIT;
            return check.find(fault);
        }
        has_echo |= received.windows(hello.len()).any(|window| window == hello);
    }
    Ok(if has_echo { Finding::Echo } else { Finding::Silent })
}

struct Check<'a, 'b> {
    exchange: &'a mut Exchange<'b>,
    random: u32,
    /// A reply of the server.
    reply: Frame,
    /// How long to wait for a reply.
    wait: Duration,
    end: Instant,
    /// Whether no reply has come: the server may wait for [`XON`].
    is_first: bool,
    /// Whether a hello was answered behind the last frame without an answer.
    is_settled: bool,
    /// The fault of the way from the server that the first reply has shown.
    seen: Option<Fault>,
}

/// Whether no line is known to change this byte.
fn is_plain(byte: u8) -> bool {
    (0x20..0x7e).contains(&byte)
}

fn contains(received: &[u8], part: &[u8]) -> bool {
    received.windows(part.len()).any(|window| window == part)
}

impl Check<'_, '_> {
    /// `seen`: a fault of the way from the server, which the first reply has shown.
    fn find(&mut self, seen: Option<Fault>) -> io::Result<Finding> {
        if let Some(direction) = self.proven(&Fault::SevenBits)? {
            return Ok(found(Fault::SevenBits, direction));
        }
        let seen = match seen {
            Some(fault) => self.proven(&fault)?.map(|direction| (fault, direction)),
            None => None,
        };
        // Of swallowed values there may be more.
        if let Some((fault, direction)) = &seen
            && !matches!(fault, Fault::Swallows(_))
        {
            return Ok(found(fault.clone(), *direction));
        }
        let values = self.values_that_fail()?;
        let mut swallowed: Vec<(u8, Direction)> = Vec::new();
        let mut others = Vec::new();
        for value in values {
            match self.explained(value)? {
                Some((Fault::Swallows(_), direction)) => swallowed.push((value, direction)),
                Some((fault, direction)) => return Ok(found(fault, direction)),
                None if self.passes_alone(value, TRIES_UNEXPLAINED)? => {}
                None => others.push(value),
            }
        }
        if let Some((_, direction)) = swallowed.first().copied() {
            let values = swallowed.into_iter().map(|(value, _)| value).collect();
            return Ok(found(Fault::Swallows(values), direction));
        }
        Ok(match seen {
            Some((fault, direction)) => found(fault, direction),
            None if others.is_empty() => Finding::Sound,
            None => found(Fault::Changes(others), Direction::Unknown),
        })
    }

    /// The fault of a value that fails.
    fn explained(&mut self, value: u8) -> io::Result<Option<(Fault, Direction)>> {
        for fault in Fault::of_value(value) {
            if let Some(direction) = self.proven(&fault)? {
                return Ok(Some((fault, direction)));
            }
        }
        Ok(None)
    }

    /// The direction of a fault, if frames that were made for it prove it.
    fn proven(&mut self, fault: &Fault) -> io::Result<Option<Direction>> {
        let Some((content, sent)) = fault.sent_for() else { return Ok(None) };
        for direction in [Direction::ToServer, Direction::FromServer] {
            let mut proofs = 0;
            for tries in 1..=3 {
                let is_there = if direction == Direction::ToServer {
                    self.reaches_server(fault, &content, &sent)?
                } else {
                    self.comes_back_changed(fault)?
                };
                proofs += usize::from(is_there);
                if proofs == 2 {
                    return Ok(Some(direction));
                }
                if proofs == 0 && tries == 2 {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Whether a frame that is only right behind the fault gets a reply.
    fn reaches_server(&mut self, fault: &Fault, content: &[u8], sent: &[u8]) -> io::Result<bool> {
        let hello = self.hello(content);
        let [before, number, behind, crc] = Signal::hello_parts(&hello);
        let rest = number.get(content.len()..).unwrap_or_default();
        let bytes = [before, sent, rest, behind, crc].concat();
        if fault.apply(&bytes) != hello {
            return Ok(false);
        }
        let reply = frames::reply_to(&hello, &self.reply);
        let back = [Some(fault.clone()), fault.opposite()].into_iter().flatten();
        let changed: Vec<_> = back.map(|fault| fault.apply(&reply)).collect();
        let is_reply = |received: &[u8]| {
            contains(received, &reply) || changed.iter().any(|reply| contains(received, reply))
        };
        let received = self.exchange(&bytes, is_reply)?;
        Ok(is_reply(&received))
    }

    /// Whether the reply to a right frame comes as the fault changes it.
    fn comes_back_changed(&mut self, fault: &Fault) -> io::Result<bool> {
        let hello = self.hello(&fault.changed());
        let reply = frames::reply_to(&hello, &self.reply);
        let changed = fault.apply(&reply);
        let is_reply = |received: &[u8]| contains(received, &reply) || contains(received, &changed);
        let received = self.exchange(&hello, is_reply)?;
        Ok(!contains(&received, &reply) && contains(&received, &changed))
    }

    /// Whether the reply to a hello comes as it is.
    fn is_answered(&mut self, hello: &Frame) -> io::Result<bool> {
        let is_reply = |received: &[u8]| frames::find_reply(received, hello).is_some();
        let received = self.exchange(hello, is_reply)?;
        Ok(is_reply(&received))
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        mut is_enough: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        // A byte by itself would look like the end of a frame with a gap: the other end would wait longer for gaps.
        let xon: &[u8] = if bytes.contains(&XOFF) || self.is_first { &[XON] } else { &[] };
        let received = (self.exchange)(&[bytes, xon].concat(), self.wait, &mut is_enough)?;
        self.is_settled = is_enough(&received) || self.is_first || self.settle()?.is_some();
        Ok(received)
    }

    /// Behind a damaged frame: sends hellos until one is answered, so that the other end does not take the next damaged
    /// frame for the rest of this one. Returns how long the answer took.
    fn settle(&mut self) -> io::Result<Option<Duration>> {
        for pause in SETTLING {
            (self.exchange)(&[], pause, &mut |_| false)?;
            let hello = self.hello(&[]);
            let reply = frames::reply_to(&hello, &self.reply);
            let changed = self.seen.as_ref().map_or(reply.to_vec(), |fault| fault.apply(&reply));
            let is_reply =
                |received: &[u8]| contains(received, &reply) || contains(received, &changed);
            let begin = Instant::now();
            let received = (self.exchange)(&hello, self.wait, &mut { is_reply })?;
            if is_reply(&received) {
                return Ok(Some(begin.elapsed()));
            }
        }
        Ok(None)
    }

    /// A hello whose session number begins with these bytes; the other bytes that differ from hello to hello are plain.
    fn hello(&mut self, content: &[u8]) -> Frame {
        loop {
            let mut number = self.next_random().to_le_bytes();
            for (byte, wanted) in number.iter_mut().zip(content) {
                *byte = *wanted;
            }
            let hello = frames::hello(number);
            let [.., crc] = Signal::hello_parts(&hello);
            let rest = number.iter().skip(content.len()).chain(crc);
            // The CRC of the reply is another one: faults are mostly of control characters and of 0xff.
            let reply = frames::reply_to(&hello, &self.reply);
            let [.., crc_of_reply] = Signal::hello_parts(&reply);
            let is_usual = |byte: &u8| !byte.is_ascii_control() && *byte != 0xff;
            if rest.copied().all(is_plain) && crc_of_reply.iter().all(is_usual) {
                return hello;
            }
        }
    }

    /// Another number (xorshift).
    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

fn found(fault: Fault, direction: Direction) -> Finding {
    Finding::Fault(LineFault { fault, direction })
}
