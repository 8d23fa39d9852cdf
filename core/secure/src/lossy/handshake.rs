//! The packets of the handshake: hello and answer.

use sha2::{Digest, Sha256};

use super::*;
use crate::step::Step;

/// Hello and first message.
const HELLO: usize = 16 + 48;

impl<B: AsRef<[u8]> + AsMut<[u8]>> LossyChannel<B> {
    /// Makes a packet of the handshake, for this end to send.
    pub(super) fn keep(&mut self, kind: Kind, number: u32, body: &[u8]) {
        let header = Header { kind, length: body.len().saturating_add(SUM) as u16, number };
        let parts = [&header.to_bytes()[..], body, &sum(body)];
        let mut length = 0usize;
        for part in parts {
            let to = self.own.get_mut(length..).unwrap_or_default();
            length = length.saturating_add(copy(to, part));
        }
        self.own_length = length;
    }

    /// Examines the packets of a handshake at the front of the input, and leaves a record there.
    pub(super) fn examine(
        &mut self,
        trust: &mut dyn Trust,
        ephemeral: &mut dyn FnMut() -> Option<PrivateKey>,
    ) -> Result<(), Error> {
        loop {
            self.open_record();
            if !Range::is_empty(&self.content) {
                return Ok(());
            }
            let Some((header, whole)) = self.front() else { return Ok(()) };
            let mut body = [0; HANDSHAKE_MAX];
            let start = whole.start.saturating_add(HEADER);
            let packet = self.input.as_ref().get(start..whole.end).unwrap_or_default();
            let length = copy(&mut body, packet);
            let body = body.get(..length).unwrap_or_default();
            let (body, is_whole) = match body.split_last_chunk::<SUM>() {
                Some((body, end)) if length == packet.len() => (body, sum(body) == *end),
                _ => (body, false),
            };
            if !is_whole {
                self.drop_byte();
                continue;
            }
            self.raw.start = whole.end;
            match (header.kind, &self.state) {
                (Kind::Hello, State::Listening | State::Open(Keys { hello: Some(_), .. })) => {
                    self.on_hello(body, trust, ephemeral);
                }
                (Kind::Answer, State::Asking { .. }) if header.number == self.own_sum() => {
                    self.on_answer(body, trust)?;
                }
                _ => {}
            }
        }
    }

    /// A server's answer to a hello (S5).
    fn on_hello(
        &mut self,
        body: &[u8],
        trust: &mut dyn Trust,
        ephemeral: &mut dyn FnMut() -> Option<PrivateKey>,
    ) {
        let Ok(hello) = <[u8; HELLO]>::try_from(body) else { return };
        if let State::Open(keys) = &self.state
            && keys.hello == Some(hello)
        {
            self.own_pending = 0..self.own_length;
            return;
        }
        let Ok(record) = record(&[self.input.as_ref(), self.output.as_ref()]) else { return };
        let Some(ephemeral) = ephemeral() else { return };
        let mut handshake: Handshake<Portable> = Handshake::server(ephemeral, record);
        let fed = feed(&mut handshake, &hello, trust);
        let mut answer = [0; HANDSHAKE_MAX];
        let length = match handshake.step() {
            Step::Transmit(bytes) => copy(&mut answer, bytes),
            _ => return,
        };
        let answer = answer.get(..length).unwrap_or_default();
        let is_accepted = fed.is_ok() && handshake.transmitted(length).is_ok();
        match &self.state {
            // The present client has been followed by another one, or somebody repeats an old hello.
            State::Open(_) if is_accepted => return self.end(),
            // It may still need the answer to its own hello.
            State::Open(keys) if keys.expected == 0 => return,
            _ => {}
        }
        self.keep(Kind::Answer, u32::from_le_bytes(sum(&hello)), answer);
        self.own_pending = 0..self.own_length;
        if is_accepted && let Ok(keys) = keys(&handshake, Some(hello)) {
            self.state = State::Open(keys);
        }
    }

    /// The sum of this client's hello, which its answer states.
    fn own_sum(&self) -> u32 {
        let packet = self.own.get(..self.own_length).unwrap_or_default();
        packet.last_chunk().map_or(0, |sum| u32::from_le_bytes(*sum))
    }

    /// A client's channel opens, or is refused (S4).
    fn on_answer(&mut self, body: &[u8], trust: &mut dyn Trust) -> Result<(), Error> {
        let State::Asking { key, ephemeral } = &self.state else { return Ok(()) };
        let record = record(&[self.input.as_ref(), self.output.as_ref()])?;
        let (mut handshake, _) = client(key, ephemeral, record)?;
        match feed(&mut handshake, body, trust).and_then(|()| keys(&handshake, None)) {
            Ok(keys) => self.state = State::Open(keys),
            Err(error @ Error::Refused(_)) => {
                self.state = State::Failed(error);
                return Err(error);
            }
            // It is not genuine.
            Err(_) => {}
        }
        Ok(())
    }

    /// Wipes the keys: another client follows.
    fn end(&mut self) {
        self.state = State::Ended;
        (self.collected, self.pending) = (0, 0..0);
    }
}

/// A client's handshake that awaits the answer, and its hello.
pub(super) fn client(
    key: &SharedKey,
    ephemeral: &PrivateKey,
    record: u16,
) -> Result<(Handshake<Portable>, [u8; HELLO]), Error> {
    let mut handshake = Handshake::client(&Identity::Shared(key.clone()), ephemeral, record)?;
    let mut hello = [0; HELLO];
    let length = match handshake.step() {
        Step::Transmit(bytes) => copy(&mut hello, bytes),
        _ => return Err(Error::Malformed),
    };
    handshake.transmitted(length)?;
    Ok((handshake, hello))
}

/// Passes bytes to a handshake until it wants to send, or is done.
fn feed(
    handshake: &mut Handshake<Portable>,
    bytes: &[u8],
    trust: &mut dyn Trust,
) -> Result<(), Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Step::Receive(into) = handshake.step() else { break };
        let count = copy(into, rest);
        rest = rest.get(count..).unwrap_or_default();
        handshake.received(count, trust)?;
    }
    Ok(())
}

/// The keys of a complete handshake.
fn keys(handshake: &Handshake<Portable>, hello: Option<[u8; HELLO]>) -> Result<Keys, Error> {
    let [incoming, outgoing] = handshake.halves()?.map(crate::record::Half::into_key);
    let (peer_record, id) = (handshake.peer_record, handshake.shared);
    Ok(Keys { incoming, outgoing, expected: 0, next: 0, peer_record, id, hello })
}

/// The first bytes of SHA-256.
fn sum(body: &[u8]) -> [u8; SUM] {
    let digest = Sha256::digest(body);
    digest.first_chunk().copied().unwrap_or([0; SUM])
}
