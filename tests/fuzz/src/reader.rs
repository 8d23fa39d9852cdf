//! Bytes that may be signals, headers, descriptions or paths.

use tinyferry_core::checksum::{Checksums as _, Tables};
use tinyferry_core::path::{PATH_MAX, is_sound, join};
use tinyferry_core::wire::metadata::Metadata;
use tinyferry_core::wire::{
    FRAME_MAX, HEADER_LEN, HOLE_LEN, Header, Hole, PAYLOAD_MAX, SIGNAL_LEN, Signal,
};

use crate::Weak;

/// Reads `data` by each function of the wire, and writes each result again.
pub fn reader(data: &[u8]) {
    if let Some(bytes) = data.first_chunk::<SIGNAL_LEN>() {
        signal(*bytes);
    }
    if let Some(bytes) = data.first_chunk::<HEADER_LEN>() {
        header(*bytes, &data[HEADER_LEN..]);
    }
    description(data);
    if let Ok(text) = str::from_utf8(data) {
        path(text);
    }
}

fn signal(mut bytes: [u8; SIGNAL_LEN]) {
    let seed = u32::from_le_bytes([bytes[32], bytes[33], bytes[34], bytes[35]]);
    let as_it_is = Signal::parse::<Tables>(seed, &bytes);
    let is_seedless = bytes[4..6] == [0, 0];
    let crc = Tables::crc32(if is_seedless { 0 } else { seed }, &bytes[..32]);
    assert!(as_it_is.is_none() || bytes[32..] == crc.to_le_bytes());
    bytes[32..].copy_from_slice(&crc.to_le_bytes());
    let Some(signal) = Signal::parse::<Tables>(seed, &bytes) else { return };
    assert!(usize::from(signal.metadata) <= PAYLOAD_MAX);
    let mut back = [0; SIGNAL_LEN];
    signal.emit::<Tables>(seed, &mut back);
    assert_eq!(Signal::parse::<Tables>(seed, &back), Some(signal));
    assert_eq!((&back[..3], &back[4..8]), (&bytes[..3], &bytes[4..8]));
    signal.emit::<Weak>(seed, &mut back);
    assert_eq!(Signal::parse::<Weak>(seed, &back), Some(signal));
}

fn header(bytes: [u8; HEADER_LEN], rest: &[u8]) {
    let Some(header) = Header::parse(&bytes) else { return hole(&bytes, rest) };
    let length = usize::from(header.length);
    assert!((1..=PAYLOAD_MAX).contains(&length));
    let payload = &rest[..length.min(rest.len())];
    let mut frame = [0; FRAME_MAX];
    frame[HEADER_LEN..][..payload.len()].copy_from_slice(payload);
    header.emit::<Tables>(1, &mut frame);
    assert_eq!(frame[..8], bytes[..8]);
    if payload.len() == length {
        let whole = bytes[8..] == frame[8..HEADER_LEN];
        assert_eq!(Header::verify::<Tables>(1, &bytes, payload), whole);
    }
}

fn hole(bytes: &[u8; HEADER_LEN], rest: &[u8]) {
    let Some(header) = Hole::parse_header(bytes) else { return };
    let Some(payload) = rest.get(..HOLE_LEN - HEADER_LEN) else { return };
    let Some(hole) = Hole::parse_payload(&header, payload) else { return };
    let mut frame = [0; FRAME_MAX];
    hole.emit::<Tables>(1, &mut frame);
    assert_eq!((&frame[..8], &frame[HEADER_LEN..HOLE_LEN]), (&bytes[..8], payload));
    let is_whole = bytes[8..] == frame[8..HEADER_LEN];
    assert_eq!(Header::verify::<Tables>(1, bytes, payload), is_whole);
}

fn description(data: &[u8]) {
    let Ok(found) = Metadata::parse(data) else { return };
    assert!(data.starts_with(found.text.as_bytes()) && !found.text.contains('\0'));
    assert!(data.get(found.text.len()).is_none_or(|byte| *byte == 0));
    path(found.text);
}

fn path(text: &str) {
    if !is_sound(text) {
        return;
    }
    assert!(text.len() <= PATH_MAX && !text.starts_with('/') && !text.contains("//"));
    for name in text.split('/') {
        assert!(name != "." && name != ".." && name.len() <= 255);
    }
    if let Some((front, back)) = text.split_once('/') {
        let trimmed = if back.is_empty() { front } else { text };
        assert_eq!(join(front, back).as_deref(), Some(trimmed));
    }
    // A path joined of valid paths is valid, if it fits.
    if !text.ends_with('/')
        && let Some(whole) = join(text, text)
    {
        assert!(is_sound(&whole));
    }
}
