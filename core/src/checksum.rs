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
    /// Whether there is one; if not, a session never negotiates it.
    const SUPPORTED: bool;
    /// Before the first byte.
    fn new() -> Self;
    /// Continues over `bytes`.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of all bytes so far.
    fn finish(&self) -> [u8; 32];
    /// Stores the digest that the other end claims; the last claim counts.
    fn claim(&mut self, digest: Option<[u8; 32]>);
    /// Whether the digest of all bytes so far is the claimed one.
    fn is_as_claimed(&self) -> bool;
}

/// No SHA-256: takes no flash and no RAM.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct NoSha256;

impl Sha256 for NoSha256 {
    const SUPPORTED: bool = false;

    fn new() -> Self {
        Self
    }

    fn update(&mut self, _: &[u8]) {}

    fn finish(&self) -> [u8; 32] {
        [0; 32]
    }

    fn claim(&mut self, _: Option<[u8; 32]>) {}

    fn is_as_claimed(&self) -> bool {
        false
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
impl Sha256 for SoftSha256 {
    const SUPPORTED: bool = true;

    fn new() -> Self {
        Self { state: sha2::Digest::new(), claimed: None }
    }

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
