//! Signs of life: progress counts; noise and frames that repeat a known state do not.

use tinyferry_core::error::Failure;
use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal};
use tinyferry_core::{Config, Outcome, Session, Task};
use tinyferry_kit::{Endpoint, Frames, Line, Memory, Pair, content, session_number};

const SECOND: u64 = 1_000_000_000;
const NUMBER: u32 = 0xC0FF_EE01;

/// A put, or else a get, of this number of bytes over serial lines of 115,200 baud.
fn pair(config: Config, size: usize, puts: bool, seed: u64) -> (Pair, Task<'static>) {
    let (full, empty) = (Memory::with([("f", content(size, seed))]), Memory::default());
    if puts {
        let mut pair = Pair::new(config, full, empty).serial(115_200, seed);
        pair.client.store.queue_file("f");
        return (pair, Task::Put);
    }
    let task = Task::get_file("f");
    (Pair::new(config, empty, full).serial(115_200, seed), task)
}

fn assert_arrived(pair: &Pair, what: &str) {
    assert!(pair.client.store.bytes("f").is_some(), "{what}");
    assert!(pair.client.store.bytes("f") == pair.server.store.bytes("f"), "{what}");
}

#[test]
fn a_line_that_damages_every_chunk_ends_as_stalled() {
    for (puts, seed) in [(true, 1), (true, 2), (false, 3), (false, 4)] {
        for inserts in [200, 150, 230] {
            let (mut pair, task) = pair(Config::LOSSY, 5000, puts, seed);
            (pair.up.inserts, pair.down.inserts) = (inserts, inserts);
            let result = pair.run(task).expect("it ends");
            assert_eq!(result, Err(Failure::Stalled), "{puts} {inserts}");
            assert!(pair.now < 150 * SECOND, "it took {} s", pair.now / SECOND);
            // The server ends the session, too.
            let end = pair.now + 150 * SECOND;
            pair.down = Line::perfect(9);
            pair.down.cut = Some(0);
            while pair.now < end && !pair.server.store.is_closed() {
                pair.serve(Some(end)).expect("it gets on");
            }
            assert!(pair.server.store.is_closed(), "{puts} {inserts}");
        }
    }
}

#[test]
fn a_line_that_loses_large_chunks_is_used_with_small_ones() {
    for (puts, seed) in [(true, 1), (false, 2)] {
        for longest in [1000, 512, 300] {
            let (mut pair, task) = pair(Config::LOSSY, 50_000, puts, seed);
            (pair.up.longest, pair.down.longest) = (longest, longest);
            assert!(pair.run(task).expect("it ends").is_ok(), "{puts} {longest}");
            assert_arrived(&pair, "small chunks pass");
        }
    }
}

/// R76.
#[test]
fn noise_does_not_extend_the_timeout() {
    for every in [1, 10, 19, 50] {
        let (mut pair, _) = pair(Config::LOSSY, 1, true, 1);
        pair.up.cut = Some(0);
        for at in (0..600_000).step_by(every) {
            pair.down.inject(at * SECOND / 1000, b"x");
        }
        assert_eq!(pair.run(Task::Ping), Ok(Err(Failure::TimedOut)), "every {every} ms");
        assert!(pair.now < 40 * SECOND, "it took {} s", pair.now / SECOND);
    }
}

/// R75.
#[test]
fn a_server_ends_a_stalled_session_on_a_noisy_line() {
    for puts in [true, false] {
        let (mut pair, task) = pair(Config::LOSSY, 200_000, puts, 1);
        pair.limit = 2 * SECOND;
        assert!(pair.run(task).is_err(), "it is under way");
        let begin = pair.now;
        (pair.up, pair.down) = (Line::perfect(3), Line::perfect(4));
        pair.down.cut = Some(0);
        for at in (begin / 1_000_000..600_000).step_by(10) {
            pair.up.inject(at * SECOND / 1000, b"P");
        }
        pair.limit = begin + 100 * SECOND;
        while !pair.server.store.is_closed() && pair.now < begin + 99 * SECOND {
            pair.serve(Some(begin + 99 * SECOND)).expect("it gets on");
        }
        assert!(pair.server.store.is_closed(), "{puts}: the file is still in use");
    }
}

/// A client that puts a file, all of it sent; `says` comes from the server with this period in milliseconds. Returns
/// its outcome within an hour, and the time of it, in milliseconds.
fn receives(config: Config, every: u32, says: Signal) -> (Option<Result<Outcome, Failure>>, u32) {
    let mut store = Memory::with([("f", content(300, 1))]);
    store.queue_file("f");
    let mut session = Session::client(session_number(NUMBER), config);
    session.begin(Task::Put).expect("it may");
    let mut client = Endpoint::new(session, store);
    let mut server = Frames::server(NUMBER, config.credit(128));
    client.receive(&server.take());
    for next in (every..3_600_000).step_by(every as usize) {
        client.wait_until(next);
        if client.result().is_some() {
            break;
        }
        server.signal(says);
        client.receive(&server.take());
    }
    (client.result(), client.now)
}

/// R76.
#[test]
fn frames_that_repeat_a_known_position_do_not_extend_the_timeout() {
    let none = AckInfo::Sack(SackMap::EMPTY);
    for every in [100, 900, 4000, 10_000] {
        for config in [Config::LOSSY, Config::RELIABLE] {
            let most = if config.lossy { 130_000 } else { 450_000 };
            for says in [
                Signal::ack(1, 0, 100, 0, none),
                Signal::ack(1, 300, 100, 3, none),
                Signal::ack(1, 256, 100, 2, none),
                Signal::done(7, 300, 3, 0),
                Signal::new(Code::Raf, 1, 0),
            ] {
                let (result, when) = receives(config, every, says);
                assert!(matches!(result, Some(Err(_))), "{every} ms: {result:?} to {says:?}");
                assert!(when < most, "{when} ms, every {every}: {says:?}");
            }
        }
    }
}

/// R49, R76.
#[test]
fn an_end_that_reports_that_it_is_busy_extends_the_timeout() {
    for config in [Config::LOSSY, Config::RELIABLE] {
        let busy = Signal::ack(1, 0, 0, 0, AckInfo::Sack(SackMap::EMPTY));
        let (result, _) = receives(config, 5000, busy);
        assert_eq!(result, None);
    }
}

#[test]
fn a_store_may_block_for_forty_seconds_at_a_time() {
    for puts in [true, false] {
        let (mut pair, task) = pair(Config::LOSSY, 1000, puts, 1);
        let board = if puts { &mut pair.server } else { &mut pair.client };
        board.work = 40 * SECOND;
        assert!(pair.run(task).expect("it ends").is_ok(), "{puts}");
        assert_arrived(&pair, "it was waited for");
    }
}
