//! The two suites, `25519_ChaChaPoly_SHA256` and `25519_AESGCM_SHA256`: their algorithms, bound to their libraries.

use core::marker::PhantomData;

use noise_protocol::{Cipher, DH, Hash, U8Array};
use sha2::Digest;
use x25519_dalek::StaticSecret;
use zeroize::Zeroize;

use crate::bytes::copy;
use crate::ciphers::{Aead, Ciphers, TAG};
use crate::keys::{PrivateKey, Secret};

/// What the two suites differ in.
pub(crate) trait Suite {
    /// The cipher's name in Noise.
    const NAME: &'static str;
    type Aead: Aead;

    /// The number of a message as Noise lays it out for this cipher.
    fn nonce(number: u64) -> [u8; 12];
}

pub(crate) struct ChaChaPoly<C>(PhantomData<C>);

impl<C: Ciphers> Suite for ChaChaPoly<C> {
    const NAME: &'static str = "ChaChaPoly";
    type Aead = C::ChaChaPoly;

    fn nonce(number: u64) -> [u8; 12] {
        laid_out(number.to_le_bytes())
    }
}

pub(crate) struct AesGcm<C>(PhantomData<C>);

impl<C: Ciphers> Suite for AesGcm<C> {
    const NAME: &'static str = "AESGCM";
    type Aead = C::AesGcm;

    fn nonce(number: u64) -> [u8; 12] {
        laid_out(number.to_be_bytes())
    }
}

fn laid_out(number: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(end) = nonce.last_chunk_mut::<8>() {
        *end = number;
    }
    nonce
}

/// Encrypts all but the last 16 bytes, into which the tag goes.
pub(crate) fn seal<S: Suite>(key: &Secret<32>, number: u64, associated: &[u8], in_out: &mut [u8]) {
    S::Aead::seal(&key.0, S::nonce(number), associated, in_out);
}

/// Decrypts all but the tag at the end; whether they are genuine.
pub(crate) fn open<S: Suite>(
    key: &Secret<32>,
    number: u64,
    associated: &[u8],
    in_out: &mut [u8],
) -> bool {
    S::Aead::open(&key.0, S::nonce(number), associated, in_out)
}

/// `REKEY` of the Noise specification.
pub(crate) fn rekeyed<S: Suite>(key: &Secret<32>) -> Secret<32> {
    let mut block = Secret([0; 32 + TAG]);
    seal::<S>(key, u64::MAX, &[], &mut block.0);
    Secret::from_slice(&block.0)
}

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

/// The cipher of a suite, for the handshake.
pub(crate) struct OfSuite<S>(PhantomData<S>);

impl<S: Suite> Cipher for OfSuite<S> {
    type Key = Secret<32>;

    fn name() -> &'static str {
        S::NAME
    }

    fn encrypt(key: &Self::Key, number: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) {
        copy(out, plaintext);
        seal::<S>(key, number, ad, out);
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
            seal::<S>(key, number, ad, in_out);
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
        if !open::<S>(key, number, ad, block) {
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
        let is_genuine = open::<S>(key, number, ad, in_out);
        if is_genuine { ciphertext_len.checked_sub(TAG).ok_or(()) } else { Err(()) }
    }

    fn rekey(key: &Self::Key) -> Self::Key {
        rekeyed::<S>(key)
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
