//! Holes: zeros that are not sent as content.

mod frames;

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::{Config, Outcome, Profile, Session, Standard, Task};
use tinyferry_kit::{End, Faults, File, Memory, Pair, Random, Sparse, content, session_number};

const SESSION: u32 = 0x5EED;

type Sides<P, Q> = Pair<End<Memory, P>, End<Memory, Q>>;

/// A client and a server, each of its own profile.
fn pair<P: Profile, Q: Profile>(config: Config, client: Memory, server: Memory) -> Sides<P, Q> {
    let number = session_number(SESSION);
    let client = End::of(Session::<P>::client(number, config), client);
    Pair::of(client, End::of(Session::<Q>::server(config), server))
}

/// A file of content and zeros in turn. They begin and end anywhere; some are longer than the window.
fn with_holes(size: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes: Vec<u8> = content(size, seed).iter().map(|byte| byte | 1).collect();
    let mut at = if seed.is_multiple_of(3) { 0 } else { random.below(3_000) };
    while at < size {
        let longest = if random.happens(0.3) { 120_000 } else { 5_000 };
        let end = (at + random.below(longest)).min(size);
        bytes[at..end].fill(0);
        at = end + random.below(9_000);
    }
    bytes
}

/// The bytes of the blocks that have other bytes than zeros.
fn in_blocks(bytes: &[u8], block: usize) -> u64 {
    let filled = bytes.chunks(block).filter(|part| part.iter().any(|byte| *byte != 0));
    filled.map(|part| part.len() as u64).sum()
}

fn source(bytes: &[u8]) -> Memory {
    let mut store = Memory::with([("f", bytes.to_vec())]);
    store.sparse = true;
    store.queue_file("f");
    store
}

/// Puts the file, then gets it. Returns the bytes that crossed the line in each direction.
fn put_and_get<P: Profile, Q: Profile>(
    mut pair: Sides<P, Q>,
    bytes: &[u8],
    what: &str,
) -> [u64; 2] {
    let outcome = pair.run(Task::Put).unwrap_or_else(|stuck| panic!("{what}: {stuck:?}"));
    assert!(outcome.is_ok(), "{what}: {outcome:?}");
    assert_eq!(pair.server.store.bytes("f"), Some(bytes), "{what}");
    let up = pair.up.carried;
    pair.client.store = Memory::default();
    pair.server.store.sparse = true;
    let task = Task::get_file("f");
    let down = pair.down.carried;
    let outcome = pair.run(task).unwrap_or_else(|stuck| panic!("{what}: {stuck:?}"));
    assert!(outcome.is_ok(), "{what}: {outcome:?}");
    assert_eq!(pair.client.store.bytes("f"), Some(bytes), "{what}");
    [up, pair.down.carried - down]
}

/// R93, R94.
#[test]
fn files_with_holes_cross_noise_both_ways() {
    let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 0.0 };
    for seed in 0..30 {
        let bytes = with_holes(200_000 + seed as usize * 37, seed);
        let config = Config::LOSSY.block(seed as u8 % 3).sha256(seed % 2 == 0);
        let mut server = Memory::default();
        server.in_order = seed % 5 == 4;
        server.step = if seed % 4 == 1 { 700 } else { usize::MAX };
        let mut pair = pair::<Sparse, Sparse>(config, source(&bytes), server);
        pair = pair.serial(921_600, seed);
        (pair.up.faults, pair.down.faults) = (faults, faults);
        pair.client.has_clock = seed % 7 != 3;
        let content = in_blocks(&bytes, 256 << (seed % 3));
        // A receiver that takes bytes in order loses all that follows a lost frame.
        let is_bounded = !pair.server.store.in_order;
        for carried in put_and_get(pair, &bytes, &format!("seed {seed}")) {
            let most = content + content * 3 / 4 + 12_000;
            assert!(!is_bounded || carried < most, "seed {seed}: {carried}, {content}");
        }
    }
}

