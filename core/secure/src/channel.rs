//! The channel: a machine without I/O that the drivers carry out. It owns two buffers and all
//! keys; an error wipes both.

mod input;
mod output;
mod state;
mod suspended;

use core::fmt;
use core::ops::Range;

use zeroize::Zeroize;

use self::input::Input;
use self::output::Output;
use self::state::{Open, State};
pub use self::suspended::Suspended;
use crate::bytes::copy;
use crate::ciphers::{Ciphers, Portable, TAG};
use crate::error::{Error, Refusal};
use crate::handshake::{Handshake, MIN_RECORD};
use crate::keys::{Identity, KeyId, PrivateKey, PublicKey, Trust};
use crate::record::{HEADER, Half, Header, KIND, Kind, MAX_RECORD, OVERHEAD};
use crate::step::Step;

/// The smallest buffer of a channel, in bytes.
pub const MIN_BUFFER: usize = HEADER + MIN_RECORD as usize;
/// The largest buffer that a record fills, in bytes; a larger one for input holds more than
/// one record at a time.
pub const FULL_BUFFER: usize = HEADER + MAX_RECORD as usize;

/// One end of a channel, without I/O. `B` is a buffer of at least [`MIN_BUFFER`] bytes: an array,
/// a `Vec`, a `&mut [u8]`.
///
/// First [`Channel::step`] until it is [`Step::Done`]. Then, in any order:
/// - to read: [`Channel::read`]; while it returns `None`, fill [`Channel::room`] and say so with
///   [`Channel::received`];
/// - to write: [`Channel::write`] as long as it takes something, [`Channel::seal`], and send
///   [`Channel::pending`], saying so with [`Channel::transmitted`];
/// - to end: [`Channel::close`], and send the pending bytes.
///
/// After an error all keys and buffers are wiped and every call repeats the error.
pub struct Channel<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers = Portable> {
    state: State<C>,
    input: Input<B>,
    output: Output<B>,
    shared: Option<KeyId>,
    peer: Option<PublicKey>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    /// A client's end. `ephemeral`: 32 bytes that nobody can foresee, used here and never again.
    ///
    /// # Errors
    /// [`Error::SmallBuffer`].
    pub fn client(
        identity: &Identity,
        ephemeral: PrivateKey,
        buffers: [B; 2],
    ) -> Result<Self, Error> {
        let handshake = Handshake::client(identity, &ephemeral, record(&buffers)?)?;
        Ok(Self::new(State::Handshake(handshake), buffers))
    }

    /// A server's end. `ephemeral` as for [`Channel::client`].
    ///
    /// # Errors
    /// [`Error::SmallBuffer`].
    pub fn server(ephemeral: PrivateKey, buffers: [B; 2]) -> Result<Self, Error> {
        let handshake = Handshake::server(ephemeral, record(&buffers)?);
        Ok(Self::new(State::Handshake(handshake), buffers))
    }

    fn new(state: State<C>, [input, output]: [B; 2]) -> Self {
        Self {
            state,
            input: Input { buffer: input, raw: 0..0, content: 0..0 },
            output: Output { buffer: output, collected: 0, pending: 0..0 },
            shared: None,
            peer: None,
        }
    }

    /// The next step of the handshake.
    ///
    /// # Errors
    /// That with which the channel has failed.
    pub fn step(&mut self) -> Result<Step<'_>, Error> {
        match &mut self.state {
            State::Handshake(handshake) => Ok(handshake.step()),
            State::Open(_) => Ok(Step::Done),
            State::Failed(error) => Err(*error),
        }
    }

    /// `count` bytes were read into the buffer of [`Step::Receive`]; 0: the stream has ended.
    ///
    /// # Errors
    /// The handshake failed.
    pub fn handshake_received(&mut self, count: usize, trust: &mut dyn Trust) -> Result<(), Error> {
        let result = match &mut self.state {
            State::Handshake(handshake) => handshake.received(count, trust),
            _ => Ok(()),
        };
        self.checked(result)
    }

    /// `count` bytes of [`Step::Transmit`] or of [`Channel::pending`] were written.
    ///
    /// # Errors
    /// The handshake failed: the other end was told that it is refused.
    pub fn transmitted(&mut self, count: usize) -> Result<(), Error> {
        let result = match &mut self.state {
            State::Handshake(handshake) => handshake.transmitted(count),
            _ => {
                let pending = &mut self.output.pending;
                pending.start = pending.start.saturating_add(count).min(pending.end);
                Ok(())
            }
        };
        self.checked(result)
    }

    /// The name of the shared key, once that is agreed.
    pub fn shared(&self) -> Option<KeyId> {
        self.shared
    }

    /// The other end's public key, if it has shown one and is trusted.
    pub fn peer(&self) -> Option<PublicKey> {
        self.peer
    }

    /// Whether the ends have chosen suite 2: the records are encrypted by AES-256-GCM.
    pub fn is_aes(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.outgoing.is_aes())
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Drop for Channel<B, C> {
    /// The keys wipe themselves.
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> fmt::Debug for Channel<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Handshake(_) => "Channel(in its handshake)",
            State::Open(_) => "Channel(open)",
            State::Failed(_) => "Channel(failed)",
        })
    }
}

/// The largest record that the first buffer takes.
fn record<B: AsRef<[u8]>>([input, output]: &[B; 2]) -> Result<u16, Error> {
    let (input, output) = (input.as_ref().len(), output.as_ref().len());
    if input.min(output) < MIN_BUFFER {
        return Err(Error::SmallBuffer);
    }
    Ok(u16::try_from(input.saturating_sub(HEADER)).unwrap_or(MAX_RECORD))
}
