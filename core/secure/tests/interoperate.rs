//! Another implementation of Noise at the other end, in both roles, rekeying included.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use common::{client, closes, emits, keys, opens, private, receives, seals, server, shared};
use snow::{Builder, HandshakeState, TransportState};

/// Records between two changes of the key.
const REKEY_AFTER: u64 = 4096;

fn hello(is_pair: bool) -> Vec<u8> {
    let mut hello = b"TFS\x01\x01".to_vec();
    hello.push(if is_pair { 2 } else { 1 });
    hello.extend(1000u16.to_le_bytes());
    hello.extend(if is_pair { [0; 8] } else { shared(5).id().0 });
    hello
}

fn snow(is_pair: bool, is_client: bool, hello: &[u8]) -> HandshakeState {
    let name = if is_pair { "XX" } else { "NNpsk0" };
    let name = format!("Noise_{name}_25519_ChaChaPoly_SHA256");
    let builder = Builder::new(name.parse().unwrap()).prologue(hello).unwrap();
    let own = *private(if is_client { 1 } else { 2 }).expose();
    let key = *shared(5).expose();
    let builder = match is_pair {
        true => builder.local_private_key(&own).unwrap(),
        false => builder.psk(0, &key).unwrap(),
    };
    if is_client { builder.build_initiator() } else { builder.build_responder() }.unwrap()
}

fn emits_snow(snow: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 200];
    let length = snow.write_message(payload, &mut out).unwrap();
    out.truncate(length);
    out
}

/// The rules of `PROTOCOL.md`, section 3, once more.
struct Records {
    noise: TransportState,
    sealed: u64,
    opened: u64,
}

impl Records {
    fn new(noise: HandshakeState) -> Self {
        Self { noise: noise.into_transport_mode().unwrap(), sealed: 0, opened: 0 }
    }

    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let plain = [&[kind], content].concat();
        let mut sealed = vec![0; plain.len() + 16];
        assert_eq!(self.noise.write_message(&plain, &mut sealed), Ok(sealed.len()));
        let mut record = (sealed.len() as u16).to_le_bytes().to_vec();
        record.extend((self.sealed as u32).to_le_bytes());
        record.extend(sealed);
        self.sealed += 1;
        if self.sealed.is_multiple_of(REKEY_AFTER) {
            self.noise.rekey_outgoing();
        }
        record
    }

    fn open(&mut self, record: &[u8]) -> (u8, Vec<u8>) {
        assert_eq!(usize::from(u16::from_le_bytes([record[0], record[1]])), record.len() - 6);
        assert_eq!(record[2..6], (self.opened as u32).to_le_bytes());
        let mut plain = vec![0; record.len() - 6];
        let length = self.noise.read_message(&record[6..], &mut plain).unwrap();
        plain.truncate(length);
        self.opened += 1;
        if self.opened.is_multiple_of(REKEY_AFTER) {
            self.noise.rekey_incoming();
        }
        (plain.remove(0), plain)
    }
}

/// More records than two keys last for, both ways, and the ends.
fn talk(ours: &mut common::End, theirs: &mut Records) {
    for number in 0..2 * REKEY_AFTER + 10 {
        let content = number.to_le_bytes();
        let [record] = seals(ours, &content).unwrap().try_into().unwrap();
        assert_eq!(theirs.open(&record), (0, content.to_vec()));
        let record = theirs.seal(0, &content);
        let room = ours.room();
        room[..record.len()].copy_from_slice(&record);
        ours.received(record.len()).unwrap();
        let mut into = [0; 100];
        assert_eq!(ours.read(&mut into), Ok(Some(8)));
        assert_eq!(into[..8], content);
    }
    assert_eq!(theirs.open(&closes(ours).unwrap()), (1, vec![0]));
    assert_eq!(opens(ours, &theirs.seal(1, &[0])), (Vec::new(), Ok(())));
}

#[test]
fn a_client_talks_to_a_server_of_another_implementation() {
    for is_pair in [false, true] {
        let (identity, mut trusting, _) = keys(is_pair);
        let mut ours = client(&identity, 1006);
        let said = emits(&mut ours).unwrap();
        let (hello_sent, first) = said.split_at(16);
        assert_eq!(hello_sent, hello(is_pair));
        let mut theirs = snow(is_pair, false, hello_sent);
        assert_eq!(theirs.read_message(first, &mut [0; 100]), Ok(0));
        let second = emits_snow(&mut theirs, &1000u16.to_le_bytes());
        receives(&mut ours, &[b"TFS\0", second.as_slice()].concat(), &mut trusting).unwrap();
        if is_pair {
            assert_eq!(theirs.read_message(&emits(&mut ours).unwrap(), &mut [0; 100]), Ok(0));
            assert_eq!(theirs.get_remote_static(), Some(&private(1).public().0[..]));
            assert_eq!(ours.peer(), Some(private(2).public()));
        } else {
            assert_eq!(ours.shared(), Some(shared(5).id()));
        }
        talk(&mut ours, &mut Records::new(theirs));
    }
}

#[test]
fn a_server_talks_to_a_client_of_another_implementation() {
    for is_pair in [false, true] {
        let (_, _, mut serving) = keys(is_pair);
        let mut ours = server(1006);
        let hello = hello(is_pair);
        let mut theirs = snow(is_pair, true, &hello);
        let first = emits_snow(&mut theirs, &[]);
        receives(&mut ours, &[hello, first].concat(), &mut serving).unwrap();
        let answer = emits(&mut ours).unwrap();
        let (answer, second) = answer.split_at(4);
        assert_eq!(answer, b"TFS\0");
        let mut payload = [0; 100];
        assert_eq!(theirs.read_message(second, &mut payload), Ok(2));
        assert_eq!(payload[..2], 1000u16.to_le_bytes());
        if is_pair {
            receives(&mut ours, &emits_snow(&mut theirs, &[]), &mut serving).unwrap();
            assert_eq!(ours.peer(), Some(private(1).public()));
        }
        talk(&mut ours, &mut Records::new(theirs));
    }
}

#[test]
fn an_authentic_record_that_breaks_the_format_is_malformed() {
    use tinyferry_secure::Error;
    let cases: [(u8, &[u8]); 5] = [(0, b""), (2, b"x"), (1, b""), (1, b"\0\0"), (255, b"")];
    for (kind, content) in cases {
        let (_, _, mut serving) = keys(false);
        let mut ours = server(1006);
        let hello = hello(false);
        let mut theirs = snow(false, true, &hello);
        let first = emits_snow(&mut theirs, &[]);
        receives(&mut ours, &[hello, first].concat(), &mut serving).unwrap();
        let answer = emits(&mut ours).unwrap();
        theirs.read_message(&answer[4..], &mut [0; 100]).unwrap();
        let mut theirs = Records::new(theirs);
        let result = opens(&mut ours, &theirs.seal(kind, content)).1.unwrap_err();
        // Nothing but a kind is shorter than any record.
        let is_short = content.is_empty();
        assert_eq!(result, if is_short { Error::Tampered } else { Error::Malformed });
    }
}
