//! Attacks by a third party between client and server: each is detected, and has an error of its own where it can.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use common::{
    buffers, client, closes, emits, keys, opens, pair, private, receives, seals, sent, server,
    shake, shared,
};
use tinyferry_secure::{Channel, Error, Identity, MIN_BUFFER, Refusal, Step};

const KINDS: [bool; 2] = [false, true];

/// Every call emits the same, and nothing is left that could be sent or read.
#[track_caller]
fn has_failed(end: &mut common::End, error: Error) {
    assert_eq!(end.read(&mut [0; 10]), Err(error));
    assert_eq!(end.write(b"x"), Err(error));
    assert_eq!(end.seal(), Err(error));
    assert_eq!(end.step().err(), Some(error));
    assert!(end.pending().is_empty());
    assert!(end.room().iter().all(|byte| *byte == 0));
    assert_eq!(format!("{end:?}"), "Channel(failed)");
}

#[test]
fn content_goes_both_ways_in_order() {
    for is_pair in KINDS {
        for size in [MIN_BUFFER, 100, 1030, 65_541, 200_000] {
            let (mut client, mut server) = pair(is_pair, size);
            let content: Vec<u8> = (0..300_000u32).map(|byte| byte as u8).collect();
            let mut bytes = seals(&mut client, &content).unwrap().concat();
            assert!(bytes.len() > content.len());
            bytes.extend(closes(&mut client).unwrap());
            assert_eq!(opens(&mut server, &bytes), (content.clone(), Ok(())));
            assert_eq!(client.write(b"more"), Err(Error::Closed));
            // The other direction still works.
            let answer = seals(&mut server, b"answer").unwrap().concat();
            let end = closes(&mut server).unwrap();
            let bytes = [answer, end].concat();
            assert_eq!(opens(&mut client, &bytes), (b"answer".to_vec(), Ok(())));
        }
    }
}

#[test]
fn records_fit_the_smaller_end() {
    let (identity, mut trusting, mut serving) = keys(false);
    let (mut small, mut large) = (client(&identity, 100), server(65_541));
    shake((&mut small, &mut trusting), (&mut large, &mut serving), |_| ()).unwrap();
    let records = seals(&mut large, &[7; 1000]).unwrap();
    assert!(records.iter().all(|record| record.len() <= 100));
    let bytes = records.concat();
    assert_eq!(opens(&mut small, &bytes), (vec![7; 1000], Err(Error::Truncated)));
}

#[test]
fn a_session_with_any_byte_changed_ends() {
    for is_pair in KINDS {
        let mut tried = 0;
        // The handshake: a client that goes on has agreed on the very same with the server.
        for at in 0.. {
            let (identity, mut trusting, mut serving) = keys(is_pair);
            let (mut client, mut server) = (client(&identity, 200), server(200));
            let mut seen = 0;
            let result =
                shake((&mut client, &mut trusting), (&mut server, &mut serving), |message| {
                    if (seen..seen + message.len()).contains(&at) {
                        message[at - seen] ^= 1 << (at % 8);
                    }
                    seen += message.len();
                });
            if at >= seen && result.is_ok() {
                break;
            }
            assert!(result.is_err(), "byte {at} of the handshake");
            tried += 1;
        }
        assert_eq!(tried, 16 + if is_pair { 32 + 4 + 98 + 64 } else { 48 + 4 + 50 });
        // Records.
        let (mut client, _) = pair(is_pair, 200);
        let content = [9; 500];
        let mut bytes = seals(&mut client, &content).unwrap().concat();
        bytes.extend(closes(&mut client).unwrap());
        for at in 0..bytes.len() {
            let (_, mut server) = pair(is_pair, 200);
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let (opened, result) = opens(&mut server, &changed);
            let error = result.unwrap_err();
            // A longer length makes the reader wait for bytes that never arrive.
            assert!(matches!(error, Error::Tampered | Error::Truncated), "byte {at}: {error}");
            assert!(content.starts_with(&opened) && opened.len() < 501, "byte {at}");
            has_failed(&mut server, error);
            tried += 1;
        }
        println!("{tried} bytes changed");
    }
}

