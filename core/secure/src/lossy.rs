//! The channel over a line that loses and damages bytes (`PROTOCOL.md`, section 5): each record is encrypted
//! independently.

mod handshake;
mod input;
mod packet;

use core::fmt;
use core::ops::Range;

use zeroize::Zeroize;

use self::handshake::client;
use self::packet::{HEADER, Header, Kind};
use crate::bytes::copy;
use crate::ciphers::{Portable, TAG};
use crate::error::Error;
use crate::handshake::{Handshake, MIN_RECORD};
use crate::keys::{Identity, KeyId, PrivateKey, Secret, SharedKey, Trust};
use crate::record::MAX_RECORD;
use crate::suite::{ChaChaPoly, seal};

/// The largest packet of a handshake: header, hello, first message and sum.
const HANDSHAKE_MAX: usize = HEADER + 16 + 48 + SUM;
/// Bytes of SHA-256 behind the body of a packet of the handshake.
const SUM: usize = 4;

/// One end of a channel over a lossy line, without I/O. `B` is a buffer of at least
/// [`MIN_BUFFER`](crate::MIN_BUFFER) bytes. Its content has gaps: the protocol above must detect and repeat lost bytes.
///
/// - A client calls [`ask`](Self::ask), and again until [`is_open`](Self::is_open).
/// - To read: [`read`](Self::read); while it returns `None`, fill [`room`](Self::room), and call
///   [`received`](Self::received).
/// - To write: [`write`](Self::write) and [`seal`](Self::seal).
/// - Send [`pending`](Self::pending) at any time, and call [`transmitted`](Self::transmitted).
pub struct LossyChannel<B: AsRef<[u8]> + AsMut<[u8]>> {
    state: State,
    input: B,
    /// Received bytes that were not examined or are no whole packet yet.
    raw: Range<usize>,
    /// Decrypted bytes; they precede the raw ones.
    content: Range<usize>,
    output: B,
    /// Bytes of content behind the header, to be sealed.
    collected: usize,
    /// Bytes of the output buffer that are to be sent.
    pending: Range<usize>,
    /// The packet of the handshake that this end sent last, and the part of it that is still to be sent.
    own: [u8; HANDSHAKE_MAX],
    own_length: usize,
    own_pending: Range<usize>,
}

enum State {
    /// A client without an answer. The handshake is made anew for each answer, as a forged one would spoil it.
    Asking {
        key: SharedKey,
        ephemeral: PrivateKey,
    },
    /// A server without a client.
    Listening,
    Open(Keys),
    /// The client of this server was followed by another one.
    Ended,
    Failed(Error),
}

