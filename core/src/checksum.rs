//! The two checks: CRC-32 of a frame, CRC-64 of a file (`PROTOCOL.md`, section 2).
//!
//! Both are plain functions that continue from a finished value, the way zlib's `crc32` does, so
//! that the state of a running digest is the value itself.

use crc::{CRC_32_ISO_HDLC, CRC_64_NVME, Crc, NoTable, Table};

/// How the two CRCs are computed: a matter of speed and flash, never of the result.
pub trait Checksums {
    /// CRC-32/ISO-HDLC of what `start` covers followed by `bytes`; `start` 0 begins.
    fn crc32(start: u32, bytes: &[u8]) -> u32;
    /// CRC-64/NVME of what `start` covers followed by `bytes`; `start` 0 begins.
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
