//! The choice of the suite (`PROTOCOL.md`, section 6), and suite 2 beside another implementation of Noise.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use common::snow::{Records, emits_snow, hello, snow, talk};
use common::{
    End, client_with, closes, emits, keys, opens, pair_with, private, receives, seals, server_with,
    shake,
};
use tinyferry_secure::{Aead, Ciphers, Error, HardwareAes, Portable, Refusal, Step};

/// The longest record of a client that offers suite 2, and a buffer for it.
const OFFER: u16 = 32_753;
const SIZE: usize = 6 + OFFER as usize;
const KINDS: [bool; 2] = [false, true];

/// An end with AES in hardware, for these tests in software.
struct Hardware;

impl Ciphers for Hardware {
    type ChaChaPoly = Portable;
    type AesGcm = Aes;
}

#[derive(Clone, Copy)]
struct Aes;

impl HardwareAes for Aes {
    fn detect() -> Option<Self> {
        Some(Self)
    }
}

impl Aead for Aes {
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) {
        let (content, tag) = in_out.split_last_chunk_mut::<16>().unwrap();
        let cipher = Aes256Gcm::new(key.into());
        let made = cipher.encrypt_inout_detached(&nonce.into(), associated, content.into());
        *tag = made.unwrap().into();
    }

    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool {
        let (content, tag) = in_out.split_last_chunk_mut::<16>().unwrap();
        let (cipher, tag) = (Aes256Gcm::new(key.into()), (*tag).into());
        cipher.decrypt_inout_detached(&nonce.into(), associated, content.into(), &tag).is_ok()
    }
}

/// Content goes both ways over more records than a key lasts for.
fn exchange<C: Ciphers, S: Ciphers>((mut client, mut server): (End<C>, End<S>), is_aes: bool) {
    assert_eq!((client.is_aes(), server.is_aes()), (is_aes, is_aes));
    for number in 0..4200u32 {
        let bytes = seals(&mut client, &number.to_le_bytes()).unwrap().concat();
        let room = server.room();
        room[..bytes.len()].copy_from_slice(&bytes);
        server.received(bytes.len()).unwrap();
        let mut content = [0; 4];
        assert_eq!(server.read(&mut content), Ok(Some(4)));
        assert_eq!(u32::from_le_bytes(content), number);
    }
    let content: Vec<u8> = (0..300_000u32).map(|byte| byte as u8).collect();
    let mut bytes = seals(&mut server, &content).unwrap().concat();
    bytes.extend(closes(&mut server).unwrap());
    assert_eq!(opens(&mut client, &bytes), (content, Ok(())));
}

#[test]
fn suite_2_is_chosen_where_both_ends_have_aes() {
    for is_pair in KINDS {
        exchange(pair_with::<Hardware, Hardware>(is_pair, SIZE), true);
        exchange(pair_with::<Hardware, Portable>(is_pair, SIZE), false);
        exchange(pair_with::<Portable, Hardware>(is_pair, SIZE), false);
        exchange(pair_with::<Portable, Portable>(is_pair, SIZE), false);
        // The server's own buffer does not matter; a client with a smaller one offers nothing.
        let (identity, mut trusting, mut serving) = keys(is_pair);
        for (size, is_aes) in [(SIZE, true), (SIZE + 9, true), (SIZE - 1, false)] {
            let mut client = client_with::<Hardware>(&identity, size);
            let mut server = server_with::<Hardware>(2000);
            shake((&mut client, &mut trusting), (&mut server, &mut serving), |_| ()).unwrap();
            exchange((client, server), is_aes);
        }
    }
}

#[test]
fn an_offer_changes_one_field_of_the_first_message() {
    for is_pair in KINDS {
        let (identity, ..) = keys(is_pair);
        let record = |mut end: End<Hardware>| emits(&mut end).unwrap()[..16].to_vec();
        assert_eq!(record(client_with(&identity, 60_000)), hello(is_pair, OFFER));
        // An end without AES never states that length.
        let mut plain = client_with::<Portable>(&identity, SIZE);
        assert_eq!(emits(&mut plain).unwrap()[..16], hello(is_pair, OFFER - 1));
    }
}

#[test]
fn a_client_talks_to_a_server_of_another_implementation() {
    for is_pair in KINDS {
        let (identity, mut trusting, _) = keys(is_pair);
        let mut ours = client_with::<Hardware>(&identity, SIZE);
        let mut exchanged = emits(&mut ours).unwrap();
        let first = exchanged[16..].to_vec();
        exchanged.extend(b"TFS\x82");
        // With a shared key the server begins the handshake of suite 2.
        let mut theirs = snow(("AESGCM", is_pair), (false, !is_pair), &exchanged);
        if is_pair {
            assert_eq!(theirs.read_message(&first, &mut [0; 100]), Ok(0));
        }
        let second = emits_snow(&mut theirs, &1000u16.to_le_bytes());
        receives(&mut ours, &[b"TFS\x82", second.as_slice()].concat(), &mut trusting).unwrap();
        assert_eq!(theirs.read_message(&emits(&mut ours).unwrap(), &mut [0; 100]), Ok(0));
        assert!(ours.is_aes());
        assert_eq!(ours.peer(), is_pair.then(|| private(2).public()));
        talk(&mut ours, &mut Records::new(theirs));
    }
}

