//! The times of section 6.6: when a question is repeated, how long an incomplete frame is waited for, and
//! when an end sends a keepalive.

use tinyferry_core::Millis;
use tinyferry_core::error::Failure;
use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal, UNKNOWN};
use tinyferry_core::{Config, Session, Step, Task};
use tinyferry_kit::{Endpoint, Frames, Memory, content, outline, session_number};

const SESSION: u32 = 0x0102_0304;
const NONE: AckInfo = AckInfo::Sack(SackMap::EMPTY);

fn failure(listener: &mut Endpoint<Memory>) -> Option<Failure> {
    match listener.session.poll() {
        Step::Over(result) => result.err(),
        _ => None,
    }
}

/// The times at which it sends frames, in the next `within` milliseconds.
fn times(listener: &mut Endpoint<Memory>, within: Millis) -> Vec<Millis> {
    let begin = listener.now;
    let mut found = Vec::new();
    while listener.now - begin < within {
        let left = within - (listener.now - begin);
        if !listener.wait(left).is_empty() {
            found.push(listener.now - begin);
        }
    }
    found
}

fn client(config: Config, task: Task<'_>) -> Endpoint<Memory> {
    let mut session = Session::client(session_number(SESSION), config);
    session.begin(task).expect("it may");
    let mut client = Endpoint::new(session, Memory::default());
    assert_eq!(outline(&client.receive(&[])), [(Code::Pin, 0)]);
    client
}

/// R73, R75.
#[test]
fn a_question_is_repeated_less_and_less_often_and_at_least_seven_times_within_the_timeout() {
    let growing = |longest: Millis| {
        let mut at = 0;
        [1_000, 2_000, 4_000].into_iter().chain([5_000; 20]).map(move |wait| {
            at += wait.min(longest);
            at
        })
    };
    for (timeout, longest, repeats, end) in [
        (1, 2, 7, 16),
        (3_000, 375, 7, 3_000),
        (10_000, 1_250, 8, 11_000),
        (30_000, 3_750, 9, 33_000),
        (40_000, 5_000, 9, 42_000),
        (60_000, 5_000, 13, 62_000),
    ] {
        let mut client = client(Config::LOSSY.timeout(timeout), Task::Ping);
        let repeated: Vec<_> = growing(longest).take(repeats).collect();
        assert_eq!(times(&mut client, end - 1), repeated, "{timeout}");
        assert_eq!(failure(&mut client), None, "{timeout}");
        client.wait(1);
        assert_eq!(failure(&mut client), Some(Failure::TimedOut), "{timeout}");
    }
}

/// R73. Of a reliable link nothing is repeated.
#[test]
fn on_a_reliable_link_no_question_is_repeated() {
    let mut client = client(Config::RELIABLE, Task::Ping);
    assert_eq!(outline(&client.wait(29_999)), []);
    assert_eq!(failure(&mut client), None);
    client.wait(1);
    assert_eq!(failure(&mut client), Some(Failure::TimedOut));
}

/// A client that puts a file in pieces of three chunks, and its server.
fn put(credit: u16) -> (Endpoint<Memory>, Frames) {
    let config = Config::LOSSY.credit(credit).chunk(256);
    let mut store = Memory::with([("f", content(100_000, 1))]);
    store.queue_file("f");
    let (mut client, mut server, said) = Endpoint::client(SESSION, config, store, Task::Put);
    assert_eq!(outline(&said), [(Code::Saf, 1)]);
    client.now = 10;
    server.signal(Signal::ack(1, 0, credit, 0, NONE));
    assert_eq!(outline(&client.receive(&server.take())), [(Code::Pin, 1)]);
    (client, server)
}

