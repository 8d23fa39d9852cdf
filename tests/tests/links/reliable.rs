//! Two machines on a link that loses nothing: every size, every split, trees, refusals.

mod trees;

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{File, Memory, Pair, content};

use self::trees::tree;

const SIZES: [usize; 14] =
    [0, 1, 255, 256, 257, 1023, 1024, 1025, 2048, 8191, 8192, 8193, 24_832, 100_000];

fn small_credit() -> Config {
    Config::RELIABLE.credit(8)
}

fn put(pair: &mut Pair, path: &str) {
    pair.client.store.queue_file(path);
    let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (1, 0));
    no_time_passed(pair);
}

/// On a link that loses nothing and takes no time, nothing waits for a timer.
#[track_caller]
fn no_time_passed(pair: &Pair) {
    assert_eq!(pair.now, 0, "it waited for a timer");
}

/// R31.
#[test]
fn a_file_of_every_size_goes_both_ways() {
    for config in [Config::RELIABLE, small_credit(), small_credit().half_duplex(true)] {
        for size in SIZES {
            let bytes = content(size, size as u64);
            let client = Memory::with([("up.bin", bytes.clone())]);
            let mut pair = Pair::new(config, client, Memory::default());
            put(&mut pair, "up.bin");
            assert_eq!(pair.server.store.bytes("up.bin"), Some(&*bytes), "put of {size}");
            assert_eq!(pair.server.store.files, pair.client.store.files);

            let server = Memory::with([("down.bin", bytes.clone())]);
            let mut pair = Pair::new(config, Memory::default(), server);
            let task = Task::get_file("down.bin");
            pair.run(task).expect("it ends").expect("it succeeds");
            assert_eq!(pair.client.store.files, pair.server.store.files, "get of {size}");
        }
    }
}

#[test]
fn files_around_the_size_of_the_window_arrive() {
    for frames in [7usize, 8, 9, 15, 16, 17, 24, 63, 64, 65] {
        for extra in [-1i64, 0, 1] {
            let size = (frames as i64 * 1024 + extra) as usize;
            let bytes = content(size, size as u64);
            let client = Memory::with([("f", bytes.clone())]);
            let mut pair = Pair::new(small_credit(), client, Memory::default());
            put(&mut pair, "f");
            assert_eq!(pair.server.store.bytes("f"), Some(&*bytes));
        }
    }
}

#[test]
fn transfers_work_with_every_split_of_reads_and_writes() {
    let bytes = content(2500, 7);
    for read in (1..=64).chain([1035, 1036, 1037]) {
        for write in [1, 2, 3, 11, 12, 13, 35, 36, 37, 1035, 1036, usize::MAX] {
            let client = Memory::with([("f", bytes.clone())]);
            let mut pair = Pair::new(small_credit(), client, Memory::default());
            for end in [&mut pair.client, &mut pair.server] {
                end.read = read;
                end.write = write;
                end.store.step = read;
            }
            put(&mut pair, "f");
            assert_eq!(pair.server.store.bytes("f"), Some(&*bytes), "read {read}, write {write}");
        }
    }
}

#[test]
fn one_session_does_many_tasks() {
    let client = Memory::with([("a", content(5000, 1)), ("b", content(10, 2))]);
    let mut pair = Pair::new(small_credit(), client, tree(3));
    pair.run(Task::Ping).expect("it ends").expect("it succeeds");
    put(&mut pair, "a");
    let missing = Task::get_file("missing");
    assert_eq!(pair.run(missing), Ok(Err(Failure::Refused(Reason::NotFound))));
    let wrong = Task::get_file("t");
    assert_eq!(pair.run(wrong), Ok(Err(Failure::Refused(Reason::IsDirectory))));
    put(&mut pair, "b");
    let get = Task::get_tree("t");
    pair.run(get).expect("it ends").expect("it succeeds");
    assert_eq!(pair.run(Task::Close), Ok(Err(Failure::Refused(Reason::NotAllowed))));
    pair.run(Task::Ping).expect("it ends").expect("it succeeds");
    assert_eq!(pair.client.store.files, pair.server.store.files);
}