#[test]
fn replay_reorder_and_omission_are_told_apart() {
    let (mut client, _) = pair(false, 200);
    let records = seals(&mut client, &[1; 600]).unwrap();
    let [a, b, c, ..] = records.as_slice() else { panic!("too few records") };
    let cases: [(&[&Vec<u8>], Error); 6] = [
        (&[a, a], Error::Replayed),
        (&[a, b, a], Error::Replayed),
        (&[b, a], Error::OutOfOrder),
        (&[a, c], Error::OutOfOrder),
        (&[a, b], Error::Truncated),
        (&[], Error::Truncated),
    ];
    for (order, error) in cases {
        let (_, mut server) = pair(false, 200);
        let bytes: Vec<u8> = order.iter().flat_map(|record| record.iter().copied()).collect();
        assert_eq!(opens(&mut server, &bytes).1, Err(error));
        has_failed(&mut server, error);
    }
    // A record of another session is not genuine.
    let (identity, mut trusting, mut serving) = keys(false);
    let mut other: common::End = Channel::client(&identity, private(13), buffers(200)).unwrap();
    let mut server = server(200);
    shake((&mut other, &mut trusting), (&mut server, &mut serving), |_| ()).unwrap();
    assert_eq!(opens(&mut server, a).1, Err(Error::Tampered));
    // Nor are the server's own records, sent back to it.
    let (_, mut server) = pair(false, 200);
    let own = seals(&mut server, b"own").unwrap().concat();
    assert_eq!(opens(&mut server, &own).1, Err(Error::Tampered));
}

#[test]
fn a_session_that_is_cut_off_at_any_byte_is_truncated() {
    let (mut client, _) = pair(false, 200);
    let mut bytes = seals(&mut client, &[3; 300]).unwrap().concat();
    bytes.extend(closes(&mut client).unwrap());
    for end in 0..bytes.len() {
        let (_, mut server) = pair(false, 200);
        assert_eq!(opens(&mut server, &bytes[..end]).1, Err(Error::Truncated), "{end}");
    }
    // Bytes after the end are ignored.
    let (_, mut server) = pair(false, 200);
    bytes.extend([0; 100]);
    assert_eq!(opens(&mut server, &bytes), (vec![3; 300], Ok(())));
}

#[test]
fn an_impossible_length_is_refused_at_once() {
    for length in [0u16, 1, 17, 201, 65_535] {
        let (_, mut server) = pair(false, 206);
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        assert_eq!(opens(&mut server, &bytes).1, Err(Error::Tampered), "{length}");
    }
}

#[test]
fn ends_with_different_keys_reject_each_other() {
    let (identity, mut trusting, mut serving) = keys(false);
    // Another key: its id is not known.
    let (mut one, mut other) = (client(&Identity::Shared(shared(6)), 100), server(100));
    receives(&mut other, &emits(&mut one).unwrap(), &mut serving).unwrap();
    let Ok(Step::Transmit(answer)) = other.step() else { panic!("it emits nothing") };
    assert_eq!(answer, b"TFS\x04");
    let answer = answer.to_vec();
    assert_eq!(other.transmitted(4), Err(Error::Refused(Refusal::UnknownKey)));
    let refused = Error::Refused(Refusal::UnknownKey);
    assert_eq!(receives(&mut one, &answer, &mut trusting), Err(refused));
    has_failed(&mut one, refused);
    // The id of the right key, without the key.
    let (mut one, mut other) = (client(&Identity::Shared(shared(6)), 100), server(100));
    let mut hello = emits(&mut one).unwrap();
    hello[8..16].copy_from_slice(&shared(5).id().0);
    assert_eq!(receives(&mut other, &hello, &mut serving), Err(Error::WrongKey));
    // The other kind of keys.
    let (mut one, mut other) = (client(&Identity::Pair(private(1)), 100), server(100));
    receives(&mut other, &emits(&mut one).unwrap(), &mut serving).unwrap();
    assert_eq!(emits(&mut other), Err(Error::Refused(Refusal::Kind)));
    // Other versions and suites, and records that are too small.
    for (at, byte, refusal) in
        [(3, 2, Refusal::Version), (4, 2, Refusal::Suite), (6, 63, Refusal::Format)]
    {
        let (mut one, mut other) = (client(&identity, 100), server(100));
        let mut hello = emits(&mut one).unwrap();
        hello[at] = byte;
        receives(&mut other, &hello, &mut serving).unwrap();
        assert_eq!(emits(&mut other), Err(Error::Refused(refusal)));
    }
    // Something else altogether.
    let mut other = server(100);
    assert_eq!(receives(&mut other, &[b'P'; 36], &mut serving), Err(Error::NotSecure));
    let mut one = client(&identity, 100);
    emits(&mut one).unwrap();
    assert_eq!(receives(&mut one, b"HTTP/1.1", &mut trusting), Err(Error::NotSecure));
}