/// R74.
#[test]
fn the_first_retry_comes_after_twice_the_smoothed_round_trip() {
    let (mut client, mut server) = put(4);
    // Each round trip, and the smoothed one that follows from it.
    let mut count = 4;
    for (trip, smoothed) in [(100, 100), (180, 110), (1, 97), (0, 85), (160, 95), (9_000, 709)] {
        // Other frames put the retry off.
        for _ in 0..trip / 100 {
            server.signal(Signal::done(77, 0, 0, 0));
            assert_eq!(outline(&client.receive(&server.take())), []);
            client.now += 100;
        }
        client.now += trip % 100;
        let position = u64::from(count - 1) * 256;
        server.signal(Signal::ack(1, position, 4, count, NONE));
        let said = client.receive(&server.take());
        assert_eq!(outline(&said), [(Code::Pin, 1)], "{trip}");
        count = said[0].count();
        let clone = (client.session.clone(), client.now);
        assert_eq!(times(&mut client, 2 * smoothed), [2 * smoothed], "{trip}");
        // A repeated question gives no round-trip time.
        (client.session, client.now) = clone;
    }
}

/// R74.
#[test]
fn a_repeated_question_does_not_measure_the_round_trip() {
    let (mut client, mut server) = put(4);
    assert_eq!(times(&mut client, 1_000), [1_000]);
    client.now += 50;
    server.signal(Signal::ack(1, 768, 4, 4, NONE));
    client.receive(&server.take());
    assert_eq!(times(&mut client, 1_000), [1_000]);
}

/// A frame ends the doubling, and the wait begins anew.
#[test]
fn any_valid_frame_resets_the_backoff() {
    let (mut client, mut server) = put(4);
    assert_eq!(times(&mut client, 7_000), [1_000, 3_000, 7_000]);
    client.now += 100;
    server.signal(Signal::done(77, 0, 0, 0));
    assert_eq!(outline(&client.receive(&server.take())), []);
    assert_eq!(times(&mut client, 3_000), [1_000, 3_000]);
}

/// R75, R76.
#[test]
fn an_end_that_receives_useless_frames_reports_a_stall() {
    let useless = Signal::done(77, 0, 0, 0);
    for (frames, expected) in
        [(0, Failure::TimedOut), (9, Failure::TimedOut), (900, Failure::Stalled)]
    {
        let (mut client, mut server) = put(4);
        client.session.resume(Some(client.now));
        let mut left = frames;
        while failure(&mut client).is_none() {
            assert!(client.now < 100_000, "{frames}");
            if left > 0 {
                server.signal(useless);
                left -= 1;
                client.receive(&server.take());
                client.now += 100;
            } else {
                client.wait(100);
            }
        }
        assert_eq!(failure(&mut client), Some(expected), "{frames}");
    }
    // The eighth retry in vain is silence.
    let config = Config::LOSSY.timeout(15_000);
    let mut store = Memory::with([("f", content(1, 1))]);
    store.queue_file("f");
    let (mut client, mut server, _) = Endpoint::client(SESSION, config, store, Task::Put);
    (0..9).for_each(|_| server.signal(useless));
    client.receive(&server.take());
    assert_eq!(times(&mut client, 32_999).len(), 9);
    assert_eq!(failure(&mut client), None);
    client.wait(1);
    assert_eq!(failure(&mut client), Some(Failure::TimedOut));
    // A client that requests nothing but an answer has no transfer that could stall.
    for task in [Task::Ping, Task::Close] {
        let mut client = self::client(Config::LOSSY, task);
        let mut server = Frames::server(SESSION, Config::LOSSY);
        if matches!(task, Task::Close) {
            client.receive(&server.take());
        }
        while failure(&mut client).is_none() {
            assert!(client.now < 100_000, "{task:?}");
            server.take();
            server.signal(useless);
            client.receive(&server.take());
            client.now += 100;
        }
        assert_eq!(failure(&mut client), Some(Failure::TimedOut), "{task:?}");
    }
}

/// So long a server waits for the rest of a frame that has begun.
fn silence(server: &mut Endpoint<Memory>, question: &[u8]) -> Millis {
    let (session, now) = (server.session.clone(), server.now);
    server.receive(&question[..12]);
    let deadline = server.session.deadline().expect("it waits");
    let silence = deadline - server.now;
    (server.session, server.now) = (session, now);
    silence
}

