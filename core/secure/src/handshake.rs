//! The handshake: hello, answer, and the messages of Noise (`PROTOCOL.md`, section 2).

mod messages;

use noise_protocol::patterns::{noise_nn_psk0, noise_xx};

use crate::bytes::copy;
use crate::error::{Error, Refusal};
use crate::keys::{Identity, KeyId, PrivateKey, PublicKey, Secret, SharedKey, Trust};
use crate::record::{HEADER, Half, Header, KIND, Kind, MAX_RECORD};
use crate::step::Step;
use crate::suite::{Aead, Noise, TAG};

const MAGIC: [u8; 3] = *b"TFS";
const VERSION: u8 = 1;
/// `25519_ChaChaPoly_SHA256`.
const SUITE: u8 = 1;
const KIND_SHARED: u8 = 1;
const KIND_PAIR: u8 = 2;
const HELLO: usize = 16;
const ANSWER: usize = 4;
/// The smallest largest record that may be asked for, in bytes after the header.
pub(crate) const MIN_RECORD: u16 = 64;
/// The largest thing that is sent or received at once.
const BUFFER: usize = 112;
const POINT: usize = 32;
/// The content of the second message: the largest record that the server takes.
const PAYLOAD: usize = 2;
const REFUSING: usize = HEADER + KIND + 1 + TAG;

/// Bytes of each message, by the kind of keys.
#[derive(Clone, Copy)]
struct Lengths {
    first: usize,
    second: usize,
    third: usize,
}

const SHARED: Lengths = Lengths { first: POINT + TAG, second: POINT + PAYLOAD + TAG, third: 0 };
const PAIR: Lengths =
    Lengths { first: POINT, second: POINT + POINT + TAG + PAYLOAD + TAG, third: POINT + TAG + TAG };

const _: () = assert!(HELLO + SHARED.first <= BUFFER && ANSWER + PAIR.second <= BUFFER);

#[derive(Clone, Copy)]
enum Stage {
    SendHello,
    ReadAnswer,
    ReadSecond,
    SendThird,
    ReadHello,
    ReadFirst,
    SendSecond,
    ReadThird,
    /// The other end is told, then this is the error.
    Refuse(Error),
    Done,
}

/// A handshake under way.
pub(crate) struct Handshake<A: Aead> {
    stage: Stage,
    noise: Option<Noise<A>>,
    /// A server's, until it knows the kind of keys.
    ephemeral: Option<PrivateKey>,
    is_client: bool,
    lengths: Lengths,
    /// The largest record taken here.
    record: u16,
    /// The largest record taken there.
    pub(crate) peer_record: u16,
    pub(crate) shared: Option<KeyId>,
    pub(crate) peer: Option<PublicKey>,
    buffer: [u8; BUFFER],
    /// How much of the buffer is to be sent or filled, and how much was.
    length: usize,
    at: usize,
}

fn hello(kind: u8, record: u16, id: KeyId) -> [u8; HELLO] {
    let mut hello = [0; HELLO];
    let [r0, r1] = record.to_le_bytes();
    let [m0, m1, m2] = MAGIC;
    let head = [m0, m1, m2, VERSION, SUITE, kind, r0, r1];
    for (to, from) in hello.iter_mut().zip(head.iter().chain(&id.0)) {
        *to = *from;
    }
    hello
}

/// The bytes that a server which does not encrypt sends to a client that wants to.
pub const fn refusing(refusal: Refusal) -> [u8; ANSWER] {
    let [m0, m1, m2] = MAGIC;
    [m0, m1, m2, refusal.code()]
}

fn start<A: Aead>(
    is_client: bool,
    hello: &[u8; HELLO],
    ephemeral: &PrivateKey,
    shared: Option<&SharedKey>,
    pair: Option<&PrivateKey>,
) -> Noise<A> {
    let pattern = if shared.is_some() { noise_nn_psk0() } else { noise_xx() };
    let key = |key: &PrivateKey| Secret(*key.expose());
    let (s, e) = (pair.map(key), Some(key(ephemeral)));
    let mut noise = Noise::new(pattern, is_client, hello, s, e, None, None);
    if let Some(shared) = shared {
        noise.push_psk(shared.expose());
    }
    noise
}

impl<A: Aead> Handshake<A> {
    pub(crate) fn client(
        identity: &Identity,
        ephemeral: &PrivateKey,
        record: u16,
    ) -> Result<Self, Error> {
        let (hello, noise, lengths, shared) = match identity {
            Identity::Shared(key) => {
                let hello = hello(KIND_SHARED, record, key.id());
                (hello, start(true, &hello, ephemeral, Some(key), None), SHARED, Some(key.id()))
            }
            Identity::Pair(pair) => {
                let hello = hello(KIND_PAIR, record, KeyId::default());
                (hello, start(true, &hello, ephemeral, None, Some(pair)), PAIR, None)
            }
        };
        let mut handshake = Self::new(Stage::SendHello, true, lengths, record);
        handshake.noise = Some(noise);
        handshake.shared = shared;
        handshake.put(0, &hello);
        handshake.write(HELLO, lengths.first, &[])?;
        Ok(handshake)
    }

