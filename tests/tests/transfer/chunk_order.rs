//! Chunks in any order, in any split: the stored content is the sent content, and so are its digests.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config as Settings;
use tinyferry_core::checksum::{Checksums as _, Sha256, SoftSha256, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::wire::{Code, Signal};
use tinyferry_core::{Config, Session};
use tinyferry_kit::{Endpoint, Frames, Memory, content};

const SESSION: u32 = 7;
const UNIT: usize = 256;
/// The length of a map past the position, in bytes.
const MOST: usize = 97 * UNIT;

fn cases(few: u32) -> Settings {
    let many = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Settings { cases: many.unwrap_or(few), failure_persistence: None, ..Settings::default() }
}

/// The receiver's partial of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Partial {
    None,
    Right,
    Wrong,
}

/// The size and digest in the sender's `DON`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Claim {
    Right,
    /// The digest of the file without this number of bytes at its start.
    Without(usize),
    WrongCrc,
    WrongSha,
}

#[derive(Debug, Clone)]
struct Case {
    config: Config,
    size: usize,
    partial: Partial,
    claim: Claim,
    in_order: bool,
    sums: bool,
    /// Chunks as units from, to; all of the file is among them.
    chunks: Vec<(usize, usize)>,
    /// Before this chunk the sender asks where the receiver is.
    asks_at: usize,
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = SoftSha256::new();
    digest.update(bytes);
    digest.finish()
}

fn chunks_of(size: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    let units = size.div_ceil(UNIT);
    let cuts = vec(1..=4usize, units);
    let more = vec((0..units, 1..=4usize), 0..6);
    (cuts, more).prop_flat_map(move |(lengths, more)| {
        let mut chunks = Vec::new();
        let mut from = 0;
        for length in lengths {
            let to = (from + length).min(units);
            chunks.extend((from < to).then_some((from, to)));
            from = to;
        }
        chunks.extend(more.into_iter().map(|(from, length)| (from, (from + length).min(units))));
        prop_oneof![
            // In the order of the sender, so that most are taken from the driver's buffer; and in any order.
            1 => Just(chunks.clone()),
            2 => Just(chunks.clone()).prop_shuffle(),
            // Two that change places.
            2 => (Just(chunks.clone()), 0..chunks.len(), 0..chunks.len()).prop_map(
                |(mut chunks, a, b)| { chunks.swap(a, b); chunks }
            ),
        ]
    })
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = prop_oneof![1..MOST, select(vec![1, 1024, 2048, 2049, 5000, MOST])];
    sizes.prop_flat_map(|size| {
        let links = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        let partial = select(vec![Partial::None, Partial::None, Partial::Right, Partial::Wrong]);
        let claim = prop_oneof![
            2 => Just(Claim::Right),
            2 => (1..=size).prop_map(Claim::Without),
            1 => Just(Claim::WrongCrc),
            1 => Just(Claim::WrongSha),
        ];
        (links, partial, claim, chunks_of(size), 0..200usize).prop_map(
            move |((lossy, sha256, in_order, sums), partial, claim, chunks, asks_at)| {
                let link = if lossy { Config::LOSSY } else { Config::RELIABLE };
                let config = link.sha256(sha256);
                Case { config, size, partial, claim, in_order, sums, chunks, asks_at }
            },
        )
    })
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        content(self.size, 1)
    }

    fn store(&self) -> Memory {
        let mut store = Memory::with([("f", b"old".to_vec())]);
        (store.in_order, store.sums) = (self.in_order, self.sums);
        let mut half = self.bytes();
        half.truncate(self.size / 2 / 1024 * 1024);
        match (self.partial, half.is_empty()) {
            (Partial::None, _) | (_, true) => return store,
            (Partial::Right, _) => {}
            (Partial::Wrong, _) => half[0] ^= 1,
        }
        store.partials.insert("f".into(), half);
        store
    }

    /// Whether the receiver's partial has other content. A store that takes bytes in order only
    /// keeps nothing.
    fn is_spoilt(&self) -> bool {
        self.partial == Partial::Wrong && self.size >= 2048 && !self.in_order
    }

    fn is_claim_right(&self) -> bool {
        match self.claim {
            Claim::Right => true,
            Claim::Without(_) | Claim::WrongCrc => false,
            Claim::WrongSha => !self.config.sha256,
        }
    }

    /// All that the client says.
    fn said(&self) -> Vec<u8> {
        let bytes = self.bytes();
        let size = self.size as u64;
        let mut client = Frames::client(SESSION, self.config);
        client.described(Signal::offer(1, size, size, 5), b"f");
        let mut count = 1;
        for (number, (from, to)) in self.chunks.iter().enumerate() {
            if number == self.asks_at {
                client.signal(Signal::ask(1, 0, count));
            }
            let position = from * UNIT;
            client.chunk(1, position as u64, &bytes[position..(to * UNIT).min(self.size)]);
            count += 1;
        }
        let (crc, sha) = match self.claim {
            Claim::Right => (Tables::crc64(0, &bytes), sha256(&bytes)),
            Claim::Without(front) => {
                let rest = &bytes[front..];
                (Tables::crc64(0, rest), sha256(rest))
            }
            Claim::WrongCrc => (!Tables::crc64(0, &bytes), sha256(&bytes)),
            Claim::WrongSha => (Tables::crc64(0, &bytes), [7; 32]),
        };
        let done = Signal::done(1, size, count + 1, crc);
        if self.config.sha256 {
            client.described(done, &[&[0, 2, 32][..], &sha].concat());
        } else {
            client.signal(done);
        }
        client.take()
    }

    fn receive(&self, said: &[u8], grains: Vec<(usize, usize)>) -> (Vec<Signal>, Memory, usize) {
        let mut server = Endpoint::new(Session::server(self.config), self.store());
        server.grains = grains;
        let answers = server.receive(said);
        (answers, server.store, server.taken)
    }

    /// Whether all of the file comes in, in an order that the store takes.
    fn comes_in(&self) -> bool {
        let mut position = 0;
        for (from, to) in &self.chunks {
            if *from * UNIT <= position {
                position = position.max((to * UNIT).min(self.size));
            }
        }
        !self.in_order || position == self.size
    }
}

