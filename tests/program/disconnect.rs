//! Clients that leave while the server works for them: it notices, and others are served.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tinyferry::core::Config;
use tinyferry::core::wire::{SIGNAL_LEN, Signal, UNKNOWN};
use tinyferry_kit::Frames;

use crate::harness::{Place, Server, content};

/// It takes a minute to sum this up 32 times: it is one hole, whose SHA-256 is computed all the same.
pub(crate) const SIZE: u64 = 10 << 30;
/// Nanoseconds since 1970.
pub(crate) const MODIFIED: i64 = 1_700_000_000_000_000_000;

/// The bytes of a client that offers the existing file; `sent`: and ends it with `DON`; `in_tree`: and goes on with
/// other files.
pub(crate) fn offer(sent: bool, in_tree: bool) -> Vec<u8> {
    let mut frames = Frames::client(0x1234_5678, Config::RELIABLE.sha256(true));
    let number = if in_tree { 2 } else { 1 };
    if in_tree {
        frames.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"there");
    }
    let path: &[u8] = if in_tree { b"sparse" } else { b"there/sparse" };
    frames.described(Signal::offer(number, SIZE, SIZE, MODIFIED), path);
    if sent {
        frames.signal(Signal::done(number, SIZE, u16::from(in_tree) + 2, 1));
    }
    if in_tree {
        for number in 3..200 {
            frames.described(Signal::offer(number, 5, 5, MODIFIED), b"other");
        }
    }
    frames.take()
}

/// 32 clients say this and leave; how much processor time the server takes, and how long it is until
/// another is served.
fn leave(said: &[u8], most: Duration) {
    let place = Place::new();
    fs::create_dir(place.served("there")).expect("a directory");
    let path = place.served("there/sparse");
    let file = File::create(&path).expect("a file");
    file.set_len(SIZE).expect("a sparse file");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(MODIFIED as u64);
    file.set_modified(modified).expect("a time");
    fs::write(place.here("small"), content(1000, 1)).expect("a file");
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let address = server.endpoint.trim_start_matches("tcp://");
    let clients: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("a server");
            stream.write_all(said).expect("it takes it");
            // The hello is answered.
            stream.read_exact(&mut [0; SIGNAL_LEN]).expect("an answer");
            stream
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    drop(clients);
    let begin = Instant::now();
    let before = server.processor_time();
    while server.client(&place.here(""), &["put", "small"]).code != Some(0) {
        assert!(begin.elapsed() < most * 3, "nobody is served");
    }
    let took = begin.elapsed();
    assert!(took < most, "it took {} ms until another was served", took.as_millis());
    thread::sleep(most.saturating_sub(begin.elapsed()));
    let work = server.processor_time() - before;
    thread::sleep(Duration::from_secs(2));
    let later = server.processor_time() - before;
    assert!(later - work < Duration::from_millis(200), "it still works: {later:?} after {work:?}");
}

#[test]
fn a_client_that_disconnects_while_a_file_is_compared_is_dropped() {
    leave(&offer(false, false), Duration::from_secs(5));
}

#[test]
fn a_client_that_disconnects_after_it_has_sent_all_is_dropped() {
    leave(&offer(true, false), Duration::from_secs(5));
}

#[test]
fn a_client_that_disconnects_in_a_tree_is_dropped() {
    leave(&offer(true, true), Duration::from_secs(10));
}
