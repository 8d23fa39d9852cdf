//! Stores that take long: to commit a file, to answer an offer, or to read a prefix back.

use tinyferry_core::Outcome;
use tinyferry_core::error::Failure;
use tinyferry_core::{Config, GetRequest, Reason, Task};
use tinyferry_kit::{Memory, Pair, content};

const SECOND: u64 = 1_000_000_000;
/// A busy store is asked again this often, in milliseconds.
const PAUSE: u32 = 10;
/// The longest silence of an end that works, in nanoseconds: two seconds in one work, and as long
/// again where another follows.
const LIFE_SIGN: u64 = 4 * SECOND + SECOND / 10;
const TREE: [(&str, usize); 3] = [("t/a", 3000), ("t/b", 5000), ("t/c", 0)];

fn tree() -> Memory {
    Memory::with(TREE.map(|(path, size)| (path, content(size, size as u64))))
}

/// A put of a file or a tree to a server whose store is busy for this number of seconds each time.
fn put(config: Config, in_tree: bool, seconds: u32) -> Pair {
    let mut pair = Pair::new(config, tree(), Memory::default());
    pair.server.store.busy = seconds * 1000 / PAUSE;
    pair.server.store.tardy = true;
    if in_tree {
        pair.client.store.queue_tree("t");
    } else {
        pair.client.store.queue_file("t/b");
    }
    pair
}

/// R57, R78.
#[test]
fn a_commit_may_take_longer_than_every_timeout() {
    for (config, seconds) in [(Config::RELIABLE, 400), (Config::LOSSY, 100)] {
        for in_tree in [false, true] {
            for has_clock in [true, false] {
                let mut pair = put(config, in_tree, seconds);
                (pair.client.has_clock, pair.server.has_clock) = (has_clock, has_clock);
                pair.server.wait = if has_clock { u64::from(PAUSE) * SECOND / 1000 } else { 0 };
                let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
                let entries = if in_tree { 3 } else { 1 };
                assert_eq!(outcome, Outcome { entries, ..Outcome::default() });
                assert_eq!(pair.server.store.bytes("t/b"), pair.client.store.bytes("t/b"));
                assert_eq!(pair.server.store.files.len(), entries as usize);
                if has_clock {
                    assert!(pair.now > u64::from(seconds) * SECOND);
                    assert!(pair.down.silence <= LIFE_SIGN, "{} ns", pair.down.silence);
                }
            }
        }
    }
}

#[test]
fn the_store_of_a_client_may_be_busy() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for tree in [false, true] {
            let mut pair = Pair::new(config, Memory::default(), self::tree());
            pair.client.store.busy = 100_000 / PAUSE;
            pair.client.wait = u64::from(PAUSE) * SECOND / 1000;
            let path = if tree { "t" } else { "t/b" };
            let task = Task::Get(GetRequest { tree, ..GetRequest::file(path) });
            assert!(pair.run(task).expect("it ends").is_ok());
            assert_eq!(pair.server.store.bytes("t/b"), pair.client.store.bytes("t/b"));
            assert!(pair.up.silence <= LIFE_SIGN, "{} ns", pair.up.silence);
        }
    }
}

/// R79.
#[test]
fn the_end_of_a_stream_is_noticed_while_the_store_is_busy() {
    let mut pair = put(Config::RELIABLE, false, 1000);
    pair.limit = 5 * SECOND;
    assert!(pair.run(Task::Put).is_err(), "it is still busy");
    // The client is gone, and its last frames have been read.
    pair.up.cut = Some(0);
    pair.client.session.link_failed();
    pair.limit = 6 * SECOND;
    let mut last = Ok(());
    while pair.server.session.number().is_some() && last.is_ok() && !pair.server.store.is_closed() {
        last = pair.serve(None);
    }
    assert!(pair.server.store.is_closed(), "it ends in the store: {last:?}");
    assert_eq!(pair.server.store.bytes("t/b"), None);
}

/// R79.
#[test]
fn an_error_of_the_sender_is_received_while_the_store_is_busy() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut pair = put(config, false, 1000);
        pair.limit = 5 * SECOND;
        assert!(pair.run(Task::Put).is_err(), "it is still busy");
        // The same client sends a new hello on a line; on a stream it would connect anew.
        pair = pair.numbered(0xC0FF_EE02, config);
        pair.limit = 7 * SECOND;
        assert!(pair.run(Task::Ping).expect("it is answered").is_ok());
        assert!(pair.server.store.is_closed());
    }
}

/// A prefix of 300 KiB, of which each KiB takes two seconds to read: ten minutes.
fn slow_prefix(config: Config) -> Pair {
    let whole = content(400 * 1024, 7);
    let mut pair = Pair::new(config, Memory::with([("f", whole.clone())]), Memory::default());
    pair.server.store.partials.insert("f".into(), whole[..300 * 1024].to_vec());
    pair.client.store.queue_file("f");
    pair.server.work = SECOND;
    pair
}

/// R59, R78.
#[test]
fn the_digest_of_a_prefix_may_take_longer_than_every_timeout() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut pair = slow_prefix(config);
        assert!(pair.run(Task::Put).expect("it ends").is_ok());
        assert!(pair.now > 300 * SECOND);
        assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
        // It works a second at a time, and is asked every eight frames.
        assert!(pair.down.silence <= 10 * SECOND, "{} ns", pair.down.silence);
        // On a reliable link the chunks are on their way by the time that the answer comes.
        assert!(!config.lossy || pair.up.carried < 200 * 1024, "{}", pair.up.carried);
    }
}

#[test]
fn a_sender_may_read_a_prefix_for_longer_than_every_timeout() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for half_duplex in [false, true] {
            let mut pair = slow_prefix(config.half_duplex(half_duplex));
            (pair.server.work, pair.client.work) = (0, 3 * SECOND / 2);
            assert!(pair.run(Task::Put).expect("it ends").is_ok());
            assert!(pair.now > 450 * SECOND);
            assert!(pair.up.silence <= LIFE_SIGN + 4 * SECOND, "{} ns", pair.up.silence);
            assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
        }
    }
}

#[test]
fn a_busy_store_that_fails_is_reported() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut pair = put(config, false, 50);
        pair.server.store.power = 5000;
        let refused = Err(Failure::Refused(Reason::Storage));
        assert_eq!(pair.run(Task::Put).expect("it ends"), refused);
    }
}
