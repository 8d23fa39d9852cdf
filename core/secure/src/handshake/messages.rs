//! The received messages of a handshake.

use super::*;

impl<A: Aead> Handshake<A> {
    pub(super) fn on_hello(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        let hello: [u8; HELLO] = *self.buffer.first_chunk().ok_or(Error::Malformed)?;
        let [m0, m1, m2, version, suite, kind, r0, r1, id @ ..] = hello;
        if [m0, m1, m2] != MAGIC {
            return Err(Error::NotSecure);
        }
        self.peer_record = u16::from_le_bytes([r0, r1]);
        let Some(ephemeral) = self.ephemeral.take() else { return Err(Error::Malformed) };
        let refusal = match (version, suite, kind) {
            (VERSION, SUITE, _) if self.peer_record < MIN_RECORD => Refusal::Format,
            (VERSION, SUITE, KIND_SHARED) => match trust.shared(KeyId(id)) {
                Some(key) => {
                    self.shared = Some(KeyId(id));
                    self.noise = Some(start(false, &hello, &ephemeral, Some(&key), None));
                    self.lengths = SHARED;
                    self.expect(Stage::ReadFirst, SHARED.first);
                    return Ok(());
                }
                None => Refusal::UnknownKey,
            },
            (VERSION, SUITE, KIND_PAIR) => match trust.pair() {
                Some(pair) => {
                    self.noise = Some(start(false, &hello, &ephemeral, None, Some(&pair)));
                    self.lengths = PAIR;
                    self.expect(Stage::ReadFirst, PAIR.first);
                    return Ok(());
                }
                None => Refusal::Kind,
            },
            (VERSION, SUITE, _) => Refusal::Kind,
            (VERSION, ..) => Refusal::Suite,
            _ => Refusal::Version,
        };
        self.put(0, &refusing(refusal));
        self.expect(Stage::Refuse(Error::Refused(refusal)), ANSWER);
        Ok(())
    }

    pub(super) fn on_first(&mut self) -> Result<(), Error> {
        self.read(self.lengths.first)?;
        self.put(0, &refusing(Refusal::Other(0)));
        self.write(ANSWER, self.lengths.second, &self.record.to_le_bytes())?;
        self.stage = Stage::SendSecond;
        Ok(())
    }

    pub(super) fn on_answer(&mut self) -> Result<(), Error> {
        let answer: [u8; ANSWER] = *self.buffer.first_chunk().ok_or(Error::Malformed)?;
        let [m0, m1, m2, code] = answer;
        match code {
            _ if [m0, m1, m2] != MAGIC => return Err(Error::NotSecure),
            0 => self.expect(Stage::ReadSecond, self.lengths.second),
            code => return Err(Error::Refused(Refusal::from_code(code))),
        }
        Ok(())
    }

    pub(super) fn on_second(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        let payload = self.read(self.lengths.second)?;
        self.peer_record = u16::from_le_bytes(payload);
        if self.peer_record < MIN_RECORD {
            return Err(Error::Malformed);
        }
        if self.lengths.third == 0 {
            self.stage = Stage::Done;
            return Ok(());
        }
        self.check_peer(trust)?;
        self.write(0, self.lengths.third, &[])?;
        self.stage = Stage::SendThird;
        Ok(())
    }

    pub(super) fn on_third(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        self.read(self.lengths.third)?;
        self.stage = Stage::Done;
        let met = self.check_peer(trust);
        if let Err(error) = met {
            // Only an owner of that key may learn that it is not accepted.
            let [_, mut outgoing] = self.halves()?;
            let header = Header { length: (REFUSING - HEADER) as u16, number: outgoing.number() };
            let mut record = [0; REFUSING];
            let code = Refusal::UnknownKey.code();
            copy(&mut record, &header.to_bytes());
            let sealed = record.get_mut(HEADER..).unwrap_or_default();
            copy(sealed, &[Kind::Close as u8, code]);
            outgoing.seal::<A>(sealed)?;
            self.put(0, &record);
            self.expect(Stage::Refuse(error), REFUSING);
        }
        Ok(())
    }

    /// Asks whether the other end's key is trusted, after that end has proved that it owns the key.
    fn check_peer(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        let peer = self.noise.as_ref().and_then(Noise::get_rs).ok_or(Error::Malformed)?;
        let peer = PublicKey(peer);
        self.peer = Some(peer);
        if trust.trusts(&peer) { Ok(()) } else { Err(Error::NotTrusted) }
    }
}
