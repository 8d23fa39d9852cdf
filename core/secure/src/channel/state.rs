//! The state of a channel: the end of its handshake, and its own.

use super::*;

#[expect(clippy::large_enum_variant, reason = "there is no heap to put it on")]
pub(super) enum State<C: Ciphers> {
    Handshake(Handshake<C>),
    Open {
        incoming: Half<C>,
        outgoing: Half<C>,
        /// The largest record that the other end takes.
        peer_record: u16,
        /// The other end has closed.
        has_ended: bool,
        /// This end has closed.
        is_closed: bool,
    },
    Failed(Error),
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
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