/// The answer that ends the transfer.
fn ending(answers: &[Signal]) -> Option<Result<(), Reason>> {
    answers.iter().rev().find_map(|signal| match signal.code {
        Code::Don => Some(Ok(())),
        Code::Err => Some(Err(signal.reason())),
        _ => None,
    })
}

proptest! {
    #![proptest_config(cases(400))]

    /// `PROTOCOL.md`, section 4: chunks come in any order. The result depends on the content alone,
    /// and is the same wherever the driver lets chunks be taken from. R9.
    #[test]
    fn chunks_in_any_order_and_any_split_make_the_same_file(
        case in case(),
        grains in vec((prop_oneof![Just(0usize), 1..3000usize, Just(usize::MAX)],
                       prop_oneof![1..2000usize, Just(usize::MAX)]), 1..5),
    ) {
        let said = case.said();
        let (answers, store, none) = case.receive(&said, vec![(0, usize::MAX)]);
        prop_assert_eq!(none, 0);
        let expected = match (case.comes_in(), case.is_claim_right() && !case.is_spoilt()) {
            // A lossy link: missing chunks are asked for.
            (false, _) if case.config.lossy => None,
            (false, _) => Some(Err(Reason::Incomplete)),
            (true, true) => Some(Ok(())),
            (true, false) => Some(Err(Reason::DigestDiffers)),
        };
        prop_assert_eq!(ending(&answers), expected);
        let is_new = store.bytes("f") == Some(&case.bytes());
        prop_assert_eq!(is_new, expected == Some(Ok(())));
        prop_assert!(is_new || store.bytes("f") == Some(&b"old"[..]));
        // Where the chunks are taken from changes when the prefix is proven, and nothing else.
        let (buffered, split) = (case.receive(&said, grains), case.receive(&said, vec![(usize::MAX, 1)]));
        for (answers, other, _) in [buffered, split] {
            prop_assert_eq!(ending(&answers), expected);
            prop_assert_eq!(&other.files, &store.files);
            if expected == Some(Ok(())) {
                prop_assert_eq!(&other.digests, &store.digests);
            }
        }
    }
}

/// The case of a peer that sends its second chunk first, all in one write.
#[test]
fn the_second_chunk_may_come_first() {
    for sha256 in [false, true] {
        for (claim, expected) in [
            (Claim::Right, Ok(())),
            (Claim::Without(1024), Err(Reason::DigestDiffers)),
            (Claim::Without(2048), Err(Reason::DigestDiffers)),
        ] {
            let case = Case {
                config: Config::RELIABLE.sha256(sha256),
                size: 3000,
                partial: Partial::None,
                claim,
                in_order: false,
                sums: false,
                chunks: vec![(4, 8), (0, 4), (8, 12)],
                asks_at: usize::MAX,
            };
            let (answers, _, _) = case.receive(&case.said(), vec![(usize::MAX, usize::MAX)]);
            assert_eq!(ending(&answers), Some(expected), "{claim:?}, SHA-256: {sha256}");
        }
    }
}
