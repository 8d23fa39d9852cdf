//! The state of a handshake in either suite.

use noise_protocol::patterns::{noise_nn_psk0, noise_xx};
use noise_protocol::{Error, HandshakeState};

use crate::ciphers::Ciphers;
use crate::keys::{Identity, PrivateKey, PublicKey, Secret};
use crate::record::Half;
use crate::suite::{AesGcm, ChaChaPoly, OfSuite, Sha256, X25519};

type State<S> = HandshakeState<X25519, OfSuite<S>, Sha256>;

/// The suite of a channel.
pub(crate) enum Choice<C: Ciphers> {
    ChaChaPoly,
    AesGcm(C::AesGcm),
}

impl<C: Ciphers> Clone for Choice<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Ciphers> Copy for Choice<C> {}

/// A handshake of Noise. Suite 2 has a value of the cipher, without which there is no such state.
pub(crate) enum Noise<C: Ciphers> {
    ChaChaPoly(State<ChaChaPoly<C>>),
    AesGcm(State<AesGcm<C>>, C::AesGcm),
}

/// The same expression for the state of each suite.
macro_rules! each {
    ($noise:expr, $state:ident => $do:expr) => {
        match $noise {
            Noise::ChaChaPoly($state) => $do,
            Noise::AesGcm($state, _) => $do,
        }
    };
}

impl<C: Ciphers> Noise<C> {
    pub(crate) fn new(
        suite: Choice<C>,
        is_initiator: bool,
        prologue: &[u8],
        ephemeral: &PrivateKey,
        identity: &Identity,
    ) -> Self {
        let (pattern, pair) = match identity {
            Identity::Shared(_) => (noise_nn_psk0(), None),
            Identity::Pair(pair) => (noise_xx(), Some(pair)),
        };
        let key = |key: &PrivateKey| Secret(*key.expose());
        let (s, e) = (pair.map(key), Some(key(ephemeral)));
        let mut noise = match suite {
            Choice::ChaChaPoly => {
                Self::ChaChaPoly(State::new(pattern, is_initiator, prologue, s, e, None, None))
            }
            Choice::AesGcm(aes) => {
                Self::AesGcm(State::new(pattern, is_initiator, prologue, s, e, None, None), aes)
            }
        };
        if let Identity::Shared(shared) = identity {
            noise.push_shared(shared.expose());
        }
        noise
    }

    fn push_shared(&mut self, key: &[u8; 32]) {
        each!(self, state => state.push_psk(key));
    }

    pub(crate) fn write(&mut self, payload: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let result = each!(self, state => state.write_message(payload, out));
        self.forget_shared();
        result
    }

    pub(crate) fn read(&mut self, message: &[u8], payload: &mut [u8]) -> Result<(), Error> {
        let result = each!(self, state => state.read_message(message, payload));
        self.forget_shared();
        result
    }

    /// The library leaves a used key where it was: another is laid over it.
    fn forget_shared(&mut self) {
        let has_shared = each!(self, state => state.get_pattern().has_psk() && !state.completed());
        if has_shared {
            self.push_shared(&[0; 32]);
        }
    }

    /// What the next message adds to its payload, in bytes.
    pub(crate) fn overhead(&self) -> usize {
        each!(self, state => state.get_next_message_overhead())
    }

    pub(crate) fn peer(&self) -> Option<PublicKey> {
        each!(self, state => state.get_rs()).map(PublicKey)
    }

    /// The two directions of the channel, once the handshake is complete: input and output.
    pub(crate) fn halves(&self) -> Option<[Half<C>; 2]> {
        let is_complete = each!(self, state => state.completed());
        if !is_complete {
            return None;
        }
        let (is_initiator, first, second) = each!(self, state => {
            let (first, second) = state.get_ciphers();
            (state.get_is_initiator(), first.extract().0, second.extract().0)
        });
        let suite = match self {
            Self::ChaChaPoly(_) => Choice::ChaChaPoly,
            Self::AesGcm(_, aes) => Choice::AesGcm(*aes),
        };
        let [from_first, from_second] = [first, second].map(|key| Half::new(suite, key));
        Some(if is_initiator { [from_second, from_first] } else { [from_first, from_second] })
    }
}
