//! The output of a channel: content, which is sealed in records.

use super::*;

pub(super) struct Output<B> {
    pub(super) buffer: B,
    /// Bytes of content after the header, to be sealed.
    pub(super) collected: usize,
    /// Bytes that are sealed, to be sent.
    pub(super) pending: Range<usize>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    /// Takes bytes to be sealed, as many as fit into one record; 0: [`Channel::seal`] the earlier ones and
    /// send the pending bytes first.
    ///
    /// # Errors
    /// [`Error::Closed`], or that with which the channel has failed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let most = self.max_content()?;
        let Output { buffer, collected, pending } = &mut self.output;
        if !Range::is_empty(pending) {
            return Ok(0);
        }
        let room = HEADER + KIND..(HEADER + KIND).saturating_add(most);
        let room = buffer.as_mut().get_mut(room).unwrap_or_default();
        let count = copy(room.get_mut(*collected..).unwrap_or_default(), bytes);
        *collected = collected.saturating_add(count);
        Ok(count)
    }

    /// Seals the bytes that were taken, if there are any and nothing is pending.
    ///
    /// # Errors
    /// [`Error::Exhausted`], or that with which the channel has failed.
    pub fn seal(&mut self) -> Result<(), Error> {
        if self.output.collected == 0 || !self.output.pending.is_empty() {
            return self.open_state().map(drop);
        }
        self.seal_as(Kind::Data)
    }

    /// The bytes to send now. Report how many were sent by [`Channel::transmitted`].
    pub fn pending(&self) -> &[u8] {
        self.output.buffer.as_ref().get(self.output.pending.clone()).unwrap_or_default()
    }

    /// Ends the output: the other end can tell that nothing was cut off, or why it is refused. Call it when nothing
    /// is pending. Further calls do nothing.
    ///
    /// # Errors
    /// [`Error::Exhausted`], or that with which the channel has failed.
    pub fn close(&mut self, refusal: Option<Refusal>) -> Result<(), Error> {
        self.seal()?;
        if !self.output.pending.is_empty() || self.max_content() == Err(Error::Closed) {
            return Ok(());
        }
        let code = refusal.map_or(0, Refusal::code);
        copy(self.output.buffer.as_mut().get_mut(HEADER + KIND..).unwrap_or_default(), &[code]);
        self.output.collected = 1;
        self.seal_as(Kind::Close)?;
        if let State::Open(open) = &mut self.state {
            open.is_closed = true;
        }
        Ok(())
    }

    fn seal_as(&mut self, kind: Kind) -> Result<(), Error> {
        let Output { buffer, collected, pending } = &mut self.output;
        let State::Open(Open { outgoing, .. }) = &mut self.state else {
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

    /// How much content goes into one record; an error where nothing may be written.
    fn max_content(&self) -> Result<usize, Error> {
        match &self.state {
            State::Open(Open { is_closed: true, .. }) => Err(Error::Closed),
            State::Open(Open { peer_record, .. }) => {
                let own = self.output.buffer.as_ref().len().saturating_sub(OVERHEAD);
                let peers = usize::from(*peer_record).saturating_sub(KIND + TAG);
                Ok(own.min(peers))
            }
            State::Handshake(_) => Err(Error::Malformed),
            State::Failed(error) => Err(*error),
        }
    }
}
