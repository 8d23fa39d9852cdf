//! On a reliable link the sender of a large file learns where the receiver resumes before it sends much of it.

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::wire::{AckInfo, CREDIT_MAX, Code, SackMap, Signal};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Endpoint, File, Frames, Memory, Pair, content, outline};

const SESSION: u32 = 0x0A5C;
/// The content that is sent before the answer, in bytes.
const UNASKED: usize = 256 * 1024;
const MIB: usize = 1 << 20;

fn store(files: &[(&str, usize)]) -> Memory {
    let mut store = Memory::default();
    for (path, size) in files {
        store.files.insert((*path).into(), File::new(content(*size, 7)));
    }
    store
}

/// A client that puts a file of this size; its server, and the signals that it sends before any answer.
fn put(size: usize) -> (Endpoint<Memory>, Frames, Vec<Signal>) {
    let mut store = store(&[("f", size)]);
    store.queue_file("f");
    Endpoint::client(SESSION, Config::RELIABLE, store, Task::Put)
}

fn position(credit: u16, query: &Signal) -> Signal {
    Signal::ack(query.transfer, 0, credit, query.count(), AckInfo::Sack(SackMap::EMPTY))
}

/// R96.
#[test]
fn little_of_a_large_file_is_sent_before_the_receiver_has_sent_its_position() {
    let (_, _, said) = put(UNASKED);
    assert_eq!(outline(&said), [(Code::Saf, 1), (Code::Don, 1)]);
    let (mut client, mut server, said) = put(MIB);
    assert_eq!(outline(&said), [(Code::Saf, 1), (Code::Pin, 1), (Code::Pin, 1)]);
    assert_eq!([said[1].position, said[2].position], [0, UNASKED as u64]);
    // A receiver that is busy has not said it.
    server.signal(position(0, &said[2]));
    assert!(client.exchange(&server.take()).is_empty());
    server.signal(position(CREDIT_MAX, &said[2]));
    let rest = client.exchange(&server.take());
    assert!(rest.len() > MIB - UNASKED, "{} bytes", rest.len());
}

/// R61, R96.
#[test]
fn the_content_that_the_receiver_has_is_not_sent() {
    let (mut client, mut server, said) = put(2 * MIB);
    let digest = Tables::crc64(0, &content(2 * MIB, 7)[..MIB]);
    let info = AckInfo::PrefixDigest(digest);
    server.signal(Signal::ack(1, MIB as u64, CREDIT_MAX, said[2].count(), info));
    let rest = client.exchange(&server.take()).len();
    assert!((MIB..MIB + MIB / 50).contains(&rest), "{rest} bytes");
}

/// Puts a tree of files of these sizes to a receiver that has none of them. Returns the numbers of those that it
/// was asked about first.
fn asked(files: &[(&str, usize)]) -> Vec<u16> {
    let mut store = store(files);
    store.queue_tree("t");
    let config = Config::RELIABLE.credit(1024);
    let (mut client, mut server, mut said) = Endpoint::client(SESSION, config, store, Task::Put);
    let mut asked = Vec::new();
    while !said.is_empty() {
        for query in said.iter().filter(|signal| signal.code == Code::Pin) {
            if query.transfer > 1 && query.position == 0 {
                asked.push(query.transfer);
            }
            server.signal(position(1024, query));
        }
        for done in said.iter().filter(|signal| **signal == Signal { transfer: 1, ..**signal }) {
            if done.code == Code::Don {
                server.signal(*done);
            }
        }
        said = client.receive(&server.take());
    }
    assert!(client.result().is_some_and(|result| result.is_ok()));
    asked
}

/// R96: the answer about one file is believed for the others that take no more than a round trip.
#[test]
fn a_receiver_that_begins_anew_is_asked_about_files_beyond_the_credit_only() {
    let (small, medium, large) = (UNASKED, UNASKED + 1, MIB + 1);
    let files = [("t/a", small), ("t/b", medium), ("t/c", medium), ("t/d", large), ("t/e", large)];
    assert_eq!(asked(&files), [3, 5, 6]);
}

/// R96.
#[test]
fn little_is_sent_twice_over_a_link_with_a_long_delay() {
    let size = 4 * MIB;
    for (prefix, task) in [(3 * MIB, Task::Put), (size, Task::Put), (3 * MIB, Task::get_file("f"))]
    {
        let (mut sender, mut receiver) = (store(&[("f", size)]), Memory::default());
        receiver.partials.insert("f".into(), content(size, 7)[..prefix].to_vec());
        let is_put = task == Task::Put;
        if is_put {
            sender.queue_file("f");
        } else {
            std::mem::swap(&mut sender, &mut receiver);
        }
        let mut pair = Pair::new(Config::RELIABLE, sender, receiver).delayed(50);
        let outcome = pair.run(task).expect("it ends");
        assert!(outcome.is_ok(), "{outcome:?}");
        let store = if is_put { &pair.server.store } else { &pair.client.store };
        assert!(store.bytes("f") == Some(&content(size, 7)));
        let carried = if is_put { pair.up.carried } else { pair.down.carried } as usize;
        let most = (size - prefix + UNASKED) * 103 / 100 + 2048;
        assert!(carried < most, "{carried} bytes for {}, {task:?}", size - prefix);
    }
}
