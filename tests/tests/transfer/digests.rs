//! The digests of whole files: both follow the position, and SHA-256 only where both ends want it.

use tinyferry_core::buffer::Buffer1024;
use tinyferry_core::checksum::{Checksums, Sha256, SoftSha256, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::Signal;
use tinyferry_core::{Config, Profile, Session, Task};
use tinyferry_kit::{End, Endpoint, Faults, Memory, Pair, content, session_number};

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = SoftSha256::new();
    digest.update(bytes);
    digest.finish()
}

#[test]
fn the_sha256_is_that_of_the_standard() {
    // FIPS 180-4 and the digest of nothing.
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(
        hex(sha256(b"abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        hex(sha256(b"")),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

/// Puts the file, and compares the sizes and digests of both ends with the true ones.
fn check(mut pair: Pair, bytes: &[u8], expected: bool) {
    pair.client.store.queue_file("f");
    let outcome = pair.run(Task::Put).expect("it ends");
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(pair.server.store.bytes("f"), Some(bytes));
    for store in [&pair.client.store, &pair.server.store] {
        let digests = store.digests.last().expect("it was told");
        assert_eq!(digests.crc64, Tables::crc64(0, bytes));
        assert_eq!(digests.sha256, expected.then(|| sha256(bytes)));
    }
}

/// R4, R5.
#[test]
fn both_digests_follow_the_position() {
    for (link, seeds) in [(Config::RELIABLE, 1), (Config::LOSSY, 12)] {
        let config = link.sha256(true).credit(24);
        for seed in 0..seeds {
            for size in [0, 1, 1024, 60_000] {
                let bytes = content(size, seed);
                let client = Memory::with([("f", bytes.clone())]);
                let mut pair = Pair::new(config, client.clone(), Memory::default());
                if link.lossy {
                    pair = pair.serial(921_600, seed);
                    let faults = Faults { flip: 2e-5, drop: 2e-4, ..Faults::default() };
                    pair.up.faults = faults;
                    pair.down.faults = faults;
                }
                // Some of it is there already, right or wrong.
                let mut partial = bytes.clone();
                partial.truncate(size / 2 / 1024 * 1024);
                if seed % 3 == 1 && !partial.is_empty() {
                    partial[0] ^= 1;
                }
                if seed % 3 != 2 && !partial.is_empty() {
                    pair.server.store.partials.insert("f".into(), partial);
                }
                pair.server.store.in_order = seed == 5;
                check(pair, &bytes, true);
            }
        }
    }
}

/// R5, R20.
#[test]
fn sha256_is_used_only_where_both_ends_want_it() {
    for (client, server) in [(true, false), (false, true), (false, false)] {
        let bytes = content(5000, 1);
        let config = |sha256| Config::RELIABLE.sha256(sha256);
        let mut pair =
            Pair::new(config(client), Memory::with([("f", bytes.clone())]), Memory::default());
        pair.server.session = Session::server(config(server));
        check(pair, &bytes, false);
    }
}

/// A profile whose SHA-256 is wrong.
#[derive(Debug)]
struct Wrong;

#[derive(Debug, Clone)]
struct WrongSha256(SoftSha256);

impl Sha256 for WrongSha256 {
    const NEW: Option<fn() -> Self> = Some(|| Self(SoftSha256::new()));

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> [u8; 32] {
        let mut digest = self.0.finish();
        digest[31] ^= 1;
        digest
    }

    fn claim(&mut self, digest: Option<[u8; 32]>) {
        self.0.claim(digest);
    }

    fn is_as_claimed(&self) -> bool {
        self.0.is_as_claimed()
    }
}

impl Profile for Wrong {
    type Checksums = Tables;
    type Sha256 = WrongSha256;
    type Buffer = Buffer1024;
}

/// R5.
#[test]
fn another_sha256_is_refused_and_replaces_nothing() {
    let config = Config::RELIABLE.sha256(true);
    let mut here = Memory::with([("f", content(3000, 1))]);
    let there = Memory::with([("f", b"old".to_vec())]);
    here.queue_file("f");
    let client = End::of(Session::<Wrong>::client(session_number(5), config), here);
    let mut pair = Pair::of(client, End::new(Session::server(config), there));
    let refused = Ok(Err(Failure::Refused(Reason::DigestDiffers)));
    assert_eq!(pair.run(Task::Put), refused);
    assert_eq!(pair.server.store.bytes("f"), Some(&b"old"[..]));
}

/// The first `DON` is found inside a damaged chunk, and right behind it a second one, whose
/// description is lost. The first one ends the request.
#[test]
fn a_description_that_is_lost_is_not_awaited_past_the_end_of_its_request() {
    for spoilt in [false, true] {
        let config = Config::LOSSY.sha256(true);
        let bytes = content(300, 3);
        let (mut server, mut client) = Endpoint::server(7, config, Memory::default());
        client.described(Signal::offer(1, 0, 300, 5), b"f");
        client.chunk(1, 0, &bytes);
        server.receive(&client.take());
        server.wait(1_000);

        // The damaged chunk lacks as many bytes at its end as the frames behind it have now.
        let digest = Tables::crc64(u64::from(spoilt), &bytes);
        let done = Signal::done(1, 300, 2, digest);
        client.described(done, &[&[0, 2, 32][..], &sha256(&bytes)].concat());
        client.signal(Signal { metadata: 35, ..done });
        let mut behind = client.take();
        behind.extend([0; 40]);
        client.chunk(1, 0, &bytes);
        let mut damaged = client.take();
        damaged.truncate(damaged.len() - behind.len());
        damaged.extend(behind);
        server.receive(&damaged);
        server.wait(1_000);
        assert_eq!(server.store.bytes("f"), (!spoilt).then_some(&*bytes));
        assert!(server.session.is_idle(), "spoilt: {spoilt}");
    }
}
