//! The frames of a check: hellos with chosen bytes in their session number, and the replies to them.

use tinyferry_core::Profile;
use tinyferry_core::wire::{Code, Hello, SIGNAL_LEN, Signal, VERSION};

use super::fault::Fault;
use crate::checksum::Desktop;

type Checksums = <Desktop as Profile>::Checksums;

/// A hello or the reply to one.
pub(super) type Frame = [u8; SIGNAL_LEN];

/// A hello with this session number. It asks for little, so that few of its other bytes are large.
pub(super) fn hello(number: [u8; 4]) -> Frame {
    let hello = Hello {
        session: u32::from_le_bytes(number),
        version: VERSION,
        lossy: true,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        block: 0,
        credit: 4,
    };
    emit(&Signal::hello(Code::Pin, &hello))
}

fn emit(signal: &Signal) -> Frame {
    let mut frame = [0; SIGNAL_LEN];
    signal.emit::<Checksums>(0, &mut frame);
    frame
}

/// The session number of a hello or a reply.
fn number(frame: &Frame) -> u32 {
    let [_, number, ..] = Signal::hello_parts(frame);
    number.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// The reply of the same server to another hello.
pub(super) fn reply_to(hello: &Frame, reply: &Frame) -> Frame {
    match Signal::parse::<Checksums>(0, reply) {
        Some(signal) => emit(&signal.in_session(number(hello))),
        None => *reply,
    }
}

/// The reply to a hello in received bytes.
pub(super) fn find_reply(received: &[u8], hello: &Frame) -> Option<Frame> {
    received.windows(SIGNAL_LEN).find_map(|window| valid(window, hello))
}

/// These bytes, if they are the reply.
fn valid(bytes: &[u8], hello: &Frame) -> Option<Frame> {
    let frame: &Frame = bytes.try_into().ok()?;
    let signal = Signal::parse::<Checksums>(0, frame)?;
    let is_reply = signal.code == Code::Pon && signal.transfer == 0;
    (is_reply && number(frame) == number(hello)).then_some(*frame)
}

/// Where a reply may begin.
fn begins(received: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rests = (0..received.len()).filter_map(|begin| received.get(begin..));
    rests.filter(|rest| rest.starts_with(&Code::Pon.letters()))
}

/// Whether the reply has come as a fault of bit 8 or of added bytes changes it.
pub(super) fn is_changed(received: &[u8], hello: &Frame) -> bool {
    begins(received).any(|rest| seven_bits(rest, hello).or_else(|| doubled(rest, hello)).is_some())
}

/// The reply in bytes that a fault has changed, and the fault.
pub(super) fn repaired(received: &[u8], hello: &Frame) -> Option<(Frame, Fault)> {
    begins(received).find_map(|rest| {
        seven_bits(rest, hello).or_else(|| doubled(rest, hello)).or_else(|| swallowed(rest, hello))
    })
}

/// Bit 8 is cleared: in the CRC, and in one more byte at most.
fn seven_bits(rest: &[u8], hello: &Frame) -> Option<(Frame, Fault)> {
    let received: &Frame = rest.first_chunk()?;
    if !received.is_ascii() {
        return None;
    }
    (0..SIGNAL_LEN).find_map(|at| {
        let mut frame = *received;
        // Bytes of the CRC are computed anyway.
        frame[at] |= 0x80;
        Signal::seal::<Checksums>(&mut frame);
        let frame = valid(&frame, hello)?;
        (Fault::SevenBits.apply(&frame) == received).then_some((frame, Fault::SevenBits))
    })
}

/// A value arrives twice, or has a companion.
fn doubled(rest: &[u8], hello: &Frame) -> Option<(Frame, Fault)> {
    let doubles = (0..=255).map(Fault::Doubles);
    doubles.chain([Fault::AddsLineFeed, Fault::AddsCarriageReturn]).find_map(|fault| {
        let mut frame = Vec::with_capacity(SIGNAL_LEN);
        let mut left = rest;
        while frame.len() < SIGNAL_LEN {
            let (first, more) = left.split_first()?;
            let [as_second, as_only] =
                [left.get(1).copied()?, *first].map(|byte| fault.apply(&[byte]));
            let is_pair = |made: &[u8]| made.len() == 2 && left.starts_with(made);
            if is_pair(&as_only) {
                frame.push(*first);
                left = left.get(2..)?;
            } else if is_pair(&as_second) {
                frame.push(*left.get(1)?);
                left = left.get(2..)?;
            } else {
                frame.push(*first);
                left = more;
            }
        }
        let frame = valid(&frame, hello)?;
        let changed = fault.apply(&frame);
        (changed != frame && rest.starts_with(&changed)).then_some((frame, fault))
    })
}

/// One or two bytes of a value are missing.
fn swallowed(rest: &[u8], hello: &Frame) -> Option<(Frame, Fault)> {
    let with = |bytes: &[u8], at: usize, value: u8| {
        let (before, behind) = bytes.split_at(at.min(bytes.len()));
        [before, &[value], behind].concat()
    };
    for missing in 1..=2 {
        let Some(received) = rest.get(..SIGNAL_LEN - missing) else { continue };
        for value in 0..=255 {
            if received.contains(&value) {
                continue;
            }
            for first in 0..=received.len() {
                let once = with(received, first, value);
                let lasts = if missing == 1 { first..first + 1 } else { first + 1..once.len() + 1 };
                for last in lasts {
                    let frame = if missing == 1 { once.clone() } else { with(&once, last, value) };
                    if let Some(frame) = valid(&frame, hello) {
                        return Some((frame, Fault::Swallows(vec![value])));
                    }
                }
            }
        }
    }
    None
}
