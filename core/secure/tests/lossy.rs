//! The channel over lines that lose and damage bytes, and over those of an attacker (`PROTOCOL.md`, section 5).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::expect_used)]

mod common;

use common::{Knows, buffers, private, shared};
use tinyferry_secure::{Error, LossyChannel, PrivateKey, Refusal, SharedKey};

type End = LossyChannel<Vec<u8>>;

/// Random numbers by seed: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Once in `times` calls.
    fn is_one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// A line with one fault in about `times` bytes: a flipped bit, a lost, an inserted or a doubled byte.
    fn noise(&mut self, bytes: &[u8], times: u64) -> Vec<u8> {
        let mut arrived = Vec::new();
        for byte in bytes {
            if !self.is_one_in(times) {
                arrived.push(*byte);
                continue;
            }
            match self.next() % 4 {
                0 => arrived.push(byte ^ (1 << (self.next() % 8))),
                1 => {}
                2 => arrived.extend([self.next() as u8, *byte]),
                _ => arrived.extend([*byte, *byte]),
            }
        }
        arrived
    }
}

const SIZE: usize = 1100;

fn key() -> SharedKey {
    shared(5)
}

fn knows() -> Knows {
    Knows { shared: Some(key()), pair: None, trusted: None }
}

fn client(key: &SharedKey, ephemeral: u8) -> End {
    End::client(key, private(ephemeral), buffers(SIZE)).unwrap()
}

fn server() -> End {
    End::server(buffers(SIZE)).unwrap()
}

/// All bytes that an end sends.
fn sent(end: &mut End) -> Vec<u8> {
    let mut all = Vec::new();
    while !end.pending().is_empty() {
        let count = end.pending().len();
        all.extend(end.pending());
        end.transmitted(count);
    }
    all
}

/// The content that an end reads from these bytes. `ephemeral`: the key of a server.
fn takes(end: &mut End, bytes: &[u8], ephemeral: u8) -> Result<Vec<u8>, Error> {
    let (mut rest, mut all, mut into) = (bytes, Vec::new(), [0; 300]);
    loop {
        while let Some(count) = end.read(&mut into)? {
            if count == 0 {
                return Ok(all);
            }
            all.extend(&into[..count]);
        }
        if rest.is_empty() {
            return Ok(all);
        }
        let room = end.room();
        let count = room.len().min(rest.len()).min(97);
        assert!(count > 0, "no room");
        room[..count].copy_from_slice(&rest[..count]);
        rest = &rest[count..];
        end.received(count, &mut knows(), &mut || Some(private(ephemeral)))?;
    }
}

/// One record with this content.
fn record(end: &mut End, content: &[u8]) -> Vec<u8> {
    assert_eq!(end.write(content), content.len());
    end.seal().unwrap();
    sent(end)
}

/// Two ends after a handshake, and the packets of it.
fn pair(ephemerals: [u8; 2]) -> ([End; 2], [Vec<u8>; 2]) {
    let (mut client, mut server) = (client(&key(), ephemerals[0]), server());
    client.ask();
    let hello = sent(&mut client);
    assert_eq!(takes(&mut server, &hello, ephemerals[1]), Ok(Vec::new()));
    let answer = sent(&mut server);
    assert_eq!(takes(&mut client, &answer, 0), Ok(Vec::new()));
    assert!(client.is_open() && server.is_open() && server.shared() == Some(key().id()));
    ([client, server], [hello, answer])
}

#[test]
fn both_ends_read_the_records_of_the_other_and_none_of_their_own() {
    let ([mut client, mut server], _) = pair([1, 2]);
    let there = record(&mut client, b"there");
    assert!(!there.windows(5).any(|bytes| bytes == b"there"));
    assert_eq!(takes(&mut server, &there, 3), Ok(b"there".to_vec()));
    let back = record(&mut server, b"back");
    // S3: reflected, then genuine, then replayed.
    assert_eq!(takes(&mut server, &back, 3), Ok(Vec::new()));
    assert_eq!(takes(&mut client, &there, 0), Ok(Vec::new()));
    assert_eq!(takes(&mut client, &back, 0), Ok(b"back".to_vec()));
    assert_eq!(takes(&mut client, &back, 0), Ok(Vec::new()));
    assert_eq!(takes(&mut server, &there, 3), Ok(Vec::new()));
}

/// S3: only whole records of the other end arrive, each at most once and in order, under all faults of the line.
#[test]
fn on_a_noisy_line_records_arrive_whole_once_and_in_order_or_not_at_all() {
    let mut arrived = 0;
    for seed in 1..=200 {
        let mut random = Random(seed);
        let ([mut client, mut server], _) = pair([1, 2]);
        let mut read = Vec::new();
        for number in 0..100u32 {
            let length = 4 + (random.next() % 1000) as usize;
            let content = number.to_le_bytes().repeat(length / 4);
            let bytes = random.noise(&record(&mut client, &content), 3000);
            read.extend(takes(&mut server, &bytes, 3).unwrap());
        }
        let mut last = None;
        for word in read.chunks(4) {
            let number = u32::from_le_bytes(word.try_into().unwrap());
            assert!(number < 100 && last <= Some(number), "seed {seed}: {number} after {last:?}");
            arrived += u32::from(last != Some(number));
            last = Some(number);
        }
    }
    // One record in six is hit.
    assert!(arrived > 15_000, "{arrived} of 20,000 records");
    println!("{arrived} of 20,000 records arrived");
}

