//! Images with a signature by Ed25519 at the end.

use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

use super::verify::{Content, Refusal, Verify};

/// Length of a signature in bytes.
const SIGNATURE: u32 = 64;
/// Bytes that are read at once. A multiple of each flash's word.
const BLOCK: u32 = 256;

/// The message about an image that is too short to have a signature.
const NO_SIGNATURE: &str = "the image has no signature: append one by Ed25519, 64 bytes";
/// The message about an image with another signature.
const WRONG_SIGNATURE: &str = "the signature of the image is wrong: the image was changed, or signed with another key than this board's";

/// Accepts images that are signed: their last 64 bytes are the Ed25519 signature (RFC 8032) of all bytes before.
///
/// With OpenSSL: `openssl pkeyutl -sign -rawin -inkey key.pem -in app.bin -out sig && cat app.bin sig > app.signed`.
///
/// The image is read once, block by block; no buffer for all of it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    key: VerifyingKey,
}

/// The bytes are no public key of Ed25519.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the key is no public key of Ed25519: take the 32 bytes of the signer's public key",
        )
    }
}

impl core::error::Error for InvalidKey {}

impl Signed {
    /// Accepts images that the holder of this key has signed. `public_key` is as in RFC 8032.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn new(public_key: &[u8; 32]) -> Result<Self, InvalidKey> {
        match VerifyingKey::from_bytes(public_key) {
            Ok(key) if !key.is_weak() => Ok(Self { key }),
            _ => Err(InvalidKey),
        }
    }
}

impl Verify for Signed {
    fn verify(&mut self, image: &mut Content<'_>) -> Result<(), Refusal> {
        let Some(end) = image.size().checked_sub(SIGNATURE) else {
            return Err(Refusal::not_allowed(NO_SIGNATURE));
        };
        let wrong = Refusal::not_allowed(WRONG_SIGNATURE);
        let signature = Signature::from_bytes(&signature(image, end)?);
        let mut verifier = self.key.verify_stream(&signature).map_err(|_| wrong)?;
        let (mut position, mut block) = (0, [0; BLOCK as usize]);
        while position < end {
            let length = end.saturating_sub(position).min(BLOCK);
            let block = block.get_mut(..length as usize).unwrap_or_default();
            image.read(position, block)?;
            verifier.update(&*block);
            position = position.saturating_add(length);
        }
        verifier.finalize_and_verify().map_err(|_| wrong)
    }
}

/// The signature, which need not begin on a word.
fn signature(image: &mut Content<'_>, end: u32) -> Result<[u8; SIGNATURE as usize], Refusal> {
    let start = end.saturating_sub(end.checked_rem(BLOCK).unwrap_or(0));
    let mut bytes = [0; (BLOCK + SIGNATURE) as usize];
    let length = image.size().saturating_sub(start) as usize;
    let bytes = bytes.get_mut(..length).unwrap_or_default();
    image.read(start, bytes)?;
    Ok(bytes.last_chunk().copied().unwrap_or([0; SIGNATURE as usize]))
}
