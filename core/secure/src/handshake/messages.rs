//! The received messages of a handshake.

use super::*;

impl<C: Ciphers> Handshake<C> {
    pub(super) fn on_hello(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        let hello: [u8; HELLO] = *self.buffer.first_chunk().ok_or(Error::Malformed)?;
        let [m0, m1, m2, version, suite, kind, r0, r1, id @ ..] = hello;
        if [m0, m1, m2] != MAGIC {
            return Err(Error::NotSecure);
        }
        self.peer_record = u16::from_le_bytes([r0, r1]);
        let Some(ephemeral) = self.ephemeral.take() else { return Err(Error::Malformed) };
        let identity = match (version, suite, kind) {
            (VERSION, SUITE, _) if self.peer_record < MIN_RECORD => Err(Refusal::Format),
            (VERSION, SUITE, KIND_SHARED) => {
                trust.shared(KeyId(id)).map(Identity::Shared).ok_or(Refusal::UnknownKey)
            }
            (VERSION, SUITE, KIND_PAIR) => trust.pair().map(Identity::Pair).ok_or(Refusal::Kind),
            (VERSION, SUITE, _) => Err(Refusal::Kind),
            (VERSION, ..) => Err(Refusal::Suite),
            _ => Err(Refusal::Version),
        };
        match identity {
            Ok(identity) => self.begin(&hello, ephemeral, identity),
            Err(refusal) => {
                self.put(0, &refusing(refusal));
                self.expect(Stage::Refuse(Error::Refused(refusal)), 0, ANSWER);
            }
        }
        Ok(())
    }

    /// A server's handshake, with the key that the hello asks for.
    fn begin(&mut self, hello: &[u8; HELLO], ephemeral: PrivateKey, identity: Identity) {
        (self.lengths, self.shared) = match &identity {
            Identity::Shared(key) => (SHARED, Some(key.id())),
            Identity::Pair(_) => (PAIR, None),
        };
        self.noise = Some(Noise::new(Choice::ChaChaPoly, false, hello, &ephemeral, &identity));
        let aes = C::AesGcm::detect().filter(|_| self.peer_record == OFFER);
        self.offer = aes.map(|aes| Offer { aes, ephemeral, identity });
        self.expect(Stage::ReadFirst, HELLO, self.lengths.first);
    }

    pub(super) fn on_first(&mut self) -> Result<(), Error> {
        self.read(HELLO, self.lengths.first)?;
        let at = HELLO.saturating_add(self.lengths.first);
        match self.offer.take() {
            None => self.put(at, &answer(ACCEPTED)),
            Some(offer) => {
                self.put(at, &answer(ACCEPTED_AES));
                self.choose_aes(&offer)?;
            }
        }
        let record = self.record.to_le_bytes();
        self.write(at.saturating_add(ANSWER), self.lengths.second, &record)?;
        (self.stage, self.at) = (Stage::SendSecond, at);
        Ok(())
    }

    /// The server goes on in suite 2.
    fn choose_aes(&mut self, offer: &Offer<C>) -> Result<(), Error> {
        match offer.identity {
            Identity::Shared(_) => {
                self.begin_aes(offer, true);
                self.lengths = SHARED_AES;
            }
            Identity::Pair(_) => {
                self.begin_aes(offer, false);
                self.read(HELLO, self.lengths.first)?;
            }
        }
        Ok(())
    }

    pub(super) fn on_answer(&mut self) -> Result<(), Error> {
        let at = self.end.saturating_sub(ANSWER);
        let answer = self.buffer.get(at..self.end).and_then(<[u8]>::first_chunk);
        let [magic @ .., code]: [u8; ANSWER] = *answer.ok_or(Error::Malformed)?;
        match (code, self.offer.take()) {
            _ if magic != MAGIC => return Err(Error::NotSecure),
            (ACCEPTED, _) => {}
            (ACCEPTED_AES, Some(offer)) => self.follow_to_aes(&offer)?,
            (code, _) => return Err(Error::Refused(Refusal::from_code(code))),
        }
        self.expect(Stage::ReadSecond, at.saturating_add(ANSWER), self.lengths.second);
        Ok(())
    }

    /// The client goes on in suite 2.
    fn follow_to_aes(&mut self, offer: &Offer<C>) -> Result<(), Error> {
        match offer.identity {
            Identity::Shared(_) => {
                self.begin_aes(offer, false);
                self.lengths = SHARED_AES;
            }
            Identity::Pair(_) => {
                self.begin_aes(offer, true);
                // The same bytes that were sent: an ephemeral public key.
                self.write(HELLO, self.lengths.first, &[])?;
            }
        }
        Ok(())
    }

    pub(super) fn on_second(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        let at = self.end.saturating_sub(self.lengths.second);
        let payload = self.read(at, self.lengths.second)?;
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
        self.read(0, self.lengths.third)?;
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
            outgoing.seal(sealed)?;
            self.put(0, &record);
            self.expect(Stage::Refuse(error), 0, REFUSING);
        }
        Ok(())
    }

    /// Asks whether the other end's public key is trusted, after that end has proved that it owns the key. A shared key
    /// needs no question.
    fn check_peer(&mut self, trust: &mut dyn Trust) -> Result<(), Error> {
        if self.shared.is_some() {
            return Ok(());
        }
        let peer = self.noise.as_ref().and_then(Noise::peer).ok_or(Error::Malformed)?;
        self.peer = Some(peer);
        if trust.trusts(&peer) { Ok(()) } else { Err(Error::NotTrusted) }
    }
}
