//! Stores whose content comes from or goes to something slow, as a pipe: both ends stay connected, for as long as
//! it takes.

use tinyferry_core::store::{Accepted, Entry, Offer};
use tinyferry_core::{Config, GetRequest, Outcome, Reason, Session, Store, Task};
use tinyferry_kit::{End, Faults, Memory, Pair, Pipes, content, session_number};

const SECOND: u64 = 1_000_000_000;
/// A store that is not ready is asked again this often, in milliseconds.
const PAUSE: u32 = 10;
/// The longest silence of an end that waits, in nanoseconds.
const LIFE_SIGN: u64 = 2 * SECOND + SECOND / 10;
/// The content has more than a chunk.
const SIZE: usize = 2500;

type Machines<C> = Pair<End<C, Pipes>, End<Memory, Pipes>>;

fn pair<C: Store>(config: Config, client: C, server: Memory) -> Machines<C> {
    let number = session_number(0xC0FF_EE01);
    let client = End::of(Session::<Pipes>::client(number, config), client);
    Pair::of(client, End::of(Session::<Pipes>::server(config), server))
}

fn file() -> Memory {
    Memory::with([("f", content(SIZE, 7))])
}

/// A put of a file whose size is not known, from a store that is not ready for `seconds` before each chunk.
fn put(config: Config, seconds: u32) -> Machines<Memory> {
    let mut pair = pair(config, file(), Memory::default());
    pair.client.store.unsized_offers = true;
    pair.client.store.busy = seconds * 1000 / PAUSE;
    pair.client.wait = u64::from(PAUSE) * SECOND / 1000;
    pair.client.store.queue_file("f");
    pair
}

/// R76, R78.
#[test]
fn a_sender_may_wait_for_its_content_longer_than_every_timeout() {
    for (config, seconds) in [(Config::RELIABLE, 400), (Config::LOSSY, 100)] {
        let mut pair = put(config, seconds);
        let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
        assert_eq!(outcome, Outcome { entries: 1, ..Outcome::default() });
        assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
        // Before each of three chunks.
        assert!(pair.now >= 3 * u64::from(seconds) * SECOND, "{} ns", pair.now);
        assert!(pair.up.silence <= LIFE_SIGN, "{} ns", pair.up.silence);
    }
}

/// R78: the keepalives of a receiver.
#[test]
fn a_receiver_may_wait_for_room_longer_than_every_timeout() {
    for (config, seconds) in [(Config::RELIABLE, 400), (Config::LOSSY, 100)] {
        for ahead in [0, 4096] {
            let mut pair = pair(config, Memory::default(), file());
            pair.client.ahead = ahead;
            pair.client.store.busy = seconds * 1000 / PAUSE;
            pair.client.wait = u64::from(PAUSE) * SECOND / 1000;
            let task = Task::Get(GetRequest::file("f"));
            assert!(pair.run(task).expect("it ends").is_ok());
            assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
            assert!(pair.now > 3 * u64::from(seconds) * SECOND, "{} ns", pair.now);
            // It waits for the offer and for the commit too.
            assert!(pair.up.silence <= 2 * LIFE_SIGN, "{} ns", pair.up.silence);
        }
    }
}

#[test]
fn lost_blocks_are_sent_again_while_the_sender_waits() {
    for seed in 0..30 {
        let mut pair = put(Config::LOSSY, 20).serial(115_200, seed);
        for line in [&mut pair.up, &mut pair.down] {
            line.faults = Faults { flip: 0.0, drop: 1e-3, insert: 0.0, double: 0.0, burst: 0.0 };
        }
        assert!(pair.run(Task::Put).expect("it ends").is_ok(), "{seed}");
        assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"), "{seed}");
        // Nobody waits for the next chunk with a lost block.
        assert!(pair.now < 90 * SECOND, "{seed}: {} ns", pair.now);
    }
}

/// R79.
#[test]
fn a_sender_that_waits_notices_that_the_receiver_has_left() {
    let mut pair = put(Config::RELIABLE, 1000);
    pair.limit = 5 * SECOND;
    assert!(pair.run(Task::Put).is_err(), "it still waits");
    pair.down.cut = Some(0);
    pair.limit = 10 * SECOND;
    assert!(pair.go_on().expect("it ends").is_err());
    assert!(pair.client.store.is_closed());
}

/// R78: it loads no content before the answer, which it could not read while a chunk goes out.
#[test]
fn a_half_duplex_sender_that_waits_asks_and_waits_for_the_answer() {
    for (config, seconds) in [(Config::RELIABLE, 400), (Config::LOSSY, 100)] {
        let mut pair = put(config.half_duplex(true), seconds).delayed(20);
        assert!(pair.run(Task::Put).expect("it ends").is_ok());
        assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
        assert!(pair.now >= 3 * u64::from(seconds) * SECOND, "{} ns", pair.now);
        assert!(pair.up.silence <= LIFE_SIGN, "{} ns", pair.up.silence);
    }
}

/// A store that takes bytes in order, and counts the calls that came although it was not ready.
#[derive(Default)]
struct Window {
    content: Vec<u8>,
    is_ready: bool,
    polls: u32,
    wrong: u32,
}

impl Store for Window {
    fn offer(&mut self, _: &Offer<'_>) -> Result<Accepted, Reason> {
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn is_ready(&mut self) -> bool {
        self.polls += 1;
        self.is_ready = self.polls.is_multiple_of(3);
        self.is_ready
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let is_next = position == self.content.len() as u64;
        self.wrong += u32::from(!std::mem::take(&mut self.is_ready) || !is_next);
        self.content.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    fn next(&mut self, _: &mut [u8]) -> Result<Option<Entry>, Reason> {
        Ok(None)
    }
}

#[test]
fn content_comes_only_after_the_store_is_ready() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for ahead in [0, 4096] {
            let mut pair =
                pair(config, Window::default(), Memory::with([("f", content(30_000, 7))]));
            pair.client.ahead = ahead;
            let task = Task::Get(GetRequest::file("f"));
            assert!(pair.run(task).expect("it ends").is_ok());
            assert!(pair.client.store.content == content(30_000, 7));
            assert_eq!(pair.client.store.wrong, 0);
        }
    }
}
