//! Parses one frame at the front of a buffer.

use super::expect::accepts;
use super::text::may_be_signal;
use super::{Expect, Parsed};
use crate::profile::{Capabilities, Profile};
use crate::wire::{Code, HEADER_LEN, HOLE_LEN, Header, Hole, MARKER, SIGNAL_LEN, Signal};

/// Parses the frame at the front of `bytes`, wherever they are buffered; a signal is returned in
/// `signal`.
pub(crate) fn parse_frame<P: Profile>(
    bytes: &[u8],
    expect: &Expect,
    signal: &mut Signal,
) -> Parsed {
    match bytes.first() {
        None => Parsed::Incomplete { wanted: expect.wanted },
        Some(&MARKER) => parse_chunk::<P>(bytes, expect),
        Some(b'C' | b'S' | b'R' | b'D' | b'E' | b'P') => {
            parse_signal::<P>(bytes, expect.seed, signal)
        }
        Some(_) => Parsed::Damaged,
    }
}

fn parse_signal<P: Profile>(bytes: &[u8], seed: u32, into: &mut Signal) -> Parsed {
    match (bytes.first_chunk::<3>(), bytes.first_chunk::<SIGNAL_LEN>()) {
        (None, _) => Parsed::Incomplete { wanted: HEADER_LEN },
        (Some(letters), _) if !Code::is_code(*letters) => Parsed::Damaged,
        // Text with such letters need not be waited for.
        _ if P::has_console() && !may_be_signal(bytes) => Parsed::Damaged,
        (_, None) => Parsed::Incomplete { wanted: SIGNAL_LEN },
        (_, Some(bytes)) => match Signal::parse::<P::Checksums>(seed, bytes) {
            Some(signal) => {
                *into = signal;
                Parsed::Signal { in_sync: true }
            }
            None => Parsed::Damaged,
        },
    }
}

fn parse_chunk<P: Profile>(bytes: &[u8], expect: &Expect) -> Parsed {
    let Some(front) = bytes.first_chunk::<HEADER_LEN>() else {
        return Parsed::Incomplete { wanted: HEADER_LEN };
    };
    let Some(header) = Header::parse(front) else {
        let may_be_hole = P::has_holes() && expect.holes;
        return if may_be_hole { parse_hole::<P>(bytes, front, expect) } else { Parsed::Damaged };
    };
    let length = header.frame_len();
    let accepted = if P::lacks_room(header.length) { None } else { accepts(&header, expect) };
    let Some((seed, ahead)) = accepted else {
        return if expect.skips { Parsed::Unwanted { length } } else { Parsed::Damaged };
    };
    match bytes.get(HEADER_LEN..length) {
        None => Parsed::Incomplete { wanted: length },
        Some(payload) if !Header::verify::<P::Checksums>(seed, front, payload) => Parsed::Damaged,
        Some(_) if header.metadata => Parsed::Metadata { length: header.length },
        Some(_) => Parsed::Chunk { ahead, length: header.length },
    }
}

fn parse_hole<P: Profile>(bytes: &[u8], front: &[u8; HEADER_LEN], expect: &Expect) -> Parsed {
    let Some(header) = Hole::parse_header(front) else { return Parsed::Damaged };
    let Some((seed, _)) = accepts(&header, expect) else {
        let length = HOLE_LEN;
        return if expect.skips { Parsed::Unwanted { length } } else { Parsed::Damaged };
    };
    let Some(payload) = bytes.get(HEADER_LEN..HOLE_LEN) else {
        return Parsed::Incomplete { wanted: HOLE_LEN };
    };
    let is_valid = Header::verify::<P::Checksums>(seed, front, payload)
        && Hole::parse_payload(&header, payload).is_some();
    if is_valid { Parsed::Hole } else { Parsed::Damaged }
}
