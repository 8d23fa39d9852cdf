//! Another implementation of Noise.

use snow::{Builder, HandshakeState, TransportState};
use tinyferry_secure::Ciphers;

use super::{End, closes, opens, private, seals, shared};

const EPHEMERAL: [u8; 32] = [21; 32];

/// Records between two changes of the key.
const REKEY_AFTER: u64 = 4096;

/// The hello of a client that takes records of that length.
pub(crate) fn hello(is_pair: bool, record: u16) -> Vec<u8> {
    let mut hello = b"TFS\x01\x01".to_vec();
    hello.push(if is_pair { 2 } else { 1 });
    hello.extend(record.to_le_bytes());
    hello.extend(if is_pair { [0; 8] } else { shared(5).id().0 });
    hello
}

/// A handshake of that cipher. The private key of its client is 1, of its server 2; their shared key is 5.
pub(crate) fn snow(
    (cipher, is_pair): (&str, bool),
    (is_client, is_initiator): (bool, bool),
    prologue: &[u8],
) -> HandshakeState {
    let name = if is_pair { "XX" } else { "NNpsk0" };
    let name = format!("Noise_{name}_25519_{cipher}_SHA256");
    let builder = Builder::new(name.parse().unwrap()).prologue(prologue).unwrap();
    let own = *private(if is_client { 1 } else { 2 }).expose();
    let key = *shared(5).expose();
    let builder = match is_pair {
        true => builder.local_private_key(&own).unwrap(),
        false => builder.psk(0, &key).unwrap(),
    };
    // A client with a key pair uses the same ephemeral key with both suites.
    let builder = match is_client {
        true => builder.fixed_ephemeral_key_for_testing_only(&EPHEMERAL),
        false => builder,
    };
    if is_initiator { builder.build_initiator() } else { builder.build_responder() }.unwrap()
}

pub(crate) fn emits_snow(snow: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 200];
    let length = snow.write_message(payload, &mut out).unwrap();
    out.truncate(length);
    out
}

/// The rules of `PROTOCOL.md`, section 3, once more.
pub(crate) struct Records {
    noise: TransportState,
    sealed: u64,
    opened: u64,
}

impl Records {
    pub(crate) fn new(noise: HandshakeState) -> Self {
        Self { noise: noise.into_transport_mode().unwrap(), sealed: 0, opened: 0 }
    }

    pub(crate) fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
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

    pub(crate) fn open(&mut self, record: &[u8]) -> (u8, Vec<u8>) {
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
pub(crate) fn talk<C: Ciphers>(ours: &mut End<C>, theirs: &mut Records) {
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