#[test]
fn a_server_that_is_not_trusted_learns_nothing() {
    let (identity, mut trusting, mut serving) = keys(true);
    trusting.trusted = Some(private(9).public());
    let (mut one, mut other) = (client(&identity, 100), server(100));
    receives(&mut other, &emits(&mut one).unwrap(), &mut serving).unwrap();
    let answer = emits(&mut other).unwrap();
    assert_eq!(receives(&mut one, &answer, &mut trusting), Err(Error::NotTrusted));
    has_failed(&mut one, Error::NotTrusted);
}

#[test]
fn a_client_that_is_not_trusted_is_told_so_and_nobody_else() {
    let (identity, mut trusting, mut serving) = keys(true);
    serving.trusted = None;
    let (mut one, mut other) = (client(&identity, 100), server(100));
    receives(&mut other, &emits(&mut one).unwrap(), &mut serving).unwrap();
    receives(&mut one, &emits(&mut other).unwrap(), &mut trusting).unwrap();
    receives(&mut other, &emits(&mut one).unwrap(), &mut serving).unwrap();
    let Ok(Step::Transmit(record)) = other.step() else { panic!("it emits nothing") };
    let record = record.to_vec();
    assert_eq!(other.transmitted(record.len()), Err(Error::NotTrusted));
    has_failed(&mut other, Error::NotTrusted);
    let refused = Error::Refused(Refusal::UnknownKey);
    assert_eq!(opens(&mut one, &record), (Vec::new(), Err(refused)));
    has_failed(&mut one, refused);
}

#[test]
fn a_public_key_of_low_order_is_refused() {
    let (identity, _, mut serving) = keys(true);
    let (mut one, mut other) = (client(&identity, 100), server(100));
    let mut hello = emits(&mut one).unwrap();
    hello[16..48].fill(0);
    assert_eq!(receives(&mut other, &hello, &mut serving), Err(Error::WrongKey));
    has_failed(&mut other, Error::WrongKey);
}

#[test]
fn a_refusal_reaches_the_other_end_with_its_reason() {
    let (mut client, mut server) = pair(true, 100);
    server.write(b"so far").unwrap();
    server.close(Some(Refusal::Busy)).unwrap();
    let mut bytes = sent(&mut server).unwrap();
    server.close(Some(Refusal::Busy)).unwrap();
    bytes.extend(sent(&mut server).unwrap());
    let expected = (b"so far".to_vec(), Err(Error::Refused(Refusal::Busy)));
    assert_eq!(opens(&mut client, &bytes), expected);
    assert!(Channel::<Vec<u8>>::server(private(1), buffers(MIN_BUFFER - 1)).is_err());
    for code in 0..=255 {
        assert_eq!(Refusal::from_code(code).code(), code);
    }
}