/// R61, R63.
#[test]
fn content_that_is_there_is_not_sent_again() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let bytes = content(200_000, 3);
        let config = config.credit(16);
        let client = Memory::with([("f", bytes.clone())]);
        let mut pair = Pair::new(config, client.clone(), Memory::default());
        put(&mut pair, "f");
        let carried = pair.up.carried;
        put(&mut pair, "f");
        assert!(pair.up.carried - carried < 20_000, "it was {}", pair.up.carried - carried);

        // A partial of the same content is gone on with, one of other content is not.
        for (partial, most) in [(bytes[..150_000].to_vec(), 80_000), (vec![1; 150_000], 260_000)] {
            let mut pair = Pair::new(config, client.clone(), Memory::default());
            pair.server.store.partials.insert("f".into(), partial);
            pair.client.store.queue_file("f");
            pair.run(Task::Put).expect("it ends").expect("it succeeds");
            assert_eq!(pair.server.store.bytes("f"), Some(&*bytes));
            assert!(pair.up.carried < most, "it was {}", pair.up.carried);
        }
    }
}

/// R36.
#[test]
fn a_source_that_shrinks_is_refused_and_replaces_nothing() {
    let client = Memory::with([("f", content(5000, 1))]);
    let mut pair = Pair::new(small_credit(), client, Memory::with([("f", vec![9; 10])]));
    pair.client.store.shrinks = true;
    pair.client.store.queue_file("f");
    let result = pair.run(Task::Put).expect("it ends");
    assert_eq!(result, Err(Failure::Refused(Reason::SourceChanged)));
    assert_eq!(pair.server.store.bytes("f"), Some(&[9; 10][..]));
}

/// R33.
#[test]
fn a_full_store_refuses_and_the_session_goes_on() {
    let client = Memory::with([("f", content(50_000, 1)), ("g", vec![1])]);
    let mut pair = Pair::new(small_credit(), client, Memory::default());
    pair.server.store.room = 20_000;
    pair.client.store.queue_file("f");
    let result = pair.run(Task::Put).expect("it ends");
    assert_eq!(result, Err(Failure::Refused(Reason::NoSpace)));
    pair.server.store.room = 10;
    put(&mut pair, "g");
}

/// R10, R36.
#[test]
fn a_source_of_unknown_size_arrives_whole() {
    for size in SIZES {
        let bytes = content(size, 5);
        let mut pair =
            Pair::new(small_credit(), Memory::with([("f", bytes.clone())]), Memory::default());
        pair.client.store.unsized_offers = true;
        put(&mut pair, "f");
        assert_eq!(pair.server.store.bytes("f"), Some(&*bytes));
    }
}

/// R32.
#[test]
fn a_thousand_files_take_few_round_trips() {
    let mut store = Memory::default();
    for number in 0..1000 {
        let bytes = content(500, number);
        store.files.insert(format!("{number}"), File::new(bytes));
    }
    let mut pair = Pair::new(Config::RELIABLE, store, Memory::default()).delayed(20);
    pair.client.store.queue_tree("");
    pair.run(Task::Put).expect("it ends").expect("it succeeds");
    let round_trips = pair.now as f64 / 40e6;
    assert!(round_trips <= 3.0, "it took {round_trips} round trips");
}

#[test]
fn peers_of_other_protocols_are_recognised() {
    for (noise, failure) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Failure::NotTinyferry),
        (&[b'y', b'\n'].repeat(50)[..], Failure::NotTinyferry),
        (&b"PIN PIN PIN PIN PIN PIN PIN PIN PIN PIN "[..], Failure::NotTinyferry),
        (&[][..], Failure::TimedOut),
    ] {
        let mut pair = Pair::new(Config::RELIABLE, Memory::default(), Memory::default());
        pair.up.lose = (0..100).collect();
        pair.down.inject(0, noise);
        assert_eq!(pair.run(Task::Ping), Ok(Err(failure)));
    }
}

/// R20.
#[test]
fn a_busy_server_refuses_with_that_reason() {
    let mut pair = Pair::new(Config::RELIABLE, Memory::default(), Memory::default());
    let config = Config::RELIABLE.refuse(Reason::Busy);
    pair.server.session = tinyferry_core::Session::server(config);
    assert_eq!(pair.run(Task::Ping), Ok(Err(Failure::Refused(Reason::Busy))));
}

/// R23.
#[test]
fn a_close_ends_the_server_where_it_is_allowed() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let config = config.may_close(true);
        let mut pair = Pair::new(config, Memory::default(), Memory::default());
        assert!(pair.run(Task::Close).expect("it ends").expect("it may").closed);
    }
}

/// The profile of a microcontroller: no SHA-256.
struct Lean;

impl tinyferry_core::Profile for Lean {
    type Checksums = tinyferry_core::checksum::Small;
    type Sha256 = tinyferry_core::checksum::NoSha256;
    type Buffer = tinyferry_core::buffer::Buffer1024;
}

#[test]
fn a_session_is_small() {
    let size = size_of::<tinyferry_core::Session<Lean>>();
    println!("a session with its buffers takes {size} bytes on this machine");
    assert!(size <= 1792, "{size}");
}