#[test]
fn each_flipped_bit_of_a_record_and_each_cut_drops_it_and_not_the_next_one() {
    let ([mut client, mut server], _) = pair([1, 2]);
    let (one, other) = (record(&mut client, b"one record"), record(&mut client, b"other"));
    let after = record(&mut client, b"after");
    assert_eq!(takes(&mut server, &[], 3), Ok(Vec::new()));
    for bit in 0..one.len() * 8 {
        let ([mut client, mut server], _) = pair([1, 2]);
        let mut one = record(&mut client, b"one record");
        one[bit / 8] ^= 1 << (bit % 8);
        let other = record(&mut client, b"other");
        // A longer length waits for more bytes: the next records bring them.
        let more = record(&mut client, &[b'.'; 1000]);
        let read = takes(&mut server, &[one, other, more.clone(), more].concat(), 3).unwrap();
        assert!(read.starts_with(b"other"), "bit {bit}");
    }
    for cut in 0..one.len() {
        let ([_, mut server], _) = pair([1, 2]);
        let read = takes(&mut server, &[&one[..cut], &other, &after, &after].concat(), 3);
        assert_eq!(read, Ok(b"otherafter".to_vec()), "cut behind {cut}");
    }
}

/// S4 and S5: lost packets of the handshake are repeated, and the same hello gets the same answer.
#[test]
fn the_handshake_survives_losses_and_noise() {
    for seed in 1..=200 {
        let mut random = Random(seed);
        let (mut client, mut server) = (client(&key(), 1), server());
        let mut tries = 0;
        while !client.is_open() {
            tries += 1;
            assert!(tries < 100, "seed {seed}");
            client.ask();
            let hello = random.noise(&sent(&mut client), 100);
            takes(&mut server, &hello, 2).unwrap();
            let answer = random.noise(&sent(&mut server), 100);
            takes(&mut client, &answer, 0).unwrap();
        }
        let bytes = record(&mut client, b"hello");
        // The rest of a damaged packet may wait for more bytes.
        let read = takes(&mut server, &[bytes, vec![0; SIZE]].concat(), 2);
        assert_eq!(read, Ok(b"hello".to_vec()), "seed {seed}");
    }
}

#[test]
fn a_client_with_another_key_is_refused_and_the_server_goes_on() {
    let mut other = client(&shared(6), 1);
    other.ask();
    let mut server = server();
    takes(&mut server, &sent(&mut other), 2).unwrap();
    let refused = Error::Refused(Refusal::UnknownKey);
    assert_eq!(takes(&mut other, &sent(&mut server), 0), Err(refused));
    assert_eq!(other.read(&mut [0; 8]), Err(refused));
    let mut good = client(&key(), 3);
    good.ask();
    takes(&mut server, &sent(&mut good), 4).unwrap();
    takes(&mut good, &sent(&mut server), 0).unwrap();
    assert!(good.is_open());
}

/// A server whose key differs, although it has the id that the client states.
#[test]
fn an_answer_that_is_not_genuine_is_ignored() {
    let (_, [_, stale]) = pair([9, 2]);
    let mut client = client(&key(), 1);
    client.ask();
    let hello = sent(&mut client);
    assert_eq!(takes(&mut client, &stale, 0), Ok(Vec::new()));
    assert!(!client.is_open(), "the answer to another hello");
    let mut server = server();
    takes(&mut server, &hello, 2).unwrap();
    let answer = sent(&mut server);
    for byte in 0..answer.len() {
        let mut forged = answer.clone();
        forged[byte] ^= 0x40;
        let _ = takes(&mut client, &[forged, vec![0; SIZE]].concat(), 0);
        assert!(!client.is_open(), "byte {byte}");
    }
    takes(&mut client, &answer, 0).unwrap();
    assert!(client.is_open());
}

/// S5: a hello of another client ends the session; nothing that was recorded before opens in the next one.
#[test]
fn nothing_of_an_earlier_session_opens_in_a_later_one() {
    let ([mut first, mut server], [hello, _]) = pair([1, 2]);
    let recorded = record(&mut first, b"first");
    assert_eq!(takes(&mut server, &recorded, 3), Ok(b"first".to_vec()));
    let mut second = client(&key(), 7);
    second.ask();
    takes(&mut server, &sent(&mut second), 3).unwrap();
    assert_eq!(server.read(&mut [0; 8]), Ok(Some(0)), "the first client's session has ended");
    // The first hello again, to a new session: the server answers, and has another key.
    let mut server = self::server();
    takes(&mut server, &hello, 4).unwrap();
    assert!(server.is_open());
    assert_eq!(takes(&mut server, &recorded, 4), Ok(Vec::new()));
}

#[test]
fn a_hello_of_an_unknown_key_is_refused_and_does_not_end_a_session() {
    let ([mut client, mut server], _) = pair([1, 2]);
    let begin = record(&mut client, b"begin");
    assert_eq!(takes(&mut server, &begin, 3), Ok(b"begin".to_vec()));
    let mut other = self::client(&shared(6), 8);
    other.ask();
    takes(&mut server, &sent(&mut other), 3).unwrap();
    let refused = Error::Refused(Refusal::UnknownKey);
    assert_eq!(takes(&mut other, &sent(&mut server), 0), Err(refused));
    let bytes = record(&mut client, b"still here");
    assert_eq!(takes(&mut server, &bytes, 3), Ok(b"still here".to_vec()));
}

#[test]
fn buffers_that_are_too_small_are_refused() {
    let small = || buffers(60);
    assert_eq!(End::server(small()).err(), Some(Error::SmallBuffer));
    let refused = End::client(&key(), PrivateKey::new(&[1; 32]), small());
    assert_eq!(refused.err(), Some(Error::SmallBuffer));
}
