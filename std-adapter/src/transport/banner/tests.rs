use tinyferry_core::wire::{Code, Hello, SIGNAL_LEN, Signal};

use super::*;
use crate::checksum::Fast;

fn reply() -> Vec<u8> {
    let hello = Hello {
        session: 7,
        version: 1,
        lossy: false,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        block: 0,
        credit: 1,
    };
    let mut bytes = [0; SIGNAL_LEN];
    Signal::hello(Code::Pon, &hello).emit::<Fast>(0, &mut bytes);
    bytes.to_vec()
}

/// The lines that are shown for these pieces, and the bytes that follow them.
fn skipped(first: First, pieces: &[&[u8]]) -> (Vec<String>, io::Result<Option<Vec<u8>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let listener = Listener::new(move |line| kept.lock().unwrap().push(line.to_owned()));
    let mut banner = Banner::new(first, listener);
    let mut result = Ok(None);
    for piece in pieces {
        result = banner.take(piece);
    }
    if matches!(result, Ok(None)) {
        banner.end();
    }
    let lines = lines.lock().unwrap().clone();
    (lines, result)
}

#[test]
fn text_is_passed_over_up_to_the_first_frame() {
    let both = [b"Welcome to PON ERR\r\n\nbash: it's \x1b[1m\n$ ", &reply()[..], b"more"].concat();
    let frame = [&reply()[..], b"more"].concat();
    let shown = ["Welcome to PON ERR", "bash: it's \\u{1b}[1m", "$"];
    let (lines, rest) = skipped(First::Reply, &[&both]);
    assert_eq!((lines, rest.unwrap()), (shown.map(str::to_owned).into(), Some(frame)));
    // Byte by byte, the frame is found when it is complete.
    let pieces: Vec<_> = both[..both.len() - 4].chunks(1).collect();
    let (lines, rest) = skipped(First::Reply, &pieces);
    assert_eq!((lines, rest.unwrap()), (shown.map(str::to_owned).into(), Some(reply())));
}

#[test]
fn the_first_frame_of_a_server_without_a_banner_is_read_at_once() {
    assert_eq!(skipped(First::Reply, &[&reply()]).1.unwrap(), Some(reply()));
    assert_eq!(skipped(First::Channel, &[b"TFS\0"]).1.unwrap(), Some(b"TFS\0".to_vec()));
    assert_eq!(skipped(First::Channel, &[b"TFS\x05"]).0, [""; 0]);
}

#[test]
fn an_answer_of_a_channel_is_found_behind_text() {
    let (lines, rest) = skipped(First::Channel, &[b"TFS TF\nTFSx T", b"FS\0abc"]);
    assert_eq!(
        (lines, rest.unwrap()),
        (vec!["TFS TF".into(), "TFSx".into()], Some(b"TFS\0abc".to_vec()))
    );
}

#[test]
fn the_line_of_a_server_on_a_terminal_is_not_shown() {
    let line = format!("\rmotd\r\n{READY}; leave\r\n$ ");
    assert_eq!(skipped(First::Reply, &[line.as_bytes()]).0, ["motd", "$"]);
}

#[test]
fn a_damaged_reply_is_no_frame() {
    let mut damaged = reply();
    damaged[20] ^= 1;
    let (lines, rest) = skipped(First::Reply, &[&damaged, b"\n"]);
    assert_eq!((lines, rest.unwrap()), (vec!["(36 bytes)".to_owned()], None));
}

#[test]
fn few_lines_are_shown_and_the_rest_is_counted() {
    let many = b"a line\n".repeat(30);
    let (lines, _) = skipped(First::Reply, &[&many]);
    assert_eq!((lines.len(), lines[20].as_str()), (21, "(60 more bytes)"));
    let long = [b'x'; 10_000];
    let (lines, _) = skipped(First::Reply, &[&long]);
    assert_eq!(lines.iter().take(8).map(String::len).sum::<usize>(), 4096);
    assert_eq!(lines[8..], ["(5904 more bytes)"]);
}

#[test]
fn text_without_an_end_is_an_error() {
    let mut banner = Banner::new(First::Reply, Listener::default());
    let taken = (0..).find_map(|count| Some((count, banner.take(&[b'y'; 4096]).err()?)));
    let (count, error) = taken.unwrap();
    assert_eq!((count, error.kind()), (LONGEST / 4096, ErrorKind::InvalidData));
    assert!(banner.is_endless() && banner.begin() == "y".repeat(QUOTED_BYTES));
    assert_eq!(banner.undelivered(), Some(format!("\"{}\"", banner.begin())));
    assert!(banner.line.len() < LONGEST_LINE && banner.candidate.is_empty());
}
