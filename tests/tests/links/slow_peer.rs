//! A client that takes its time: the limits of a server's patience, in virtual time.

use tinyferry_core::{Config, Failure, Session, Task};
use tinyferry_kit::{Endpoint, Memory, Pair, content};

/// All that a client says when it puts a file, of the vectors.
fn put() -> Vec<u8> {
    let vectors = include_str!("../../../core/vectors.txt");
    let line =
        vectors.lines().find_map(|line| line.strip_prefix("put.client ")).expect("it is one");
    let digits = |at| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
    (0..line.len()).step_by(2).map(digits).collect()
}

/// A server between two bytes of a client that sends one every 10 seconds, in the middle of a file.
#[test]
fn a_transfer_of_single_bytes_times_out_300_seconds_after_its_last_frame() {
    let config = Config::RELIABLE.handshake_timeout(1000).idle_timeout(1000);
    let mut server = Endpoint::new(Session::server(config), Memory::default());
    let said = put();
    // Hello and offer come at once; the chunk takes 170 seconds, the `DON` would take 360.
    const OFFERED: usize = 36 + 36 + 12 + 13;
    server.receive(&said[..OFFERED]);
    for byte in &said[OFFERED..] {
        server.wait_until(server.now + 10_000);
        if server.result().is_some() {
            break;
        }
        server.receive(&[*byte]);
    }
    let result = server.result();
    assert_eq!((result, server.now), (Some(Err(Failure::TimedOut)), 170_000 + 300_000));
    assert_eq!(server.store.bytes("f"), None);
}

/// A client that falls silent within its first chunk, while the server computes the digest of its
/// partial: the timeout counts for the rest of the chunk too.
#[test]
fn a_client_that_is_silent_within_a_chunk_times_out() {
    const SIZE: usize = 200_000;
    const OFFERED: usize = 36 + 36 + 12 + 8; // The path and its permission bits.
    let client = Memory::with([("f", content(SIZE, 1))]);
    let mut pair = Pair::new(Config::RELIABLE, client, Memory::default());
    pair.up.record = Some(Vec::new());
    pair.client.store.queue_file("f");
    assert!(pair.run(Task::Put).expect("it ends").is_ok());
    let said = pair.up.record.take().expect("it is kept");
    assert_eq!(said[OFFERED], 0xFA, "the first chunk");
    for given in OFFERED..OFFERED + 40 {
        let mut store = Memory::default();
        store.partials.insert("f".into(), content(SIZE, 1)[..SIZE / 2].to_vec());
        let mut server = Endpoint::new(Session::server(Config::RELIABLE), store);
        server.receive(&said[..given]);
        server.wait_until(3_600_000);
        assert_eq!(server.result(), Some(Err(Failure::TimedOut)), "after {given} bytes");
        assert_eq!(server.store.bytes("f"), None);
    }
}
