//! The handshake: hello, answer, and the messages of Noise (`PROTOCOL.md`, section 2).

mod messages;

use crate::bytes::copy;
use crate::ciphers::{Ciphers, HardwareAes, TAG};
use crate::error::{Error, Refusal};
use crate::keys::{Identity, KeyId, PrivateKey, PublicKey, Trust};
use crate::noise::{Choice, Noise};
use crate::record::{HEADER, Half, Header, KIND, Kind, MAX_RECORD};
use crate::step::Step;

/// The first bytes of the handshake of a [`Channel`](crate::Channel), of either end.
pub const MAGIC: [u8; 3] = *b"TFS";
const VERSION: u8 = 1;
/// That of each hello. Suite 2 is offered by [`OFFER`], since older ends refuse other suites.
const SUITE: u8 = 1;
const KIND_SHARED: u8 = 1;
const KIND_PAIR: u8 = 2;
const HELLO: usize = 16;
const ANSWER: usize = 4;
/// The code of an answer that accepts the hello.
const ACCEPTED: u8 = 0;
/// The code of an answer that accepts the hello and its offer: suite 2.
const ACCEPTED_AES: u8 = 130;
/// The smallest largest record that may be asked for, in bytes after the header.
pub(crate) const MIN_RECORD: u16 = 64;
/// The largest record of a client that offers suite 2, and of no other client.
const OFFER: u16 = 32_753;
/// All messages of a handshake but the third one, one behind the other.
const BUFFER: usize = 152;
const POINT: usize = 32;
/// The content of the second message: the largest record that the server takes.
const PAYLOAD: usize = 2;
const REFUSING: usize = HEADER + KIND + 1 + TAG;

/// Bytes of each message of Noise.
#[derive(Clone, Copy)]
struct Lengths {
    first: usize,
    second: usize,
    third: usize,
}

const SHARED: Lengths = Lengths { first: POINT + TAG, second: POINT + PAYLOAD + TAG, third: 0 };
const PAIR: Lengths =
    Lengths { first: POINT, second: POINT + POINT + TAG + PAYLOAD + TAG, third: POINT + TAG + TAG };
/// Suite 2 with a shared key: the second message is the first of a handshake that the server begins.
const SHARED_AES: Lengths = Lengths { third: POINT + TAG, ..SHARED };

const _: () = assert!(HELLO + SHARED.first + ANSWER + SHARED.second <= BUFFER);
const _: () = assert!(HELLO + PAIR.first + ANSWER + PAIR.second <= BUFFER);

/// The offer of suite 2, and what its handshake needs.
struct Offer<C: Ciphers> {
    aes: C::AesGcm,
    ephemeral: PrivateKey,
    identity: Identity,
}

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
pub(crate) struct Handshake<C: Ciphers> {
    stage: Stage,
    noise: Option<Noise<C>>,
    /// A server's, until it knows the kind of keys.
    ephemeral: Option<PrivateKey>,
    /// Until the suite is chosen.
    offer: Option<Offer<C>>,
    lengths: Lengths,
    /// The largest record taken here.
    record: u16,
    /// The largest record taken there.
    pub(crate) peer_record: u16,
    pub(crate) shared: Option<KeyId>,
    pub(crate) peer: Option<PublicKey>,
    buffer: [u8; BUFFER],
    /// The part of the buffer that is still to be sent or filled.
    at: usize,
    end: usize,
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
    answer(refusal.code())
}

const fn answer(code: u8) -> [u8; ANSWER] {
    let [m0, m1, m2] = MAGIC;
    [m0, m1, m2, code]
}

impl<C: Ciphers> Handshake<C> {
    pub(crate) fn client(
        identity: &Identity,
        ephemeral: &PrivateKey,
        record: u16,
    ) -> Result<Self, Error> {
        let aes = C::AesGcm::detect().filter(|_| record >= OFFER);
        let record = match aes {
            Some(_) => OFFER,
            None if record == OFFER => OFFER.saturating_sub(1),
            None => record,
        };
        let (kind, lengths, shared) = match identity {
            Identity::Shared(key) => (KIND_SHARED, SHARED, Some(key.id())),
            Identity::Pair(_) => (KIND_PAIR, PAIR, None),
        };
        let hello = hello(kind, record, shared.unwrap_or_default());
        let mut handshake = Self::new(Stage::SendHello, lengths, record);
        handshake.noise = Some(Noise::new(Choice::ChaChaPoly, true, &hello, ephemeral, identity));
        handshake.offer =
            aes.map(|aes| Offer { aes, ephemeral: ephemeral.clone(), identity: identity.clone() });
        handshake.shared = shared;
        handshake.put(0, &hello);
        handshake.write(HELLO, lengths.first, &[])?;
        handshake.at = 0;
        Ok(handshake)
    }

