//! The records of a channel, and the end of its handshake and of itself.

use super::*;

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    pub(super) fn seal_as(&mut self, kind: Kind) -> Result<(), Error> {
        let Output { buffer, collected, pending } = &mut self.output;
        let State::Open { outgoing, .. } = &mut self.state else {
            return self.open_state().map(drop);
        };
        let length = collected.saturating_add(KIND + TAG);
        let end = length.saturating_add(HEADER);
        let header = Header { length: length as u16, number: outgoing.number() };
        let record = buffer.as_mut().get_mut(..end).unwrap_or_default();
        copy(record, &header.to_bytes());
        let record = record.get_mut(HEADER..).unwrap_or_default();
        copy(record, &[kind as u8]);
        let result = outgoing.seal(record);
        (*collected, *pending) = (0, 0..end);
        self.checked(result)
    }

    /// Decrypts the next record, if nothing is left of the one before and all of it is there.
    pub(super) fn open_next(&mut self) -> Result<(), Error> {
        let result = self.try_open_next();
        self.checked(result)
    }

    fn try_open_next(&mut self) -> Result<(), Error> {
        let State::Open { incoming, has_ended, .. } = &mut self.state else {
            return self.open_state().map(drop);
        };
        let Input { buffer, raw, content } = &mut self.input;
        if !Range::is_empty(content) || *has_ended {
            return Ok(());
        }
        let (buffer, start) = (buffer.as_mut(), raw.start);
        let most = buffer.len().saturating_sub(HEADER);
        let record = buffer.get_mut(raw.clone()).unwrap_or_default();
        let Some((header, rest)) = record.split_first_chunk_mut() else { return Ok(()) };
        let header = Header::from_bytes(header);
        let length = usize::from(header.length);
        // The header itself is not sealed: only an attacker between the ends could gain by a wrong one.
        if length <= KIND + TAG || length > most {
            return Err(Error::Tampered);
        }
        let Some(record) = rest.get_mut(..length) else { return Ok(()) };
        incoming.open(header.number, record)?;
        let kind = record.first().copied().and_then(Kind::from_byte);
        let told = record.get(KIND..length.saturating_sub(TAG)).unwrap_or_default();
        match (kind, told) {
            (Some(Kind::Data), _) => {
                let begin = start.saturating_add(HEADER + KIND);
                *content = begin..begin.saturating_add(told.len());
                raw.start = start.saturating_add(HEADER).saturating_add(length);
                Ok(())
            }
            (Some(Kind::Close), [0]) => {
                *has_ended = true;
                *raw = 0..0;
                Ok(())
            }
            (Some(Kind::Close), [code]) => Err(Error::Refused(Refusal::from_code(*code))),
            _ => Err(Error::Malformed),
        }
    }

    /// How much content goes into one record; an error where nothing may be written.
    pub(super) fn max_content(&self) -> Result<usize, Error> {
        match &self.state {
            State::Open { is_closed: true, .. } => Err(Error::Closed),
            State::Open { peer_record, .. } => {
                let own = self.output.buffer.as_ref().len().saturating_sub(OVERHEAD);
                let peers = usize::from(*peer_record).saturating_sub(KIND + TAG);
                Ok(own.min(peers))
            }
            State::Handshake(_) => Err(Error::Malformed),
            State::Failed(error) => Err(*error),
        }
    }

    pub(super) fn open_state(&self) -> Result<(), Error> {
        match &self.state {
            State::Open { .. } => Ok(()),
            State::Handshake(_) => Err(Error::Malformed),
            State::Failed(error) => Err(*error),
        }
    }

    /// After every step: a handshake that is done opens the channel, and an error ends it.
    pub(super) fn checked(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        let result = result.and_then(|()| self.open_if_complete());
        if let Err(error) = result {
            self.fail(error);
        }
        result
    }

    fn open_if_complete(&mut self) -> Result<(), Error> {
        if let State::Handshake(handshake) = &mut self.state
            && matches!(handshake.step(), Step::Done)
        {
            let [incoming, outgoing] = handshake.halves()?;
            (self.shared, self.peer) = (handshake.shared, handshake.peer);
            let peer_record = handshake.peer_record;
            self.state =
                State::Open { incoming, outgoing, peer_record, has_ended: false, is_closed: false };
        }
        Ok(())
    }

    /// Wipes all keys and content. Zeros and the error remain.
    pub(super) fn fail(&mut self, error: Error) {
        self.state = State::Failed(error);
        self.wipe();
    }

    pub(super) fn wipe(&mut self) {
        self.input.buffer.as_mut().zeroize();
        self.output.buffer.as_mut().zeroize();
        (self.input.raw, self.input.content) = (0..0, 0..0);
        (self.output.collected, self.output.pending) = (0, 0..0);
    }
}

/// The length of the record that begins here, or of its header while that is incomplete.
pub(super) fn needed(raw: &[u8]) -> usize {
    match raw.first_chunk() {
        Some(header) => usize::from(Header::from_bytes(header).length).saturating_add(HEADER),
        None => HEADER,
    }
}
