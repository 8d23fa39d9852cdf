//! The state of a channel: the end of its handshake, and its own.

use super::*;

#[expect(clippy::large_enum_variant, reason = "there is no heap to put it on")]
pub(super) enum State<C: Ciphers> {
    Handshake(Handshake<C>),
    Open(Open<C>),
    Failed(Error),
}

/// Both directions, after the handshake.
pub(super) struct Open<C: Ciphers> {
    pub(super) incoming: Half<C>,
    pub(super) outgoing: Half<C>,
    /// The largest record that the other end takes.
    pub(super) peer_record: u16,
    /// The other end has closed.
    pub(super) has_ended: bool,
    /// This end has closed.
    pub(super) is_closed: bool,
}

impl<C: Ciphers> Open<C> {
    /// Moves it out, and leaves zeros in place of the keys.
    pub(super) fn take(&mut self) -> Self {
        let Self { incoming, outgoing, peer_record, has_ended, is_closed } = self;
        Self {
            incoming: incoming.take(),
            outgoing: outgoing.take(),
            peer_record: *peer_record,
            has_ended: *has_ended,
            is_closed: *is_closed,
        }
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    pub(super) fn open_state(&self) -> Result<(), Error> {
        match &self.state {
            State::Open(_) => Ok(()),
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
            let (has_ended, is_closed) = (false, false);
            self.state =
                State::Open(Open { incoming, outgoing, peer_record, has_ended, is_closed });
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