/// R93, R94.
#[test]
fn files_with_holes_cross_reliable_links_in_reads_of_any_length() {
    for seed in 0..60 {
        let bytes = with_holes(300_000 + seed as usize * 31, seed);
        let chunk = [256, 768, 1024, 1000][seed as usize % 4];
        let config = Config::RELIABLE.chunk(chunk).credit(1 + 7 * (seed as u16 % 9));
        let config = config.sha256(seed % 2 == 0).half_duplex(seed % 5 == 1);
        let mut client = source(&bytes);
        client.step = if seed % 3 == 1 { 333 } else { usize::MAX };
        let mut server = Memory::default();
        server.step = [usize::MAX, 100, 5_000][seed as usize % 3];
        let mut pair = pair::<Sparse, Sparse>(config, client, server);
        pair.server.ahead = [0, 40, 4_000, 100_000][seed as usize / 3 % 4];
        pair.client.ahead = pair.server.ahead;
        let content = in_blocks(&bytes, 256);
        for carried in put_and_get(pair, &bytes, &format!("seed {seed}")) {
            let most = content + content / 5 + 12_000;
            assert!(carried < most, "seed {seed}: {carried}, {content}");
        }
    }
}

/// R93: an end that has no holes gets zeros.
#[test]
fn an_end_without_holes_gets_and_gives_content() {
    let bytes = with_holes(100_000, 3);
    for config in [Config::RELIABLE, Config::LOSSY] {
        let old_server = pair::<Sparse, Standard>(config, source(&bytes), Memory::default());
        let old_client = pair::<Standard, Sparse>(config, source(&bytes), Memory::default());
        for carried in [
            put_and_get(old_server, &bytes, "an old server"),
            put_and_get(old_client, &bytes, "an old client"),
        ] {
            assert!(carried.iter().all(|carried| *carried > 100_000), "{carried:?}");
        }
    }
}

/// R93: each hole is as long as the limit for one frame allows.
#[test]
fn a_file_that_is_one_hole_takes_a_few_frames() {
    for size in [1, 255, 1024, (3 << 24) + 5_000] {
        let bytes = vec![0; size];
        let pair = pair::<Sparse, Sparse>(Config::RELIABLE, source(&bytes), Memory::default());
        let carried = put_and_get(pair, &bytes, &format!("{size} zeros"));
        assert!(carried.iter().all(|carried| *carried < 500), "{carried:?}");
    }
}

/// R59, R94: the check of a prefix covers zeros like content, and the sender sends the remaining zeros of a hole.
#[test]
fn a_transfer_that_is_cut_within_a_hole_is_resumed_there() {
    for (seed, prefix) in (0..20).map(|seed| (seed, 4_096 * seed as usize)) {
        let bytes = [content(20_480, seed), vec![0; 40_000], content(30_000, seed)].concat();
        for config in [Config::RELIABLE, Config::LOSSY.sha256(true), Config::RELIABLE.sha256(true)]
        {
            let mut server = Memory::default();
            server.sparse = seed % 2 == 0;
            // The end of the partial has other bytes, also where the hole is.
            let length = prefix.min(bytes.len() / 1024 * 1024);
            let tail = vec![0xAA; 1_000];
            server.partials.insert("f".into(), [&bytes[..length], &tail].concat());
            let mut pair = pair::<Sparse, Sparse>(config, source(&bytes), server);
            let outcome = pair.run(Task::Put).expect("it ends");
            assert!(outcome.is_ok(), "{prefix}: {outcome:?}");
            assert_eq!(pair.server.store.bytes("f"), Some(&*bytes), "{prefix}");
            assert!(pair.up.carried < 60_000, "{prefix}: {}", pair.up.carried);
        }
    }
}

