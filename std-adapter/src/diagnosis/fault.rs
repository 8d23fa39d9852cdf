//! Faults of a line, and their sentences.

use std::fmt;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// A fault of a line: its effect on some byte values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It returns the bytes of this end.
    Echo,
    /// It clears bit 8 of each byte.
    SevenBits,
    /// Bytes of these values do not arrive; at least one.
    Swallows(Vec<u8>),
    /// A byte of this value arrives twice.
    Doubles(u8),
    /// Two bytes of this value in succession arrive as one.
    Halves(u8),
    /// A byte of the first value arrives as the second one.
    Replaces(u8, u8),
    /// Carriage return arrives with a line feed behind it.
    AddsLineFeed,
    /// A line feed arrives with carriage return before it.
    AddsCarriageReturn,
    /// Bytes of these values do not arrive as they are; at least one.
    Changes(Vec<u8>),
}

/// The direction in which a fault was found. The other one may have it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From this end to the server.
    ToServer,
    /// From the server to this end.
    FromServer,
    /// In both, or in one of the two.
    Unknown,
}

/// A fault with its direction. Its text advises a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineFault {
    /// The fault.
    pub fault: Fault,
    /// Where it is.
    pub direction: Direction,
}

impl Fault {
    /// The faults that a byte value which does not pass may have.
    pub(super) fn of_value(value: u8) -> Vec<Self> {
        let mut faults = vec![Self::Swallows(vec![value]), Self::Doubles(value)];
        match value {
            CR => faults.extend([Self::AddsLineFeed, Self::Replaces(CR, LF)]),
            LF => faults.extend([Self::AddsCarriageReturn, Self::Replaces(LF, CR)]),
            _ => faults.push(Self::Halves(value)),
        }
        faults
    }

    /// The bytes that arrive if these are sent.
    pub(super) fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut halves = false;
        let each = |byte: &u8| {
            let byte = *byte;
            let is_second = std::mem::replace(&mut halves, false);
            match self {
                Self::SevenBits => vec![byte & 0x7f],
                Self::Swallows(values) if values.contains(&byte) => vec![],
                Self::Doubles(value) if *value == byte => vec![byte; 2],
                Self::Halves(value) if *value == byte && is_second => vec![],
                Self::Halves(value) if *value == byte => {
                    halves = true;
                    vec![byte]
                }
                Self::Replaces(value, other) if *value == byte => vec![*other],
                Self::AddsLineFeed if byte == CR => vec![CR, LF],
                Self::AddsCarriageReturn if byte == LF => vec![CR, LF],
                _ => vec![byte],
            }
        };
        bytes.iter().flat_map(each).collect()
    }

    /// The bytes that a frame must have so that it can be sent for this fault, and those that are sent in their place.
    pub(super) fn sent_for(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some(match self {
            Self::SevenBits => (vec![b'A', b'b'], vec![b'A' | 0x80, b'b' | 0x80]),
            Self::Swallows(values) => {
                let value = *values.first()?;
                (b"ab".to_vec(), vec![b'a', value, b'b'])
            }
            Self::Doubles(value) => (vec![*value; 2], vec![*value]),
            Self::Halves(value) => (vec![*value], vec![*value; 2]),
            Self::Replaces(value, other) => (vec![*other], vec![*value]),
            Self::AddsLineFeed => (vec![CR, LF], vec![CR]),
            Self::AddsCarriageReturn => (vec![CR, LF], vec![LF]),
            Self::Echo | Self::Changes(_) => return None,
        })
    }

    /// The fault of the way back if a program between the two ends escapes a value on one way.
    pub(super) fn opposite(&self) -> Option<Self> {
        match self {
            Self::Doubles(value) => Some(Self::Halves(*value)),
            Self::Halves(value) => Some(Self::Doubles(*value)),
            _ => None,
        }
    }

    /// Bytes that this fault changes.
    pub(super) fn changed(&self) -> Vec<u8> {
        match self {
            Self::SevenBits => vec![b'A' | 0x80, b'b' | 0x80],
            Self::Swallows(values) | Self::Changes(values) => values.clone(),
            Self::Doubles(value) | Self::Replaces(value, _) => vec![*value],
            Self::Halves(value) => vec![*value; 2],
            Self::AddsLineFeed => vec![CR],
            Self::AddsCarriageReturn => vec![LF],
            Self::Echo => vec![],
        }
    }
}

/// `0x11 and 0x13`
struct Values<'a>(&'a [u8]);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let is_last = index + 1 == self.0.len();
            let before = if index == 0 { "" } else { if is_last { " and " } else { ", " } };
            write!(f, "{before}0x{value:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            Direction::ToServer => " on the way to the server",
            Direction::FromServer => " on the way from the server",
            Direction::Unknown => "",
        };
        match &self.fault {
            Fault::Echo => f.write_str(
                "this line returns the bytes of this end: the other end echoes, or the line is a loopback; start \
                 tinyferry serve at the other end",
            ),
            Fault::SevenBits => write!(
                f,
                "this line carries 7 bits of each byte{way}: set 8 data bits and no parity at both ends"
            ),
            Fault::Swallows(values) if values.iter().all(|value| [0x11, 0x13].contains(value)) => write!(
                f,
                "this line swallows {}{way}: XON/XOFF is on somewhere; turn flow control by software off",
                Values(values)
            ),
            Fault::Swallows(values) => write!(
                f,
                "this line swallows {}{way}: a terminal or a program between the two ends takes it; set \
                 it to pass every byte",
                Values(values)
            ),
            Fault::Doubles(0xff) => write!(
                f,
                "this line doubles 0xff{way}: a program between the two ends uses Telnet; use a raw port, \
                 or rfc2217://HOST:PORT"
            ),
            Fault::Doubles(value) => write!(f, "this line doubles 0x{value:02x}{way}"),
            Fault::Halves(0xff) => write!(
                f,
                "this line takes 0xff for a command of Telnet{way}; use a raw port, or rfc2217://HOST:PORT"
            ),
            Fault::Halves(value) => {
                write!(f, "this line takes two bytes 0x{value:02x} for one{way}")
            }
            Fault::Replaces(value, other) => write!(
                f,
                "this line changes 0x{value:02x} into 0x{other:02x}{way}: a terminal converts ends of \
                 lines; set it to pass every byte"
            ),
            Fault::AddsLineFeed => write!(
                f,
                "this line adds a line feed to each carriage return (0x0d){way}: a terminal converts ends \
                 of lines; set it to pass every byte"
            ),
            Fault::AddsCarriageReturn => write!(
                f,
                "this line adds a carriage return to each line feed (0x0a){way}: a terminal converts ends \
                 of lines; set it to pass every byte"
            ),
            Fault::Changes(values) => {
                write!(f, "this line does not pass the byte values {}{way}", Values(values))
            }
        }
    }
}
