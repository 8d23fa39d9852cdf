//! Files of unknown size: the file in place ends where the sender's `DON` says, in whatever order the
//! chunks come.

use tinyferry_core::Config;
use tinyferry_core::checksum::{Checksums as _, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::wire::{Code, Signal, UNKNOWN, UNKNOWN_TIME};
use tinyferry_kit::{Endpoint, Frames, Memory, content};

const SESSION: u32 = 9;
const LINKS: [Config; 2] = [Config::LOSSY, Config::RELIABLE];

/// A server to which a file of unknown size was offered.
struct Receiver {
    server: Endpoint<Memory>,
    client: Frames,
    bytes: Vec<u8>,
    count: u16,
    /// The position of the answer to the offer.
    position: usize,
}

impl Receiver {
    fn new(config: Config, store: Memory, resume: u64) -> Self {
        let (mut server, mut client) = Endpoint::server(SESSION, config, store);
        client.described(Signal::offer(1, resume, UNKNOWN, UNKNOWN_TIME), b"f");
        let answers = server.receive(&client.take());
        let position = answers.last().map_or(0, |signal| signal.position as usize);
        Self { server, client, bytes: content(4096, 1), count: 1, position }
    }

    fn chunk(&mut self, position: usize, length: usize) {
        self.count += 1;
        self.client.chunk(1, position as u64, &self.bytes[position..position + length]);
        assert_eq!(self.server.receive(&self.client.take()), []);
    }

    /// The sender's `DON` with this size and the digest of that content; `None` if it is not final.
    /// A file is in place exactly if it is accepted, and then it is the sender's.
    fn done(&mut self, size: usize) -> Option<Result<(), Reason>> {
        self.count += 1;
        let sent = &self.bytes[..size];
        self.client.signal(Signal::done(1, size as u64, self.count, Tables::crc64(0, sent)));
        let answers = self.server.receive(&self.client.take());
        let ending = match answers.last() {
            Some(signal) if signal.code == Code::Don => Some(Ok(())),
            Some(signal) if signal.code == Code::Err => Some(Err(signal.reason())),
            _ => None,
        };
        let expected = matches!(ending, Some(Ok(()))).then_some(sent);
        let placed = self.server.store.bytes("f");
        assert_eq!(placed.map(<[u8]>::len), expected.map(<[u8]>::len), "of {size} bytes");
        assert_eq!(placed, expected);
        ending
    }
}

/// Receives these chunks, and then `DON`.
fn receive(config: Config, chunks: &[(usize, usize)], size: usize) -> Option<Result<(), Reason>> {
    let mut receiver = Receiver::new(config, Memory::default(), 0);
    chunks.iter().for_each(|(position, length)| receiver.chunk(*position, *length));
    receiver.done(size)
}

/// R10, R34.
#[test]
fn a_file_does_not_end_before_a_block_that_came_first() {
    for config in LINKS {
        for later in [(256, 256), (1024, 256), (512, 1024)] {
            let ending = receive(config, &[later, (0, 5)], 5);
            assert_eq!(ending, Some(Err(Reason::Incomplete)), "{later:?} {}", config.lossy);
        }
        // The chunk ends within the block that came.
        let ending = receive(config, &[(512, 256), (0, 600)], 600);
        assert_eq!(ending, Some(Err(Reason::Incomplete)));
        // The end is ahead of the position as well.
        let ending = receive(config, &[(2048, 256), (1024, 10), (0, 1024)], 1034);
        assert_eq!(ending, Some(Err(Reason::Incomplete)));
    }
}

/// R9, R10.
#[test]
fn nothing_is_stored_behind_a_chunk_that_ends_the_file() {
    for config in LINKS {
        for later in [(256, 256), (1024, 256), (512, 1024)] {
            assert_eq!(receive(config, &[(0, 5), later], 5), Some(Ok(())), "{later:?}");
        }
        let ending = receive(config, &[(1024, 10), (2048, 256), (0, 1024)], 1034);
        assert_eq!(ending, Some(Ok(())));
    }
}

/// R9.
#[test]
fn the_last_chunk_may_come_first() {
    for config in LINKS {
        assert_eq!(receive(config, &[(1024, 10), (0, 1024)], 1034), Some(Ok(())));
        assert_eq!(receive(config, &[(512, 256), (256, 600), (0, 256)], 856), Some(Ok(())));
    }
}

/// R34.
#[test]
fn done_does_not_cut_off_content_that_was_stored() {
    // The receiver keeps blocks ahead of the position; on a lossy link the missing ones may follow.
    let mut receiver = Receiver::new(Config::LOSSY, Memory::default(), 0);
    receiver.chunk(1024, 256);
    assert_eq!(receiver.done(512), Some(Err(Reason::Incomplete)));
    // On a reliable link a chunk may end anywhere, and the blocks ahead begin there.
    for size in [5, 261] {
        let chunks = [(0, 5), (5 + 1024, 256), (5, 256)];
        let chunks = if size == 5 { &chunks[..2] } else { &chunks };
        let ending = receive(Config::RELIABLE, chunks, size);
        assert_eq!(ending, Some(Err(Reason::Incomplete)), "{size}");
    }
}

/// R58, R64.
#[test]
fn a_longer_partial_leaves_nothing_behind_the_end() {
    for config in LINKS {
        let mut store = Memory::default();
        store.partials.insert("f".into(), content(4000, 1));
        let mut receiver = Receiver::new(config, store, 2048);
        for position in (receiver.position..2048).step_by(1024) {
            receiver.chunk(position, 1024);
        }
        assert_eq!(receiver.done(2048), Some(Ok(())));
    }
}