    pub(crate) fn server(ephemeral: PrivateKey, record: u16) -> Self {
        let mut handshake = Self::new(Stage::ReadHello, false, SHARED, record);
        handshake.ephemeral = Some(ephemeral);
        handshake.length = HELLO;
        handshake
    }

    fn new(stage: Stage, is_client: bool, lengths: Lengths, record: u16) -> Self {
        Self {
            stage,
            noise: None,
            ephemeral: None,
            is_client,
            lengths,
            record,
            peer_record: MAX_RECORD,
            shared: None,
            peer: None,
            buffer: [0; BUFFER],
            length: 0,
            at: 0,
        }
    }

    pub(crate) fn step(&mut self) -> Step<'_> {
        match self.stage {
            Stage::SendHello | Stage::SendThird | Stage::SendSecond | Stage::Refuse(_) => {
                Step::Transmit(self.buffer.get(self.at..self.length).unwrap_or_default())
            }
            Stage::ReadAnswer
            | Stage::ReadSecond
            | Stage::ReadHello
            | Stage::ReadFirst
            | Stage::ReadThird => {
                Step::Receive(self.buffer.get_mut(self.at..self.length).unwrap_or_default())
            }
            Stage::Done => Step::Done,
        }
    }

    pub(crate) fn transmitted(&mut self, count: usize) -> Result<(), Error> {
        self.at = self.at.saturating_add(count).min(self.length);
        if self.at < self.length {
            return Ok(());
        }
        match self.stage {
            Stage::SendHello => self.expect(Stage::ReadAnswer, ANSWER),
            Stage::SendSecond if self.lengths.third > 0 => {
                self.expect(Stage::ReadThird, self.lengths.third);
            }
            Stage::SendThird | Stage::SendSecond => self.stage = Stage::Done,
            Stage::Refuse(error) => return Err(error),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn received(&mut self, count: usize, trust: &mut dyn Trust) -> Result<(), Error> {
        if count == 0 {
            return Err(Error::Truncated);
        }
        self.at = self.at.saturating_add(count).min(self.length);
        if self.at < self.length {
            return Ok(());
        }
        match self.stage {
            Stage::ReadHello => self.on_hello(trust),
            Stage::ReadFirst => self.on_first(),
            Stage::ReadAnswer => self.on_answer(),
            Stage::ReadSecond => self.on_second(trust),
            Stage::ReadThird => self.on_third(trust),
            _ => Ok(()),
        }
    }

    /// The two directions of the channel, once the handshake is complete: input and output.
    pub(crate) fn halves(&self) -> Result<[Half; 2], Error> {
        let noise = self.noise.as_ref().filter(|noise| noise.completed());
        let (one, other) = noise.ok_or(Error::Malformed)?.get_ciphers();
        let [from_client, from_server] = [one, other].map(|cipher| Half::new(cipher.extract().0));
        Ok(if self.is_client { [from_server, from_client] } else { [from_client, from_server] })
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        copy(self.buffer.get_mut(at..).unwrap_or_default(), bytes);
    }

    /// Continues with the transmission or the reception of a number of bytes of the buffer.
    fn expect(&mut self, stage: Stage, length: usize) {
        (self.stage, self.at, self.length) = (stage, 0, length);
    }

    /// Writes a message of Noise behind `at` bytes of the buffer, to be sent together.
    fn write(&mut self, at: usize, length: usize, payload: &[u8]) -> Result<(), Error> {
        let end = at.saturating_add(length);
        let noise = self.noise.as_mut().ok_or(Error::Malformed)?;
        let out = self.buffer.get_mut(at..end).ok_or(Error::Malformed)?;
        let result = noise.write_message(payload, out);
        forget_shared(noise, self.lengths);
        (self.at, self.length) = (0, end);
        // A public key of the other end's leaves no secret.
        result.map_err(|_| Error::WrongKey)
    }

    /// Reads a message of Noise; returns its payload, if it is of that size.
    fn read(&mut self, length: usize) -> Result<[u8; PAYLOAD], Error> {
        let noise = self.noise.as_mut().ok_or(Error::Malformed)?;
        let message = self.buffer.get(..length).ok_or(Error::Malformed)?;
        let mut payload = [0; PAYLOAD];
        let carried = length.saturating_sub(noise.get_next_message_overhead());
        let out = payload.get_mut(..carried).ok_or(Error::Malformed)?;
        let result = noise.read_message(message, out);
        forget_shared(noise, self.lengths);
        result.map_err(|_| Error::WrongKey)?;
        Ok(payload)
    }
}

/// The library leaves a used key where it was: another is laid over it.
fn forget_shared<A: Aead>(noise: &mut Noise<A>, lengths: Lengths) {
    let is_first = lengths.third == 0 && !noise.completed();
    if is_first {
        noise.push_psk(&[0; 32]);
    }
}
