//! A suspended channel: its keys, without the memory of its buffers and of its handshake.

use super::*;

/// The keys of an open channel between two records: [`Channel::suspend`]. They wipe themselves.
pub struct Suspended<C: Ciphers = Portable> {
    /// `None`: the channel was resumed.
    open: Option<Open<C>>,
    shared: Option<KeyId>,
    peer: Option<PublicKey>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    /// Takes the keys out of an open channel between two records: nothing is left to read, no part of a record has come, and
    /// nothing is to be sent. The channel has then failed with [`Error::Closed`]. `None`: it is in use.
    pub fn suspend(&mut self) -> Option<Suspended<C>> {
        let State::Open(open) = &mut self.state else { return None };
        let is_unused = Range::is_empty(&self.input.raw)
            && Range::is_empty(&self.input.content)
            && self.output.collected == 0
            && Range::is_empty(&self.output.pending);
        if !is_unused {
            return None;
        }
        let open = Some(open.take());
        self.fail(Error::Closed);
        Some(Suspended { open, shared: self.shared, peer: self.peer })
    }
}

impl<C: Ciphers> Suspended<C> {
    /// Makes the channel again, with buffers as large as before.
    ///
    /// # Errors
    /// [`Error::SmallBuffer`], or [`Error::Closed`]: it was made before.
    pub fn resume<B>(&mut self, buffers: [B; 2]) -> Result<Channel<B, C>, Error>
    where
        B: AsRef<[u8]> + AsMut<[u8]>,
    {
        record(&buffers)?;
        let open = self.open.as_mut().ok_or(Error::Closed)?.take();
        self.open = None;
        let mut channel = Channel::new(State::Open(open), buffers);
        (channel.shared, channel.peer) = (self.shared, self.peer);
        Ok(channel)
    }

    /// The other end's public key, as [`Channel::peer`].
    pub const fn peer(&self) -> Option<PublicKey> {
        self.peer
    }
}

impl<C: Ciphers> fmt::Debug for Suspended<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Suspended")
    }
}
