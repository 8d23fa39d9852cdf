//! The ciphers of an end. Suite 1 needs one that builds everywhere, suite 2 one in hardware.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};

/// Length of a tag, in bytes.
pub(crate) const TAG: usize = 16;

/// An AEAD with keys of 32 bytes, in place.
pub trait Aead {
    /// Encrypts all but the last 16 bytes, into which the tag goes.
    fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]);

    /// Decrypts all but the last 16 bytes, the tag. Returns whether they are genuine; if not, the content
    /// of the buffer must not be used.
    fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], in_out: &mut [u8]) -> bool;
}

/// AES-256-GCM by instructions of the processor. A value of the type exists only where the processor has them.
pub trait HardwareAes: Aead + Copy {
    /// The value, if this processor has the instructions.
    fn detect() -> Option<Self>;
}

/// The ciphers of an end: of each suite the one that is fastest there.
pub trait Ciphers {
    /// ChaCha20-Poly1305 (RFC 8439).
    type ChaChaPoly: Aead;
    /// AES-256-GCM, or [`NoAes`].
    type AesGcm: HardwareAes;
}

/// ChaCha20-Poly1305 that builds everywhere. As [`Ciphers`]: that one only.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Ciphers for Portable {
    type ChaChaPoly = Self;
    type AesGcm = NoAes;
}

/// The AES of an end without suite 2. It has no value, so the compiler drops all code of that suite.
#[derive(Debug, Clone, Copy)]
pub enum NoAes {}

impl HardwareAes for NoAes {
    fn detect() -> Option<Self> {
        None
    }
}

impl Aead for NoAes {
    /// Never called; the content does not leave.
    fn seal(_: &[u8; 32], _: [u8; 12], _: &[u8], in_out: &mut [u8]) {
        in_out.fill(0);
    }

    fn open(_: &[u8; 32], _: [u8; 12], _: &[u8], _: &mut [u8]) -> bool {
        false
    }
}

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
