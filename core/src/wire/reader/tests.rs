//! Resynchronisation: bytes in, frames out.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::Standard;
use crate::checksum::{Checksums, Tables};
use crate::wire::{Code, FRAME_MAX};

mod text;

const SEED: u32 = 0x1234_5678;

/// A reader over a buffer for one frame.
struct Stream {
    reader: Reader,
    buffer: [u8; FRAME_MAX],
    expect: Expect,
}

/// A stream on a lossy link that expects chunks of transfer 1 around this position.
fn stream(position: u64) -> Stream {
    let file = Some(ExpectFile { transfer: 1, position, window: 97 * 256 });
    let expect = Expect {
        seed: SEED,
        lossy: true,
        skips: false,
        holes: true,
        metadata: None,
        file,
        last_transfer: Some(1),
        wanted: HEADER_LEN,
    };
    Stream { reader: Reader::new(), buffer: [0; FRAME_MAX], expect }
}

impl Stream {
    /// The frames that are found while these bytes come in.
    fn read(&mut self, bytes: &[u8]) -> Vec<Parsed> {
        self.read_as::<Standard>(bytes, &mut Vec::new())
    }

    /// The same in a profile, which may find text too.
    fn read_as<P: Profile>(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) -> Vec<Parsed> {
        let mut found = Vec::new();
        loop {
            let mut signal = Signal::new(Code::Err, 0, 0);
            match self.reader.next_frame::<P>(&self.buffer, &self.expect, &mut signal) {
                Parsed::Incomplete { .. } if bytes.is_empty() => return found,
                Parsed::Incomplete { wanted } => {
                    let space = self.reader.space(&mut self.buffer, wanted);
                    let count = space.len().min(bytes.len());
                    let (now, later) = bytes.split_at(count);
                    for (to, from) in space.iter_mut().zip(now) {
                        *to = *from;
                    }
                    self.reader.filled(count);
                    bytes = later;
                }
                Parsed::Damaged => {
                    found.push(Parsed::Damaged);
                    return found;
                }
                Parsed::Text { at, length } => {
                    let (from, to) = (usize::from(at), usize::from(at) + usize::from(length));
                    text.extend(self.buffer.get(from..to).expect("it is in the buffer"));
                }
                parsed => {
                    match parsed {
                        Parsed::Chunk { length, .. } => self.reader.consume_chunk(length),
                        _ => assert_eq!(signal, QUERY),
                    }
                    found.push(parsed);
                }
            }
        }
    }
}

fn signal(signal: Signal) -> Vec<u8> {
    let mut bytes = [0; SIGNAL_LEN];
    signal.emit::<Tables>(SEED, &mut bytes);
    bytes.into()
}

fn chunk(transfer: u8, metadata: bool, position: u32, length: u16) -> Vec<u8> {
    let mut frame = [0xFA; FRAME_MAX];
    Header { transfer, metadata, length, position }.emit::<Tables>(SEED, &mut frame);
    let (frame, _) = frame.split_at(HEADER_LEN + usize::from(length));
    frame.into()
}

const QUERY: Signal = Signal::ask(1, 0, 0);

fn found(in_sync: bool) -> Parsed {
    Parsed::Signal { in_sync }
}

#[test]
fn frames_are_found_one_after_another() {
    let bytes = [signal(QUERY), chunk(1, false, 0, 256), signal(QUERY)].concat();
    let chunk = Parsed::Chunk { ahead: 0, length: 256 };
    assert_eq!(stream(0).read(&bytes), [found(true), chunk, found(true)]);
}

/// R69, R72.
#[test]
fn noise_before_a_frame_is_dropped_and_remembered() {
    let bytes = [&b"noise PINK"[..], &signal(QUERY), &signal(QUERY)].concat();
    assert_eq!(stream(0).read(&bytes), [found(false), found(true)]);
}

/// R69.
#[test]
fn a_damaged_frame_costs_only_itself() {
    let mut damaged = chunk(1, false, 0, 256);
    if let Some(byte) = damaged.last_mut() {
        *byte ^= 1;
    }
    let bytes = [damaged, signal(QUERY)].concat();
    assert_eq!(stream(0).read(&bytes), [found(false)]);
}

/// R71.
#[test]
fn a_frame_inside_a_cut_frame_is_found_after_an_idle_line() {
    let mut stream = stream(0);
    let mut bytes = chunk(1, false, 0, 1024);
    bytes.truncate(500);
    bytes.extend(signal(QUERY));
    assert_eq!(stream.read(&bytes), []);
    let mut all = Vec::new();
    while !stream.reader.ignores_silence() {
        stream.reader.on_idle_line::<Standard>();
        all.extend(stream.read(&[]));
    }
    assert_eq!(all, [found(false)]);
}

/// R72.
#[test]
fn after_an_idle_line_the_next_frame_is_in_sync() {
    let mut stream = stream(0);
    assert_eq!(stream.read(b"noise"), []);
    stream.reader.on_idle_line::<Standard>();
    assert_eq!(stream.read(&signal(QUERY)), [found(true)]);
}

