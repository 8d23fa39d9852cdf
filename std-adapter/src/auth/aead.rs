//! The ciphers of the two suites, as fast as this machine can.

use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use tinyferry_secure::{Aead, Ciphers, HardwareAes};

/// The ciphers of `ring`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fast {}

impl Ciphers for Fast {
    type ChaChaPoly = FastChaChaPoly;
    type AesGcm = FastAesGcm;
}

/// The same bytes as [`tinyferry_secure::Portable`], sooner.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FastChaChaPoly {}

/// AES-256-GCM; a value only where the processor has instructions for both AES and GHASH, without which it is slower
/// than the other cipher and its time may depend on the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FastAesGcm(());

impl HardwareAes for FastAesGcm {
    fn detect() -> Option<Self> {
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        let has_aes = std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("ssse3");
        #[cfg(target_arch = "aarch64")]
        let has_aes = std::arch::is_aarch64_feature_detected!("aes")
            && std::arch::is_aarch64_feature_detected!("pmull");
        #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
        let has_aes = false;
        has_aes.then_some(Self(()))
    }
}

impl Aead for FastChaChaPoly {
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) {
        seal(&CHACHA20_POLY1305, key, nonce, associated, in_out);
    }

    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool {
        open(&CHACHA20_POLY1305, key, nonce, associated, in_out)
    }
}

impl Aead for FastAesGcm {
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) {
        seal(&AES_256_GCM, key, nonce, associated, in_out);
    }

    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool {
        open(&AES_256_GCM, key, nonce, associated, in_out)
    }
}

fn key(algorithm: &'static Algorithm, key: &[u8; 32]) -> Option<LessSafeKey> {
    // Both take any key of 32 bytes.
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

fn seal(
    algorithm: &'static Algorithm,
    bytes: &[u8; 32],
    nonce: [u8; 12],
    associated: &[u8],
    in_out: &mut [u8],
) {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let Some((content, tag)) = in_out.split_last_chunk_mut::<16>() else { return };
    let made = key(algorithm, bytes)
        .and_then(|key| key.seal_in_place_separate_tag(nonce, Aad::from(associated), content).ok());
    match made {
        Some(made) => tag.copy_from_slice(made.as_ref()),
        // Nothing that was not encrypted leaves.
        None => in_out.fill(0),
    }
}

fn open(
    algorithm: &'static Algorithm,
    bytes: &[u8; 32],
    nonce: [u8; 12],
    associated: &[u8],
    in_out: &mut [u8],
) -> bool {
    let nonce = Nonce::assume_unique_for_key(nonce);
    key(algorithm, bytes)
        .is_some_and(|key| key.open_in_place(nonce, Aad::from(associated), in_out).is_ok())
}

#[cfg(test)]
mod tests {
    use tinyferry_secure::Portable;

    use super::*;

    #[test]
    fn the_fast_cipher_equals_the_portable_one() {
        let (key, nonce, associated) = ([7; 32], [9; 12], b"beside");
        for length in [0, 1, 16, 63, 64, 65, 1000, 65_519] {
            let plain: Vec<u8> = (0..length + 16).map(|at| at as u8).collect();
            let (mut fast, mut portable) = (plain.clone(), plain.clone());
            FastChaChaPoly::seal(&key, nonce, associated, &mut fast);
            Portable::seal(&key, nonce, associated, &mut portable);
            assert!(fast == portable && fast[..length] != plain[..length] || length < 16);
            let mut opened = fast.clone();
            assert!(Portable::open(&key, nonce, associated, &mut opened));
            assert_eq!(opened[..length], plain[..length]);
            assert!(FastChaChaPoly::open(&key, nonce, associated, &mut portable));
            assert_eq!(portable[..length], plain[..length]);
            fast[length / 2] ^= 1;
            assert!(!FastChaChaPoly::open(&key, nonce, associated, &mut fast.clone()));
            assert!(!Portable::open(&key, nonce, associated, &mut fast));
        }
    }

    /// Test case 14 of "The Galois/Counter Mode of Operation" by McGrew and Viega, which NIST publishes: AES-256, zeros.
    #[test]
    fn the_cipher_of_suite_2_is_aes_256_gcm() {
        let mut block = [0; 32];
        FastAesGcm::seal(&[0; 32], [0; 12], &[], &mut block);
        let sealed = crate::auth::hex(&block);
        assert_eq!(sealed, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
        assert!(FastAesGcm::open(&[0; 32], [0; 12], &[], &mut block.clone()));
        block[3] ^= 1;
        assert!(!FastAesGcm::open(&[0; 32], [0; 12], &[], &mut block));
    }
}
