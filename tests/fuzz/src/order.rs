//! Chunks of one file, in any order and any split.

use tinyferry_core::checksum::{Checksums as _, Sha256, SoftSha256, Tables};
use tinyferry_core::wire::{Code, Signal};
use tinyferry_core::{Config, Reason, Session};
use tinyferry_kit::{Endpoint, Frames, Memory, content};

use crate::script::Script;

const UNIT: usize = 256;
/// The length of a map past the position, in blocks.
const UNITS: usize = 97;

/// A client that sends a file by the script, and a server that reads it by the script. Content is
/// accepted only if it is complete and has its digests.
pub fn order(data: &[u8]) {
    let mut script = Script::new(data);
    let [low, high, flags, claim, partial, sums, ..] = script.front::<8>();
    let size = 1 + usize::from(u16::from_le_bytes([low, high])) % (UNITS * UNIT);
    let bytes = content(size, 1);
    let link = if flags & 1 != 0 { Config::LOSSY } else { Config::RELIABLE };
    let config = link.sha256(flags & 2 != 0);
    let mut store = Memory::with([("f", b"old".to_vec())]);
    store.sums = sums & 1 != 0;
    let stored = size * usize::from(partial >> 1) / 128 / 1024 * 1024;
    let is_spoilt = partial & 1 != 0 && stored > 0;
    if stored > 0 {
        let mut partial = bytes[..stored].to_vec();
        partial[0] ^= u8::from(is_spoilt);
        store.partials.insert("f".into(), partial);
    }
    let mut server = Endpoint::new(Session::server(config), store);
    server.grains = (0..1 + script.decide() % 8)
        .map(|_| {
            let (stored, read) = (usize::from(script.decide()), usize::from(script.decide()));
            (stored * stored, 1 + read * read)
        })
        .collect();

    let mut client = Frames::client(7, config);
    client.described(Signal::offer(1, size as u64, size as u64, 5), b"f");
    let units = size.div_ceil(UNIT);
    let mut sent = vec![false; units];
    let mut count = 1;
    while !script.is_over() && count < 300 {
        let [at, length] = script.front();
        let from = usize::from(at) % units;
        let to = (from + 1 + usize::from(length) % 4).min(units);
        sent[from..to].fill(true);
        client.chunk(1, (from * UNIT) as u64, &bytes[from * UNIT..(to * UNIT).min(size)]);
        count += 1;
        if from % 7 == 3 {
            client.signal(Signal::ask(1, 0, count));
        }
    }
    // All that is missing, from the back.
    for block in (0..units).rev().filter(|block| !sent[*block]) {
        client.chunk(
            1,
            (block * UNIT) as u64,
            &bytes[block * UNIT..(block * UNIT + UNIT).min(size)],
        );
    }
    let front = usize::from(claim >> 1) * size / 128;
    let of = &bytes[front..];
    let mut sha256 = SoftSha256::new();
    sha256.update(if claim & 1 != 0 { of } else { &bytes });
    let done = Signal::done(1, size as u64, count + 1, Tables::crc64(0, of));
    if config.sha256 {
        client.described(done, &[&[0, 2, 32][..], &sha256.finish()].concat());
    } else {
        client.signal(done);
    }

    let said = server.receive(&client.take());
    let ending = said.iter().rev().find(|signal| signal.code != Code::Pon).expect("it ends");
    let is_taken = front == 0 && !is_spoilt;
    assert_eq!(ending.code == Code::Don, is_taken);
    assert!(is_taken || ending.reason() == Reason::DigestDiffers);
    let expected = if is_taken { &bytes[..] } else { b"old" };
    assert!(server.store.bytes("f") == Some(expected), "the content differs");
}