    pub(crate) fn server(ephemeral: PrivateKey, record: u16) -> Self {
        let mut handshake = Self::new(Stage::ReadHello, SHARED, record);
        handshake.ephemeral = Some(ephemeral);
        handshake.end = HELLO;
        handshake
    }

    fn new(stage: Stage, lengths: Lengths, record: u16) -> Self {
        Self {
            stage,
            noise: None,
            ephemeral: None,
            offer: None,
            lengths,
            record,
            peer_record: MAX_RECORD,
            shared: None,
            peer: None,
            buffer: [0; BUFFER],
            at: 0,
            end: 0,
        }
    }

    pub(crate) fn step(&mut self) -> Step<'_> {
        match self.stage {
            Stage::SendHello | Stage::SendThird | Stage::SendSecond | Stage::Refuse(_) => {
                Step::Transmit(self.buffer.get(self.at..self.end).unwrap_or_default())
            }
            Stage::ReadAnswer
            | Stage::ReadSecond
            | Stage::ReadHello
            | Stage::ReadFirst
            | Stage::ReadThird => {
                Step::Receive(self.buffer.get_mut(self.at..self.end).unwrap_or_default())
            }
            Stage::Done => Step::Done,
        }
    }

    pub(crate) fn transmitted(&mut self, count: usize) -> Result<(), Error> {
        self.at = self.at.saturating_add(count).min(self.end);
        if self.at < self.end {
            return Ok(());
        }
        match self.stage {
            Stage::SendHello => self.expect(Stage::ReadAnswer, self.end, ANSWER),
            Stage::SendSecond if self.lengths.third > 0 => {
                self.expect(Stage::ReadThird, 0, self.lengths.third);
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
        self.at = self.at.saturating_add(count).min(self.end);
        if self.at < self.end {
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
    pub(crate) fn halves(&self) -> Result<[Half<C>; 2], Error> {
        self.noise.as_ref().and_then(Noise::halves).ok_or(Error::Malformed)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        copy(self.buffer.get_mut(at..).unwrap_or_default(), bytes);
    }

    /// Continues with the transmission or the reception of `length` bytes of the buffer from `at` on.
    fn expect(&mut self, stage: Stage, at: usize, length: usize) {
        (self.stage, self.at, self.end) = (stage, at, at.saturating_add(length));
    }

    /// Writes a message of Noise to the buffer at `at`.
    fn write(&mut self, at: usize, length: usize, payload: &[u8]) -> Result<(), Error> {
        let noise = self.noise.as_mut().ok_or(Error::Malformed)?;
        let end = at.saturating_add(length);
        let out = self.buffer.get_mut(at..end).ok_or(Error::Malformed)?;
        (self.at, self.end) = (at, end);
        // A public key of the other end's leaves no secret.
        noise.write(payload, out).map_err(|_| Error::WrongKey)
    }

    /// Reads the message of Noise at `at` of the buffer; returns its payload, if it is of that size.
    fn read(&mut self, at: usize, length: usize) -> Result<[u8; PAYLOAD], Error> {
        let noise = self.noise.as_mut().ok_or(Error::Malformed)?;
        let message = self.buffer.get(at..at.saturating_add(length)).ok_or(Error::Malformed)?;
        let mut payload = [0; PAYLOAD];
        let carried = length.saturating_sub(noise.overhead());
        let out = payload.get_mut(..carried).ok_or(Error::Malformed)?;
        noise.read(message, out).map_err(|_| Error::WrongKey)?;
        Ok(payload)
    }

    /// Begins the handshake of suite 2. Its prologue is all that was exchanged before: hello, first message and answer.
    fn begin_aes(&mut self, offer: &Offer<C>, is_initiator: bool) {
        let exchanged = HELLO.saturating_add(self.lengths.first).saturating_add(ANSWER);
        let prologue = self.buffer.get(..exchanged).unwrap_or_default();
        let suite = Choice::AesGcm(offer.aes);
        let noise = Noise::new(suite, is_initiator, prologue, &offer.ephemeral, &offer.identity);
        self.noise = Some(noise);
    }
}
