//! `25519_ChaChaPoly_SHA256`: the algorithms of the handshake, bound to their libraries.

use core::marker::PhantomData;

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use noise_protocol::{Cipher, DH, HandshakeState, Hash, U8Array};
use sha2::Digest;
use x25519_dalek::StaticSecret;
use zeroize::Zeroize;

use crate::bytes::copy;
use crate::keys::{PrivateKey, Secret};

/// Length of a tag, in bytes.
pub(crate) const TAG: usize = 16;

/// ChaCha20-Poly1305 (RFC 8439), in place. A desktop may know a faster one than [`Portable`].
pub trait Aead {
    /// Encrypts all but the last 16 bytes, into which the tag goes.
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]);

    /// Decrypts all but the last 16 bytes, the tag. Returns whether they are genuine; if not, the content
    /// of the buffer must not be used.
    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool;
}

/// ChaCha20-Poly1305 that builds everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Aead for Portable {
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) {
        if let Some((content, tag)) = in_out.split_last_chunk_mut::<TAG>() {
            let cipher = ChaCha20Poly1305::new(key.into());
            // It fails beyond 256 GiB only.
            if let Ok(made) =
                cipher.encrypt_inout_detached(&nonce.into(), associated, content.into())
            {
                *tag = made.into();
            }
        }
    }

    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool {
        let Some((content, tag)) = in_out.split_last_chunk_mut::<TAG>() else { return false };
        let cipher = ChaCha20Poly1305::new(key.into());
        let tag = (*tag).into();
        cipher.decrypt_inout_detached(&nonce.into(), associated, content.into(), &tag).is_ok()
    }
}

/// A nonce as Noise lays it out for this cipher.
pub(crate) fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(low) = nonce.last_chunk_mut::<8>() {
        *low = number.to_le_bytes();
    }
    nonce
}

/// `REKEY` of the Noise specification.
pub(crate) fn rekeyed<A: Aead>(key: &Secret<32>) -> Secret<32> {
    let mut block = Secret([0; 32 + TAG]);
    A::seal(&key.0, nonce(u64::MAX), &[], &mut block.0);
    Secret::from_slice(&block.0)
}

/// The state of a handshake.
pub(crate) type Noise<A> = HandshakeState<X25519, ChaChaPoly<A>, Sha256>;

pub(crate) enum X25519 {}

impl DH for X25519 {
    type Key = Secret<32>;
    type Pubkey = [u8; 32];
    type Output = Secret<32>;

    fn name() -> &'static str {
        "25519"
    }

    /// Never called: every handshake is given its private key, since nothing here knows a source
    /// of randomness.
    fn genkey() -> Self::Key {
        Secret([0; 32])
    }

    fn pubkey(key: &Self::Key) -> Self::Pubkey {
        PrivateKey::new(&key.0).public().0
    }

    fn dh(key: &Self::Key, public: &Self::Pubkey) -> Result<Self::Output, ()> {
        let shared = StaticSecret::from(key.0).diffie_hellman(&(*public).into());
        // A public key of low order would leave the other end no say in the result.
        if shared.was_contributory() { Ok(Secret(shared.to_bytes())) } else { Err(()) }
    }
}

pub(crate) struct ChaChaPoly<A>(PhantomData<A>);

impl<A: Aead> Cipher for ChaChaPoly<A> {
    type Key = Secret<32>;

    fn name() -> &'static str {
        "ChaChaPoly"
    }

    fn encrypt(key: &Self::Key, number: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) {
        copy(out, plaintext);
        A::seal(&key.0, nonce(number), ad, out);
    }

    fn encrypt_in_place(
        key: &Self::Key,
        number: u64,
        ad: &[u8],
        in_out: &mut [u8],
        plaintext_len: usize,
    ) -> usize {
        let length = plaintext_len.saturating_add(TAG);
        if let Some(in_out) = in_out.get_mut(..length) {
            A::seal(&key.0, nonce(number), ad, in_out);
        }
        length
    }

    fn decrypt(
        key: &Self::Key,
        number: u64,
        ad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<(), ()> {
        // Nothing longer than a public key or a payload of ours is encrypted in a handshake.
        let mut block = Secret([0; 32 + TAG]);
        let block = block.0.get_mut(..ciphertext.len()).ok_or(())?;
        copy(block, ciphertext);
        if !A::open(&key.0, nonce(number), ad, block) {
            return Err(());
        }
        copy(out, block);
        Ok(())
    }

    fn decrypt_in_place(
        key: &Self::Key,
        number: u64,
        ad: &[u8],
        in_out: &mut [u8],
        ciphertext_len: usize,
    ) -> Result<usize, ()> {
        let in_out = in_out.get_mut(..ciphertext_len).ok_or(())?;
        let is_genuine = A::open(&key.0, nonce(number), ad, in_out);
        if is_genuine { ciphertext_len.checked_sub(TAG).ok_or(()) } else { Err(()) }
    }

    fn rekey(key: &Self::Key) -> Self::Key {
        rekeyed::<A>(key)
    }
}

#[derive(Default)]
pub(crate) struct Sha256(sha2::Sha256);

impl Hash for Sha256 {
    type Block = Secret<64>;
    type Output = Secret<32>;

    fn name() -> &'static str {
        "SHA256"
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self) -> Self::Output {
        let mut digest = self.0.finalize_reset();
        let secret = Secret::from_slice(&digest);
        digest.as_mut_slice().zeroize();
        secret
    }
}
