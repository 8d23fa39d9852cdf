//! ChaCha20-Poly1305 as fast as this machine can.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use tinyferry_secure::Aead;

/// By `ring`; the same bytes as [`tinyferry_secure::Portable`], sooner.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fast {}

fn key(key: &[u8; 32]) -> Option<LessSafeKey> {
    // A key of 32 bytes is always taken.
    UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new)
}

impl Aead for Fast {
    fn seal(bytes: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let Some((content, tag)) = in_out.split_last_chunk_mut::<16>() else { return };
        let made = key(bytes).and_then(|key| {
            key.seal_in_place_separate_tag(nonce, Aad::from(associated), content).ok()
        });
        match made {
            Some(made) => tag.copy_from_slice(made.as_ref()),
            // Nothing that was not encrypted leaves.
            None => in_out.fill(0),
        }
    }

    fn open(bytes: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool {
        let nonce = Nonce::assume_unique_for_key(nonce);
        key(bytes)
            .is_some_and(|key| key.open_in_place(nonce, Aad::from(associated), in_out).is_ok())
    }
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
            Fast::seal(&key, nonce, associated, &mut fast);
            Portable::seal(&key, nonce, associated, &mut portable);
            assert!(fast == portable && fast[..length] != plain[..length] || length < 16);
            let mut opened = fast.clone();
            assert!(Portable::open(&key, nonce, associated, &mut opened));
            assert_eq!(opened[..length], plain[..length]);
            assert!(Fast::open(&key, nonce, associated, &mut portable));
            assert_eq!(portable[..length], plain[..length]);
            fast[length / 2] ^= 1;
            assert!(!Fast::open(&key, nonce, associated, &mut fast.clone()));
            assert!(!Portable::open(&key, nonce, associated, &mut fast));
        }
    }
}
