//! Chunks in the driver's buffer: the session takes them from there or from its own buffer, with the same result.

use tinyferry_core::store::{Accepted, Offer};
use tinyferry_core::{Config, Failure, Reason, Session, Store, Task};
use tinyferry_kit::{Endpoint, File, Memory, Pair, content};

/// All that a client says that puts this, over a link without delay.
fn said(config: Config, client: Memory, server: Memory) -> Vec<u8> {
    let mut pair = Pair::new(config, client, server);
    pair.up.record = Some(Vec::new());
    let _ = pair.run(Task::Put).expect("it ends");
    pair.up.record.take().expect("it is kept")
}

/// The answers of a server, and its store.
#[derive(Debug, PartialEq, Eq)]
struct Received<S> {
    answers: Vec<u8>,
    store: S,
}

/// A server that receives these bytes, with this size of its driver's buffer and of each read. Returns the number of
/// bytes that were taken from the buffer, too.
fn receive<S: Store>(
    sent: &[u8],
    config: Config,
    store: S,
    buffered: usize,
    read: usize,
) -> (Received<S>, usize) {
    let mut server = Endpoint::new(Session::server(config), store);
    server.grains = vec![(buffered, read)];
    let mut answers = server.exchange(sent);
    if server.result().is_none() {
        answers.extend(server.end_of_stream());
    }
    assert!(server.result().is_some(), "the stream has ended");
    (Received { answers, store: server.store }, server.taken)
}

/// Files of all kinds of sizes, and two that come to nothing.
fn tree() -> Memory {
    let sizes = [0, 1, 1023, 1024, 1025, 5_000, 70_000, 200_000, 3];
    let mut store = Memory::default();
    for (number, size) in sizes.into_iter().enumerate() {
        store.files.insert(format!("t/{number}"), File::new(content(size, 1)));
    }
    store.queue_tree("t");
    store
}

/// A store that sums up by itself.
fn summing() -> Memory {
    let mut store = Memory::default();
    store.sums = true;
    store
}

#[test]
fn a_server_sends_and_stores_the_same_with_and_without_buffered_input() {
    let half = content(200_000, 1)[..100 * 1024].to_vec();
    let server = |change: &dyn Fn(&mut Memory)| {
        let mut server = summing();
        change(&mut server);
        server
    };
    let servers = [
        Memory::default(),
        summing(),
        server(&|it| it.step = 700),
        server(&|it| it.in_order = true),
        server(&|it| it.partials.extend([("t/7".into(), half.clone())])),
        server(&|it| it.refuse.extend([("t/6".into(), Reason::NoSpace)])),
        // The largest file finds no room; and then there is no room at all.
        server(&|it| it.room = 100_000),
    ];
    for server in servers {
        for config in [
            Config::RELIABLE,
            Config::RELIABLE.sha256(true),
            Config::RELIABLE.chunk(256).block(0),
            Config::RELIABLE.half_duplex(true),
        ] {
            let said = said(config, tree(), server.clone());
            let (expected, none) = receive(&said, config, server.clone(), 0, usize::MAX);
            assert_eq!(none, 0);
            assert_eq!(expected.store.files["t/5"].bytes, content(5_000, 1));
            for buffered in [11, 12, 268, 1035, 1036, 1037, 5_000, 65_536, usize::MAX] {
                for read in [1, 1000, usize::MAX] {
                    let (received, taken) = receive(&said, config, server.clone(), buffered, read);
                    assert!(taken > 0 || buffered < 1036, "of {buffered} it takes none");
                    assert!(received == expected, "{buffered} buffered, {read} read, {config:?}");
                }
            }
        }
    }
}

/// Over a link that loses bytes chunks are told from content by their order: none is taken.
#[test]
fn over_a_lossy_link_no_buffered_input_is_taken() {
    let said = said(Config::LOSSY, tree(), Memory::default());
    let (_, taken) = receive(&said, Config::LOSSY, Memory::default(), usize::MAX, usize::MAX);
    assert_eq!(taken, 0);
}

/// A chunk with one byte more or less is damaged, buffered or not.
/// R68.
#[test]
fn damage_in_buffered_input_ends_the_session() {
    let said = said(Config::RELIABLE, tree(), Memory::default());
    for at in (200..said.len()).step_by(1_777) {
        let mut damaged = said.clone();
        damaged[at] ^= 4;
        let (expected, _) = receive(&damaged, Config::RELIABLE, summing(), 0, usize::MAX);
        let (received, _) = receive(&damaged, Config::RELIABLE, summing(), 65_536, usize::MAX);
        assert!(received == expected, "byte {at}");
        assert!(received.store.files.len() < 9, "byte {at}");
    }
}

/// A store that sums up wrongly.
#[derive(Default)]
struct Wrong(Memory);

impl Store for Wrong {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.0.offer(offer)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.0.store(position, bytes)
    }

    fn digest(&mut self, start: u64, _: u64, _: u64) -> Option<u64> {
        Some(start ^ 1)
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.0.commit()
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.0.abandon(reason, all);
    }
}

#[test]
fn the_digest_of_the_store_is_compared_with_that_of_the_sender() {
    let mut client = Memory::with([("f", content(50_000, 1))]);
    client.gives_up = true;
    client.queue_file("f");
    let mut pair = Pair::new(Config::RELIABLE, client, Wrong::default());
    pair.server.ahead = usize::MAX;
    let refused = Ok(Err(Failure::Refused(Reason::DigestDiffers)));
    assert_eq!(pair.run(Task::Put), refused);
    assert!(pair.server.store.0.files.is_empty());
}
