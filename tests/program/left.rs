//! Clients that leave while the server works for them: it notices, and others are served.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tinyferry::core::checksum::Tables;
use tinyferry::core::wire::{Code, FRAME_MAX, Greeting, HEADER_LEN, Header, SIGNAL_LEN, Signal};

use crate::harness::{Place, Server, content};

const NUMBER: u32 = 0x1234_5678;
/// It takes minutes to sum this up 32 times.
const SIZE: u64 = 10 << 30;

fn say(signal: Signal, into: &mut Vec<u8>) {
    let mut bytes = [0; SIGNAL_LEN];
    signal.emit::<Tables>(NUMBER, &mut bytes);
    into.extend(bytes);
}

/// A signal with a path.
fn describe(signal: Signal, path: &str, into: &mut Vec<u8>) {
    let length = path.len() as u16;
    say(Signal { description: length, ..signal }, into);
    let mut frame = [0; FRAME_MAX];
    frame[HEADER_LEN..][..path.len()].copy_from_slice(path.as_bytes());
    let [transfer, _] = signal.transfer.to_le_bytes();
    let header = Header { transfer, description: true, length, position: 0 };
    header.emit::<Tables>(NUMBER, &mut frame);
    into.extend(&frame[..HEADER_LEN + path.len()]);
}

/// What a client says that offers the file which is there; `sent`: and says that all is sent; `in_tree`:
/// and goes on with other files.
fn offer(modified: i64, sent: bool, in_tree: bool) -> Vec<u8> {
    let mut said = Vec::new();
    let greeting = Greeting {
        session: NUMBER,
        version: 1,
        lossy: false,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        unit: 0,
        credit: 32_767,
    };
    say(Signal::greeting(Code::Pin, &greeting), &mut said);
    let number = if in_tree { 2 } else { 1 };
    if in_tree {
        describe(Signal::offer_tree(1, u64::MAX, u64::MAX), "there", &mut said);
    }
    let path = if in_tree { "sparse" } else { "there/sparse" };
    describe(Signal::offer(number, SIZE, SIZE, modified), path, &mut said);
    if sent {
        say(Signal::done(number, SIZE, u16::from(in_tree) + 2, 1), &mut said);
    }
    if in_tree {
        for number in 3..200 {
            describe(Signal::offer(number, 5, 5, modified), "other", &mut said);
        }
    }
    said
}

/// Processor time that a process has taken.
fn processor_time(process: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// 32 clients say this and leave; how much processor time the server takes, and how long it is until
/// another is served.
fn leave(said: &[u8], most: Duration) {
    let place = Place::new();
    fs::create_dir(place.served("there")).expect("a directory");
    let path = place.served("there/sparse");
    let file = File::create(&path).expect("a file");
    file.set_len(SIZE).expect("a sparse file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).expect("a time");
    fs::write(place.here("small"), content(1000, 1)).expect("a file");
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let address = server.endpoint.trim_start_matches("tcp://");
    let clients: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("a server");
            stream.write_all(said).expect("it takes it");
            // The greeting is answered.
            stream.read_exact(&mut [0; SIGNAL_LEN]).expect("an answer");
            stream
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    drop(clients);
    let begin = Instant::now();
    let before = processor_time(server.child.id());
    while server.client(&place.here(""), &["put", "small"]).code != Some(0) {
        assert!(begin.elapsed() < most * 3, "nobody is served");
    }
    let took = begin.elapsed();
    assert!(took < most, "it took {} ms until another was served", took.as_millis());
    thread::sleep(most.saturating_sub(begin.elapsed()));
    let work = processor_time(server.child.id()) - before;
    thread::sleep(Duration::from_secs(2));
    let later = processor_time(server.child.id()) - before;
    assert!(later - work < Duration::from_millis(200), "it still works: {later:?} after {work:?}");
}

const MODIFIED: i64 = 1_700_000_000_000_000_000;

#[test]
fn who_leaves_while_a_file_is_compared_is_let_go() {
    leave(&offer(MODIFIED, false, false), Duration::from_secs(5));
}

#[test]
fn who_leaves_after_it_has_sent_all_is_let_go() {
    leave(&offer(MODIFIED, true, false), Duration::from_secs(5));
}

#[test]
fn who_leaves_in_a_tree_is_let_go() {
    leave(&offer(MODIFIED, true, true), Duration::from_secs(10));
}
