//! The checks: CRC-32 of a frame, CRC-64 of a file, and SHA-256 of a file where both ends want it
//! (`PROTOCOL.md`, section 2).
//!
//! The CRCs are plain functions that continue from a finished value, the way zlib's `crc32` does, so
//! that the state of a running digest is the value itself.

use crc::{CRC_32_ISO_HDLC, CRC_64_NVME, Crc, NoTable, Table};

/// How the two CRCs are computed. Implementations differ in speed and flash only.
pub trait Checksums {
    /// Continues the CRC-32/ISO-HDLC `start` over `bytes`; 0 begins.
    fn crc32(start: u32, bytes: &[u8]) -> u32;
    /// Continues the CRC-64/NVME `start` over `bytes`; 0 begins.
    fn crc64(start: u64, bytes: &[u8]) -> u64;
    /// Continues the CRC-64/NVME `start` over `count` zeros, in a time that grows with the number of digits of
    /// `count`.
    fn crc64_zeros(start: u64, count: u64) -> u64 {
        // A zero byte multiplies the state, as a polynomial, by x^8.
        let (mut state, mut factor, mut left) = (!start, X_TO_8, count);
        while left > 0 {
            if left & 1 != 0 {
                state = multiply(state, factor);
            }
            factor = multiply(factor, factor);
            left >>= 1;
        }
        !state
    }
}

/// The polynomial of the CRC-64/NVME, reflected: the highest bit stands for x^0.
const POLYNOMIAL: u64 = 0x9A6C_9329_AC4B_C9B5;
const X_TO_8: u64 = 1 << (63 - 8);

/// The product of two reflected polynomials, modulo that of the CRC-64.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for bit in (0..u64::BITS).rev() {
        if a >> bit & 1 != 0 {
            product ^= b;
        }
        b = b >> 1 ^ if b & 1 != 0 { POLYNOMIAL } else { 0 };
    }
    product
}

/// Bit by bit: a few hundred bytes of flash, slow.
#[derive(Debug, Clone, Copy)]
pub struct Small;

/// Byte by byte from tables: 3 KiB of flash.
#[derive(Debug, Clone, Copy)]
pub struct Tables;

impl Checksums for Small {
    fn crc32(start: u32, bytes: &[u8]) -> u32 {
        static CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);
        let mut digest = CRC.digest_with_initial((!start).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }

    fn crc64(start: u64, bytes: &[u8]) -> u64 {
        static CRC: Crc<u64, NoTable> = Crc::<u64, NoTable>::new(&CRC_64_NVME);
        let mut digest = CRC.digest_with_initial((!start).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }
}

impl Checksums for Tables {
    fn crc32(start: u32, bytes: &[u8]) -> u32 {
        static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);
        let mut digest = CRC.digest_with_initial((!start).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }

    fn crc64(start: u64, bytes: &[u8]) -> u64 {
        static CRC: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_NVME);
        let mut digest = CRC.digest_with_initial((!start).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }
}

/// A running SHA-256 (FIPS 180-4), or none.
pub trait Sha256: Clone + core::fmt::Debug {
    /// Makes one before the first byte. `None`: a session never negotiates SHA-256.
    const NEW: Option<fn() -> Self>;
    /// Continues over `bytes`.
    fn update(&mut self, bytes: &[u8]);
    /// Continues over `count` zeros.
    fn update_zeros(&mut self, count: u32) {
        static ZEROS: [u8; 1024] = [0; 1024];
        let mut left = count as usize;
        while left > 0 {
            let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
            self.update(zeros);
            left = left.saturating_sub(zeros.len());
        }
    }
    /// The digest of all bytes so far.
    fn finish(&self) -> [u8; 32];
    /// Stores the digest that the other end claims; the last claim counts.
    fn claim(&mut self, digest: Option<[u8; 32]>);
    /// Whether the digest of all bytes so far is the claimed one.
    fn is_as_claimed(&self) -> bool;
}

/// No SHA-256: has no value, and takes no flash and no RAM.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum NoSha256 {}

impl Sha256 for NoSha256 {
    const NEW: Option<fn() -> Self> = None;

    fn update(&mut self, _: &[u8]) {
        match *self {}
    }

    fn finish(&self) -> [u8; 32] {
        match *self {}
    }

    fn claim(&mut self, _: Option<[u8; 32]>) {
        match *self {}
    }

    fn is_as_claimed(&self) -> bool {
        match *self {}
    }
}

/// SHA-256 in software, or by the processor's instructions where it has them.
#[cfg(feature = "sha256")]
#[derive(Debug, Clone)]
pub struct SoftSha256 {
    state: sha2::Sha256,
    claimed: Option<[u8; 32]>,
}

#[cfg(feature = "sha256")]
impl SoftSha256 {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self { state: sha2::Digest::new(), claimed: None }
    }
}

#[cfg(feature = "sha256")]
impl Default for SoftSha256 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "sha256")]
impl Sha256 for SoftSha256 {
    const NEW: Option<fn() -> Self> = Some(Self::new);

    fn update(&mut self, bytes: &[u8]) {
        sha2::Digest::update(&mut self.state, bytes);
    }

    fn finish(&self) -> [u8; 32] {
        sha2::Digest::finalize(self.state.clone()).into()
    }

    fn claim(&mut self, digest: Option<[u8; 32]>) {
        self.claimed = digest;
    }

    fn is_as_claimed(&self) -> bool {
        self.claimed == Some(self.finish())
    }
}

/// Hashes the digest of all bytes so far in place of the running state.
#[cfg(all(feature = "sha256", feature = "model"))]
impl core::hash::Hash for SoftSha256 {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.finish().hash(state);
        self.claimed.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_have_the_crc_that_they_have_one_by_one() {
        for start in [0, 1, 0xAE8B_1486_0A79_9888, u64::MAX] {
            let mut expected = start;
            for count in 0..3000 {
                assert_eq!(Tables::crc64_zeros(start, count), expected, "{count} after {start:#x}");
                expected = Tables::crc64(expected, &[0]);
            }
        }
    }

    #[test]
    fn the_crc_of_more_zeros_than_anybody_can_count_is_that_of_their_parts() {
        for (front, back) in [(1 << 24, 1 << 40), (u64::MAX / 3, u64::MAX / 5), (1 << 62, 1 << 62)]
        {
            let whole = Tables::crc64_zeros(7, front + back);
            assert_eq!(Tables::crc64_zeros(Tables::crc64_zeros(7, front), back), whole);
        }
    }
}