/// R54, R55: the blocks of a lost hole are sent again.
#[test]
fn each_lost_frame_of_a_file_with_holes_is_replaced() {
    let bytes = [content(2_000, 1), vec![0; 30_000], content(1_500, 2), vec![0; 777]].concat();
    let mut clean = pair::<Sparse, Sparse>(Config::LOSSY, source(&bytes), Memory::default());
    clean.run(Task::Put).expect("it ends").expect("it is in place");
    let frames = clean.up.frames;
    assert!((5..40).contains(&frames), "{frames}");
    for lost in 0..frames {
        for next in [None, Some(lost + 1)] {
            let mut pair = pair::<Sparse, Sparse>(Config::LOSSY, source(&bytes), Memory::default());
            pair.up.room = 1 << 20;
            pair.up.lose = [Some(lost), next].into_iter().flatten().collect();
            let outcome = pair.run(Task::Put).expect("it ends");
            assert!(outcome.is_ok(), "{lost}: {outcome:?}");
            assert_eq!(pair.server.store.bytes("f"), Some(&*bytes), "{lost}");
        }
    }
}

/// R94.
#[test]
fn a_store_without_space_refuses_zeros() {
    let bytes = vec![0; 50_000];
    let mut server = Memory::default();
    server.room = 20_000;
    let mut pair = pair::<Sparse, Sparse>(Config::RELIABLE, source(&bytes), server);
    let outcome = pair.run(Task::Put).expect("it ends");
    assert_eq!(outcome, Err(Failure::Refused(Reason::NoSpace)));
}

/// R36, R93: a source that ends within a hole has changed.
#[test]
fn a_hole_past_the_offered_size_is_not_sent() {
    struct Longer(Memory);
    impl tinyferry_core::Store for Longer {
        fn inner(&mut self) -> Option<&mut dyn tinyferry_core::Store> {
            Some(&mut self.0)
        }

        fn hole(&mut self, position: u64) -> Option<u64> {
            Some(u64::MAX - position)
        }
    }
    let client = Session::<Sparse>::client(session_number(SESSION), Config::RELIABLE);
    let client = End::of(client, Longer(source(&[0; 3_000])));
    let server = End::of(Session::<Sparse>::server(Config::RELIABLE), Memory::default());
    let mut pair = Pair::of(client, server);
    let outcome = pair.run(Task::Put).expect("it ends");
    assert_eq!(outcome, Ok(Outcome { entries: 1, ..Outcome::default() }));
    assert_eq!(pair.server.store.bytes("f"), Some(&[0; 3_000][..]));
}

/// R14: the offer states the number of bytes in no hole, if both ends have holes.
#[test]
fn the_offer_states_the_number_of_bytes_in_no_hole() {
    #[derive(Default)]
    struct Told(Memory, Vec<Option<u64>>);
    impl tinyferry_core::Store for Told {
        fn inner(&mut self) -> Option<&mut dyn tinyferry_core::Store> {
            Some(&mut self.0)
        }

        fn offer(
            &mut self,
            offer: &tinyferry_core::store::Offer<'_>,
        ) -> Result<tinyferry_core::store::Accepted, Reason> {
            self.1.push(offer.content);
            self.0.offer(offer)
        }
    }
    let bytes = [content(2_000, 1).iter().map(|byte| byte | 1).collect(), vec![0; 30_000]].concat();
    for mode in [None, Some(0o644)] {
        let mut client = source(&bytes);
        client.files.insert("f".into(), File { mode, ..File::new(bytes.clone()) });
        let client_session = Session::<Sparse>::client(session_number(SESSION), Config::RELIABLE);
        let client = End::of(client_session, client);
        let told = Session::<Sparse>::server(Config::RELIABLE);
        let mut pair = Pair::of(client.clone(), End::of(told, Told::default()));
        pair.run(Task::Put).expect("it ends").expect("it is in place");
        assert_eq!(pair.server.store.1, [Some(2_000)]);
        let old = Session::<Standard>::server(Config::RELIABLE);
        let mut pair = Pair::of(client, End::of(old, Told::default()));
        pair.run(Task::Put).expect("it ends").expect("it is in place");
        assert_eq!(pair.server.store.1, [None]);
    }
}