#[test]
fn a_server_talks_to_a_client_of_another_implementation() {
    for is_pair in KINDS {
        let (_, _, mut serving) = keys(is_pair);
        let mut ours = server_with::<Hardware>(1006);
        let mut exchanged = hello(is_pair, OFFER);
        let mut theirs = snow(("ChaChaPoly", is_pair), (true, true), &exchanged);
        let first = emits_snow(&mut theirs, &[]);
        exchanged.extend(&first);
        receives(&mut ours, &exchanged, &mut serving).unwrap();
        let answer = emits(&mut ours).unwrap();
        let (answer, second) = answer.split_at(4);
        assert_eq!(answer, b"TFS\x82");
        exchanged.extend(answer);
        let mut theirs = snow(("AESGCM", is_pair), (true, is_pair), &exchanged);
        if is_pair {
            assert_eq!(emits_snow(&mut theirs, &[]), first);
        }
        let mut payload = [0; 100];
        assert_eq!(theirs.read_message(second, &mut payload), Ok(2));
        assert_eq!(payload[..2], 1000u16.to_le_bytes());
        receives(&mut ours, &emits_snow(&mut theirs, &[]), &mut serving).unwrap();
        assert!(ours.is_aes());
        assert_eq!(ours.peer(), is_pair.then(|| private(1).public()));
        talk(&mut ours, &mut Records::new(theirs));
    }
}

/// The result of a handshake whose messages somebody on the path changes.
fn attacked(is_pair: bool, change: impl FnMut(&mut Vec<u8>)) -> Result<(), Error> {
    let (identity, mut trusting, mut serving) = keys(is_pair);
    let mut client = client_with::<Hardware>(&identity, SIZE);
    let mut server = server_with::<Hardware>(SIZE);
    shake((&mut client, &mut trusting), (&mut server, &mut serving), change)?;
    let is_open = |step| matches!(step, Ok(Step::Done));
    assert!(is_open(client.step()) && is_open(server.step()));
    Ok(())
}

#[test]
fn a_handshake_with_any_byte_changed_fails() {
    for is_pair in KINDS {
        let mut at = 0;
        loop {
            let mut seen = 0;
            let result = attacked(is_pair, |message| {
                if (seen..seen + message.len()).contains(&at) {
                    message[at - seen] ^= 1 << (at % 8);
                }
                seen += message.len();
            });
            if result.is_ok() {
                assert_eq!(at, seen, "byte {at} of the handshake");
                break;
            }
            at += 1;
        }
        assert_eq!(at, 16 + if is_pair { 32 + 4 + 98 + 64 } else { 48 + 4 + 50 + 48 });
    }
}

#[test]
fn nobody_on_the_path_makes_the_ends_choose_the_other_suite() {
    for is_pair in KINDS {
        // The offer is taken away: the server sees the hello of an end without AES.
        let result = attacked(is_pair, |message| {
            if message.get(5) == Some(&if is_pair { 2 } else { 1 }) {
                message[6..8].copy_from_slice(&32_762u16.to_le_bytes());
            }
        });
        assert_eq!(result, Err(Error::WrongKey));
        // The choice is changed.
        let result = attacked(is_pair, |message| {
            if message.starts_with(b"TFS\x82") {
                message[3] = 0;
            }
        });
        assert_eq!(result, Err(Error::WrongKey));
        // A refusal of the suite is forged: the client gives up, and tries no other suite.
        let result = attacked(is_pair, |message| {
            if message.starts_with(b"TFS\x82") {
                *message = b"TFS\x02".to_vec();
            }
        });
        assert_eq!(result, Err(Error::Refused(Refusal::Suite)));
        // The choice is forged towards a client that offered nothing, and one whose server has no AES.
        let (identity, mut trusting, mut serving) = keys(is_pair);
        let forged = |message: &mut Vec<u8>| {
            if message.starts_with(b"TFS\0") {
                message[3] = 0x82;
            }
        };
        let (mut old, mut new) =
            (client_with::<Portable>(&identity, SIZE), server_with::<Hardware>(SIZE));
        let result = shake((&mut old, &mut trusting), (&mut new, &mut serving), forged);
        assert_eq!(result, Err(Error::Refused(Refusal::Other(0x82))));
        let (mut new, mut old) =
            (client_with::<Hardware>(&identity, SIZE), server_with::<Portable>(SIZE));
        let result = shake((&mut new, &mut trusting), (&mut old, &mut serving), forged);
        assert_eq!(result, Err(Error::WrongKey));
    }
}
