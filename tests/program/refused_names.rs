//! Servers that send valid frames which this program would never send: the client's reaction.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use tinyferry::core::error::Reason;
use tinyferry::core::wire::{SIGNAL_LEN, Signal, UNKNOWN};
use tinyferry::core::{Config, checksum::Checksums, checksum::Tables};
use tinyferry_kit::Frames;

use crate::harness::{Ended, Place, client};

/// Runs a client against a server that answers its hello on these terms, and then says all of
/// this at once.
fn ask(
    place: &Place,
    config: Config,
    arguments: &[&str],
    say: impl FnOnce(&mut Frames) + Send + 'static,
) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let mut hello = [0; SIGNAL_LEN];
        stream.read_exact(&mut hello).expect("a hello");
        let session = hello[16..20].try_into().map(u32::from_le_bytes).expect("four bytes");
        let mut frames = Frames::server(session, config);
        say(&mut frames);
        stream.write_all(&frames.bytes).expect("it takes it");
        // Until the client leaves.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let ended = client(&endpoint, &place.here(""), arguments);
    server.join().expect("the server ends");
    ended
}

/// Strings that no path may be, and some that no metadata may be.
const BAD: [(&[u8], &str); 11] = [
    (b"../bad", "../bad"),
    (b"a//b", "a//b"),
    (b"/x", "/x"),
    (b"d/./c", "d/./c"),
    (b"line\nbreak", "line\\nbreak"),
    (b"\xC3(", r"\xc3("),
    (b"needed\0\x80\0", "needed"),
    (b"cut\0\x01\x04\0", "cut"),
    (b"\x1b[31mred", "\\u{1b}[31mred"),
    (b"a/..", "a/.."),
    (b"", ""),
];

/// A tree of those and of one sound file.
fn tree(frames: &mut Frames, names_only: bool) {
    let mut number = 1;
    if names_only {
        // The first request has options, which an older server does not know.
        frames.signal(Signal::refuse(1, 0, Reason::Unsupported, 0));
        number = 2;
    }
    frames.signal(Signal::refuse(number, 0, Reason::IsDirectory, 0));
    number += 1;
    let tree = number;
    frames.described(Signal::offer_tree(tree, UNKNOWN, UNKNOWN), b"t");
    let names = BAD.iter().map(|(bytes, _)| *bytes).chain([&b"good"[..]]);
    for name in names {
        number += 1;
        frames.described(Signal::offer(number, 0, 1, 5), name);
        if !names_only {
            frames.chunk(number, 0, b"x");
            frames.signal(Signal::done(number, 1, 0, Tables::crc64(0, b"x")));
        }
    }
    frames.signal(Signal::done(tree, u64::from(number - tree), 0, 0));
}

/// R15.
#[test]
fn entries_that_the_client_refuses_for_their_names_are_listed() {
    let place = Place::new();
    let ended = ask(&place, Config::RELIABLE, &["get", "t"], |frames| tree(frames, false));
    let ended = ended.with(3, &BAD.map(|(_, shown)| shown));
    for (_, shown) in BAD {
        let lines = ended.stderr.lines().filter(|line| line.contains(&format!("\"{shown}\"")));
        assert_eq!(lines.count(), 1, "{shown} in: {}", ended.stderr);
    }
    assert!(ended.stderr.contains(&format!("{} entries were not transferred", BAD.len())));
    assert_eq!(std::fs::read(place.here("t/good")).ok().as_deref(), Some(&b"x"[..]));
    assert!(!place.here("bad").exists());

    let ended = ask(&place, Config::RELIABLE, &["ls", "-R", "t"], |frames| tree(frames, true));
    let ended = ended.with(3, &BAD.map(|(_, shown)| shown));
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("good"));
}

/// R15. A lone file under such a name is no silent success either.
#[test]
fn a_file_that_the_client_refuses_for_its_name_is_an_error() {
    let place = Place::new();
    let ended = ask(&place, Config::RELIABLE, &["get", "f"], |frames| {
        frames.described(Signal::offer(1, 0, 1, 5), b"../bad");
        frames.chunk(1, 0, b"x");
        frames.signal(Signal::done(1, 1, 0, Tables::crc64(0, b"x")));
    });
    assert!(ended.code != Some(0), "{}", ended.stdout);
    assert!(ended.stderr.contains("../bad"), "{}", ended.stderr);
}