/// R71.
#[test]
fn the_timeout_of_an_incomplete_frame_follows_the_gaps_of_the_line() {
    let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, Memory::default());
    client.signal(Signal::ask(7, 0, 1));
    let question = client.take();
    assert_eq!(silence(&mut server, &question), 20);
    // Gaps inside frames that come in whole: twice the longest.
    for (gaps, expected) in [([9, 3], 20), ([3, 15], 30), ([18, 2], 36), ([25, 35], 70)] {
        server.receive(&question[..12]);
        server.now += gaps[0];
        server.receive(&question[12..20]);
        server.now += gaps[1];
        assert!(server.session.deadline().is_some_and(|deadline| deadline > server.now));
        server.receive(&question[20..]);
        assert_eq!(silence(&mut server, &question), expected, "{gaps:?}");
        server.now += 1_000;
    }
    // Without gaps it falls by a 64th of the excess with each frame, and at least by 1 ms.
    for expected in [69, 68, 67] {
        server.receive(&question);
        assert_eq!(silence(&mut server, &question), expected);
    }
    (0..100).for_each(|_| drop(server.receive(&question)));
    assert_eq!(silence(&mut server, &question), 20);
}

/// R71.
#[test]
fn bytes_after_an_idle_line_are_the_rest_of_a_frame_or_a_new_frame() {
    for (gap, rest, expected) in [
        // The rest of the frame: the line has such gaps.
        (25, true, 50),
        (200, true, 400),
        (251, true, 500),
        (90_000, true, 500),
        // A whole frame: the one before was damaged.
        (25, false, 20),
        (200, false, 20),
    ] {
        let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, Memory::default());
        client.signal(Signal::ask(7, 0, 1));
        let question = client.take();
        server.receive(&question[..12]);
        let end = server.now + gap;
        server.wait(gap);
        server.now = end;
        server.receive(if rest { &question[12..] } else { &question });
        server.wait(1_000);
        assert_eq!(silence(&mut server, &question), expected, "{gap} ms, {rest}");
    }
}

/// R78. Of a store that takes long to decide on an offer and to put a file in place.
#[test]
fn a_busy_receiver_sends_a_keepalive_every_two_seconds() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for (number, in_tree) in [(1, false), (3, true)] {
            let (mut server, mut client) = Endpoint::server(SESSION, config, Memory::default());
            let mut count = 0;
            if in_tree {
                client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
                client.described(Signal::offer(2, 0, 0, 5), b"d/");
                client.signal(Signal::done(2, 0, 4, 0));
                client.signal(Signal::ask(1, 0, 777));
                server.receive(&client.take());
                count = 777;
            }
            // The store is asked again every 10 ms.
            (server.work, server.store.busy) = (10, 900);
            client.described(Signal::offer(number, 0, 0, 5), b"f");
            let offer = client.take();
            client.signal(Signal::done(number, 0, 778, 0));
            for (frames, count) in [(offer, count), (client.take(), 778)] {
                server.now += 10_000;
                let begin = server.now;
                let mut said = server.receive(&frames);
                while server.now - begin < 9_000 {
                    said.extend(server.wait(10));
                }
                let signs = said.iter().filter(|signal| signal.credit() == 0);
                let signs: Vec<_> =
                    signs.filter(|signal| signal.code == Code::Pon).copied().collect();
                assert_eq!(signs, [Signal::ack(number, 0, 0, count, NONE); 4], "{config:?}");
            }
        }
    }
}

/// The long call of the store is done: no timer of the meantime is due.
#[test]
fn after_the_store_has_worked_the_timeout_begins_again() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let (mut server, mut client) = Endpoint::server(SESSION, config, Memory::default());
        (server.work, server.store.busy) = (10, 3_000);
        client.described(Signal::offer(1, 0, 600, 5), b"f");
        server.receive(&client.take());
        server.store.busy = 0;
        let timeout = if config.lossy { 60_000 } else { 300_000 };
        assert_eq!(outline(&server.wait(timeout - 1)), [], "{config:?}");
        assert!(!server.store.is_closed(), "{config:?}");
        server.wait(1);
        assert!(server.store.is_closed(), "{config:?}");
    }
}
