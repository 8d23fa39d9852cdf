//! Keys: kept in memory that is wiped when they go, never shown.

use core::fmt;

use noise_protocol::U8Array;
use sha2::{Digest, Sha256};
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::bytes::copy;

/// The bytes before the key in the input of the hash that is the key's id.
const ID_LABEL: &[u8] = b"Tinyferry key id 1";

/// Bytes that are wiped when they go.
pub(crate) struct Secret<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> U8Array for Secret<N> {
    fn new() -> Self {
        Self([0; N])
    }

    fn new_with(byte: u8) -> Self {
        Self([byte; N])
    }

    fn from_slice(bytes: &[u8]) -> Self {
        let mut secret = Self([0; N]);
        copy(&mut secret.0, bytes);
        secret
    }

    fn len() -> usize {
        N
    }

    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(pub(crate) Secret<32>);

        impl $name {
            /// A key of these 32 bytes. They are copied: wipe yours.
            pub fn new(bytes: &[u8; 32]) -> Self {
                Self(Secret(*bytes))
            }

            /// The bytes themselves, for the program that stores the key.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0.0
            }
        }

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self::new(&self.0.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

key! {
    /// A key that both ends know: 256 bits that nobody can foresee, never a password.
    SharedKey
}

key! {
    /// The private half of a key pair, or a private key that is used for one handshake: 256 bits
    /// that nobody can foresee.
    PrivateKey
}

impl SharedKey {
    /// The name of this key, which is sent unencrypted. It reveals nothing of the key.
    pub fn id(&self) -> KeyId {
        let mut hash = Sha256::new();
        hash.update(ID_LABEL);
        hash.update(self.0.0);
        let digest = hash.finalize();
        let mut id = [0; 8];
        copy(&mut id, &digest);
        KeyId(id)
    }
}

impl PrivateKey {
    /// The public half.
    pub fn public(&self) -> PublicKey {
        let secret = StaticSecret::from(self.0.0);
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

/// The public half of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PublicKey(pub [u8; 32]);

/// The name of a [`SharedKey`]: the first eight bytes of a hash of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeyId(pub [u8; 8]);

/// The credential of a client.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A key that the server knows too (`NNpsk0`).
    Shared(SharedKey),
    /// A key pair of its own, while the server has another (`XX`).
    Pair(PrivateKey),
}

/// The keys that this end trusts. None, unless a method says otherwise.
pub trait Trust {
    /// A server's shared key of that name.
    fn shared(&mut self, id: KeyId) -> Option<SharedKey> {
        let _ = id;
        None
    }

    /// A server's own key pair.
    fn pair(&mut self) -> Option<PrivateKey> {
        None
    }

    /// Whether the other end, which has proved that it owns the private half of `key`, is trusted.
    /// A client is asked before it has shown its own key.
    fn trusts(&mut self, key: &PublicKey) -> bool {
        let _ = key;
        false
    }
}

/// Trusts nobody: enough for a client with a shared key.
impl Trust for () {}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;

    #[test]
    fn secrets_are_wiped_and_never_shown() {
        let mut secret = Secret([7; 32]);
        secret.0.zeroize();
        assert_eq!(secret.0, [0; 32]);
        let key = SharedKey::new(&[7; 32]);
        assert_eq!(std::format!("{key:?}"), "SharedKey(..)");
        assert_eq!(std::format!("{:?}", Identity::Shared(key)), "Shared(SharedKey(..))");
    }

    #[test]
    fn ids_differ_as_keys_do() {
        let id = SharedKey::new(&[7; 32]).id();
        assert_eq!(id, SharedKey::new(&[7; 32]).id());
        assert_ne!(id, SharedKey::new(&[8; 32]).id());
        assert_ne!(id.0, [7; 8]);
    }
}