/// The keys of an open channel.
struct Keys {
    incoming: Secret<32>,
    outgoing: Secret<32>,
    /// The lowest number that is taken.
    expected: u32,
    /// The number of the next record.
    next: u32,
    /// The largest record that the other end takes, in bytes after the header.
    peer_record: u16,
    id: Option<KeyId>,
    /// Of a server: the hello that it has answered.
    hello: Option<[u8; 16 + 48]>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> LossyChannel<B> {
    /// A client's end. `ephemeral`: 32 bytes that nobody can foresee, used here and never again.
    ///
    /// # Errors
    /// [`Error::SmallBuffer`].
    pub fn client(key: &SharedKey, ephemeral: PrivateKey, buffers: [B; 2]) -> Result<Self, Error> {
        let record = record(&buffers)?;
        let (_, hello) = client(key, &ephemeral, record)?;
        let mut channel = Self::new(State::Asking { key: key.clone(), ephemeral }, buffers);
        channel.keep(Kind::Hello, 0, &hello);
        Ok(channel)
    }

    /// A server's end.
    ///
    /// # Errors
    /// [`Error::SmallBuffer`].
    pub fn server(buffers: [B; 2]) -> Result<Self, Error> {
        record(&buffers)?;
        Ok(Self::new(State::Listening, buffers))
    }

    fn new(state: State, [input, output]: [B; 2]) -> Self {
        Self {
            state,
            input,
            raw: 0..0,
            content: 0..0,
            output,
            collected: 0,
            pending: 0..0,
            own: [0; HANDSHAKE_MAX],
            own_length: 0,
            own_pending: 0..0,
        }
    }

    /// Sends a client's hello, for the first time or again.
    pub fn ask(&mut self) {
        if matches!(self.state, State::Asking { .. }) {
            self.own_pending = 0..self.own_length;
        }
    }

    /// Whether the handshake is complete at this end.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// The name of the shared key, once that is agreed.
    pub const fn shared(&self) -> Option<KeyId> {
        match &self.state {
            State::Open(keys) => keys.id,
            _ => None,
        }
    }

    /// Where the next bytes of the line go; never empty while [`read`](Self::read) returns `None`.
    pub fn room(&mut self) -> &mut [u8] {
        if Range::is_empty(&self.content) {
            let length = self.raw.len();
            self.input.as_mut().copy_within(self.raw.clone(), 0);
            self.raw = 0..length;
        }
        self.input.as_mut().get_mut(self.raw.end..).unwrap_or_default()
    }

    /// `count` bytes were read into [`room`](Self::room). `trust` is asked for the key of a client, and `ephemeral` for 32
    /// bytes that nobody can foresee, for each new client; without them the client gets no answer.
    ///
    /// # Errors
    /// The other end refuses this one; the channel has ended.
    pub fn received(
        &mut self,
        count: usize,
        trust: &mut dyn Trust,
        ephemeral: &mut dyn FnMut() -> Option<PrivateKey>,
    ) -> Result<(), Error> {
        self.raw.end = self.raw.end.saturating_add(count).min(self.input.as_ref().len());
        self.examine(trust, ephemeral)
    }

    /// Reads decrypted bytes; 0: another client has followed this server's. `None`: more must be received first.
    ///
    /// # Errors
    /// That with which the channel has failed.
    pub fn read(&mut self, into: &mut [u8]) -> Result<Option<usize>, Error> {
        self.open_record();
        let content = self.input.as_ref().get(self.content.clone()).unwrap_or_default();
        match &self.state {
            State::Failed(error) => return Err(*error),
            State::Ended => return Ok(Some(0)),
            _ if content.is_empty() => return Ok(None),
            _ => {}
        }
        let count = copy(into, content);
        self.content.start = self.content.start.saturating_add(count);
        Ok(Some(count))
    }

    /// Whether a [`read`](Self::read) returns at once.
    pub fn is_ready(&mut self) -> bool {
        self.open_record();
        let is_over = matches!(self.state, State::Ended | State::Failed(_));
        is_over || !Range::is_empty(&self.content)
    }

    /// Collects bytes for the next record; returns their number. 0: [`seal`](Self::seal) and send first. Before the handshake
    /// is complete the bytes are dropped, as by the line.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let State::Open(keys) = &self.state else { return bytes.len() };
        if !Range::is_empty(&self.pending) {
            return 0;
        }
        let peers = usize::from(keys.peer_record).saturating_sub(TAG);
        let room = self.output.as_ref().len().saturating_sub(HEADER + TAG).min(peers);
        let (from, to) = (HEADER.saturating_add(self.collected), HEADER.saturating_add(room));
        let count = copy(self.output.as_mut().get_mut(from..to).unwrap_or_default(), bytes);
        self.collected = self.collected.saturating_add(count);
        count
    }

    /// Makes a record of the collected bytes, if there are any.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn seal(&mut self) -> Result<(), Error> {
        let State::Open(keys) = &mut self.state else { return Ok(()) };
        if self.collected == 0 || !Range::is_empty(&self.pending) {
            return Ok(());
        }
        let after = keys.next.checked_add(1).ok_or(Error::Exhausted)?;
        let length = self.collected.saturating_add(TAG);
        let header = Header { kind: Kind::Record, length: length as u16, number: keys.next };
        let end = HEADER.saturating_add(length);
        let packet = self.output.as_mut().get_mut(..end).unwrap_or_default();
        if let Some((head, body)) = packet.split_first_chunk_mut() {
            *head = header.to_bytes();
            seal::<ChaChaPoly<Portable>>(&keys.outgoing, keys.next.into(), head, body);
        }
        keys.next = after;
        (self.collected, self.pending) = (0, 0..end);
        Ok(())
    }

    /// Bytes to be sent.
    pub fn pending(&self) -> &[u8] {
        // A record that has begun goes on first.
        let is_begun = self.pending.start > 0 && !Range::is_empty(&self.pending);
        if Range::is_empty(&self.own_pending) || is_begun {
            return self.output.as_ref().get(self.pending.clone()).unwrap_or_default();
        }
        self.own.get(self.own_pending.clone()).unwrap_or_default()
    }

    /// `count` bytes of [`pending`](Self::pending) were sent.
    pub fn transmitted(&mut self, count: usize) {
        let is_begun = self.pending.start > 0 && !Range::is_empty(&self.pending);
        let range = if Range::is_empty(&self.own_pending) || is_begun {
            &mut self.pending
        } else {
            &mut self.own_pending
        };
        range.start = range.start.saturating_add(count).min(range.end);
    }
}

/// The largest record that fits into both buffers.
fn record<B: AsRef<[u8]>>(buffers: &[B; 2]) -> Result<u16, Error> {
    let smaller = buffers.iter().map(|buffer| buffer.as_ref().len()).min().unwrap_or(0);
    let record = smaller.saturating_sub(HEADER).min(MAX_RECORD.into()) as u16;
    let is_enough = record >= MIN_RECORD && smaller >= HANDSHAKE_MAX;
    if is_enough { Ok(record) } else { Err(Error::SmallBuffer) }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Drop for LossyChannel<B> {
    fn drop(&mut self) {
        self.input.as_mut().zeroize();
        self.output.as_mut().zeroize();
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> fmt::Debug for LossyChannel<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LossyChannel(..)")
    }
}