/// R68.
#[test]
fn on_a_reliable_link_bytes_that_make_no_frame_are_an_error() {
    let mut stream = stream(0);
    stream.expect.lossy = false;
    assert_eq!(stream.read(b"GET /"), [Parsed::Damaged]);
}

/// R11.
#[test]
fn on_a_reliable_link_a_chunk_that_is_not_expected_is_skipped() {
    let mut stream = stream(0);
    (stream.expect.lossy, stream.expect.skips) = (false, true);
    let bytes = [chunk(9, false, 0, 1024), signal(QUERY)].concat();
    assert_eq!(stream.read(&bytes), [found(true)]);
}

/// R70.
#[test]
fn a_chunk_is_expected_inside_the_window_or_shortly_behind_the_position() {
    let position = 1 << 20;
    let ahead = |at: u32| {
        let parsed = stream(position.into()).read(&chunk(1, false, at, 256));
        parsed.first().map(|parsed| match parsed {
            Parsed::Chunk { ahead, .. } => *ahead,
            _ => u32::MAX,
        })
    };
    assert_eq!(ahead(position), Some(0));
    assert_eq!(ahead(position + 96 * 256), Some(96 * 256));
    assert_eq!(ahead(position + 97 * 256), None);
    assert_eq!(ahead(position - 256), Some(256u32.wrapping_neg()));
    assert_eq!(ahead(position - (1 << 17)), Some((1u32 << 17).wrapping_neg()));
    assert_eq!(ahead(position - (1 << 17) - 256), None);
}

/// R70.
#[test]
fn metadata_is_found_only_behind_the_signal_that_announces_it() {
    let metadata = chunk(1, true, 0, 5);
    assert_eq!(stream(0).read(&metadata), []);
    let mut announced = stream(0);
    announced.expect.metadata = Some((1, 5));
    let bytes = metadata.as_slice();
    let space = announced.reader.space(&mut announced.buffer, bytes.len());
    for (to, from) in space.iter_mut().zip(bytes) {
        *to = *from;
    }
    announced.reader.filled(bytes.len());
    let parsed = announced.reader.next_frame::<Standard>(
        &announced.buffer,
        &announced.expect,
        &mut QUERY.clone(),
    );
    assert_eq!(parsed, Parsed::Metadata { length: 5 });
    assert_eq!(announced.reader.metadata(&announced.buffer), [0xFA; 5]);
}

#[test]
fn cleared_bytes_are_dropped_and_the_reader_is_out_of_sync() {
    let mut reader = Reader::new();
    reader.clear();
    assert!(reader.ignores_silence(), "nothing was dropped");
    reader.filled(5);
    reader.clear();
    assert!(reader.is_empty() && !reader.ignores_silence());
    reader.clear();
    assert!(!reader.ignores_silence(), "it is still out of sync");
    let mut reader = Reader { skip: 7, ..Reader::new() };
    reader.clear();
    assert!(!reader.is_empty(), "the rest of an unwanted chunk is to come");
}

#[test]
fn that_bytes_were_dropped_is_told_once() {
    let mut stream = stream(0);
    assert!(!stream.reader.take_dropped());
    stream.read(b"x");
    assert!(stream.reader.take_dropped() && !stream.reader.take_dropped());
}

#[test]
fn letters_that_are_no_code_are_dropped_before_a_whole_signal_is_there() {
    let mut stream = stream(0);
    stream.read(b"PIX");
    assert!(stream.reader.is_empty());
}

#[test]
fn a_reader_is_empty_where_no_byte_is_buffered_and_none_is_to_be_skipped() {
    assert!(Reader::new().is_empty());
    assert!(!Reader { end: 1, ..Reader::new() }.is_empty());
    assert!(!Reader { skip: 1, ..Reader::new() }.is_empty());
}

#[test]
fn on_transfer_0_each_version_is_parsed_and_only_hello_and_err() {
    let parsed = |signal: Signal, version: u8| {
        let mut frame = [0; SIGNAL_LEN];
        signal.emit::<Tables>(SEED, &mut frame);
        let (covered, crc) = frame.split_at_mut(SIGNAL_LEN - 4);
        covered.iter_mut().skip(3).take(1).for_each(|byte| *byte = version);
        let seed = if signal.transfer == 0 { 0 } else { SEED };
        crc.copy_from_slice(&Tables::crc32(seed, covered).to_le_bytes());
        Signal::parse::<Tables>(SEED, &frame).is_some()
    };
    for version in [0, 1, 2, 255] {
        for code in [Code::Pin, Code::Pon, Code::Err] {
            assert!(parsed(Signal::new(code, 0, 0), version), "{code:?} {version}");
            assert_eq!(parsed(Signal::new(code, 1, 0), version), version == 1);
        }
        for code in [Code::Saf, Code::Raf, Code::Cls, Code::Don] {
            assert!(!parsed(Signal::new(code, 0, 0), version), "{code:?} {version}");
        }
    }
}
