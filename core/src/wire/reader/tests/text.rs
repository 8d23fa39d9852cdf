//! Text between frames: bytes in, text and frames out.

use super::*;

/// Passes text on.
struct Console;

impl Profile for Console {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const CONSOLE: bool = true;
}

/// The frames and the text in these bytes; a silence follows each part.
fn frames_and_text(stream: &mut Stream, parts: &[&[u8]]) -> (Vec<Parsed>, Vec<u8>) {
    let (mut found, mut text) = (Vec::new(), Vec::new());
    for part in parts {
        found.extend(stream.read_as::<Console>(part, &mut text));
        while !stream.reader.ignores_silence() {
            stream.reader.on_idle_line::<Console>();
            found.extend(stream.read_as::<Console>(&[], &mut text));
        }
    }
    (found, text)
}

fn damaged(mut frame: Vec<u8>) -> Vec<u8> {
    if let Some(byte) = frame.last_mut() {
        *byte ^= 1;
    }
    frame
}

/// R98.
#[test]
fn each_byte_of_text_comes_once_and_in_order_however_it_arrives() {
    let text = b"CLS SAF RAF SAR RAR DON ERR PIN PON\nPINS, Don't PONder: ERR disk full\r\nPI";
    let (before, behind) = text.split_at(40);
    let bytes = [before, &signal(QUERY), &chunk(1, false, 0, 256), behind].concat();
    for length in [1, 2, 3, 5, 7, 11, 12, 13, 36, 100, bytes.len()] {
        let parts: Vec<_> = bytes.chunks(length).collect();
        let (mut stream, mut found, mut received) = (stream(0), Vec::new(), Vec::new());
        for part in parts {
            found.extend(stream.read_as::<Console>(part, &mut received));
        }
        assert_eq!(found.len(), 2, "{length}");
        // The last letters may begin a signal: a silence decides.
        while !stream.reader.ignores_silence() {
            stream.reader.on_idle_line::<Console>();
            stream.read_as::<Console>(&[], &mut received);
        }
        assert_eq!(received, text, "{length}");
    }
}

/// R98.
#[test]
fn a_damaged_frame_is_no_text() {
    for frame in [signal(QUERY), chunk(1, false, 0, 256), chunk(1, true, 0, 20)] {
        let bytes = [b"a", damaged(frame).as_slice(), b"b", &signal(QUERY)].concat();
        let (found, text) = frames_and_text(&mut stream(0), &[&bytes]);
        assert_eq!((found.as_slice(), text.as_slice()), (&[super::found(false)][..], &b"ab"[..]));
    }
}

/// R98.
#[test]
fn a_frame_that_this_end_does_not_expect_is_no_text() {
    let (late, other) = (chunk(0, false, 70_000, 1024), chunk(1, true, 0, 900));
    let bytes = [b"a", late.as_slice(), b"b", &other, b"c"].concat();
    let mut stream = stream(0);
    stream.expect.file = None;
    assert_eq!(frames_and_text(&mut stream, &[&bytes]).1, b"abc");
}

/// R98.
#[test]
fn a_frame_that_a_silence_has_cut_is_no_text_and_the_bytes_behind_the_silence_are() {
    for frame in [signal(QUERY), chunk(1, false, 0, 256)] {
        let cut = frame.get(..20).expect("it is longer");
        let (found, text) = frames_and_text(&mut stream(0), &[cut, b"text\n", &frame]);
        assert_eq!((found.len(), text.as_slice()), (1, &b"text\n"[..]));
    }
}

/// R98.
#[test]
fn the_frame_behind_a_damaged_one_that_lost_bytes_ends_it() {
    let mut short = chunk(1, false, 0, 1024);
    short.truncate(900);
    let bytes = [short.as_slice(), &signal(QUERY), b"text\n"].concat();
    let (found, text) = frames_and_text(&mut stream(0), &[&bytes]);
    assert_eq!((found.len(), text.as_slice()), (1, &b"text\n"[..]));
}

/// R98.
#[test]
fn bytes_that_are_no_text_in_a_language_come_too() {
    let all: Vec<u8> = (0..=255).collect();
    let mut stream = stream(0);
    stream.expect.last_transfer = Some(200);
    // 0xFA 0xFB begins no chunk of that transfer.
    assert_eq!(frames_and_text(&mut stream, &[&all]).1, all);
}

/// R98.
#[test]
fn content_of_a_damaged_frame_that_looks_like_a_frame_ends_no_later_than_that_frame() {
    let mut outer = [0; FRAME_MAX];
    let (begin, inner) = outer.split_at_mut(100);
    begin.fill(7);
    let frame = chunk(1, false, 0, 1024);
    inner.iter_mut().zip(&frame).for_each(|(to, from)| *to = *from);
    let header = Header { transfer: 1, metadata: false, length: 200, position: 0 };
    header.emit::<Tables>(SEED, &mut outer);
    let outer = damaged(outer.get(..HEADER_LEN + 200).expect("it is longer").to_vec());
    let bytes = [outer.as_slice(), b"text\n", &signal(QUERY)].concat();
    let (found, text) = frames_and_text(&mut stream(0), &[&bytes]);
    assert_eq!((found.len(), text.as_slice()), (1, &b"text\n"[..]));
}
