//! CRCs at the speed of the machine's memory, for the desktop.

use crc_fast::{CrcAlgorithm, Digest};
use tinyferry_core::checksum::{Checksums, SoftSha256};

/// The profile of the desktop: both roles, fast CRCs, holes, stores of pipes, text between frames.
#[derive(Debug, Clone, Copy)]
pub struct Desktop;

impl tinyferry_core::Profile for Desktop {
    type Checksums = Fast;
    type Sha256 = SoftSha256;
    type Buffer = tinyferry_core::buffer::Buffer1024;
    const REPORTS: bool = true;
    const OPERATIONS: bool = true;
    const MESSAGES: bool = true;
    const HOLES: bool = true;
    const PIPES: bool = true;
    const CONSOLE: bool = true;
}

/// CRCs from carry-less multiplication where the processor has it. Each is the faster one of two
/// libraries at the length of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct Fast;

impl Checksums for Fast {
    fn crc32(start: u32, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(start);
        hasher.update(bytes);
        hasher.finalize()
    }

    fn crc64(start: u64, bytes: &[u8]) -> u64 {
        let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64Nvme, !start);
        digest.update(bytes);
        digest.finalize()
    }
}

#[cfg(test)]
mod tests {
    use tinyferry_core::checksum::{Small, Tables};

    use super::*;

    #[test]
    fn all_three_implementations_agree_at_every_split() {
        let bytes: Vec<u8> = (0..3000u32).map(|i| (i.wrapping_mul(7) >> 3) as u8).collect();
        assert_eq!(Fast::crc32(0, b"123456789"), 0xCBF4_3926);
        assert_eq!(Fast::crc64(0, b"123456789"), 0xAE8B_1486_0A79_9888);
        for cut in [0, 1, 8, 12, 255, 256, 1023, 1024, 3000] {
            let (front, back) = bytes.split_at(cut);
            let fast = Fast::crc32(Fast::crc32(0x1234_5678, front), back);
            assert_eq!(fast, Tables::crc32(0x1234_5678, &bytes), "{cut}");
            assert_eq!(fast, Small::crc32(Small::crc32(0x1234_5678, front), back), "{cut}");
            let fast = Fast::crc64(Fast::crc64(0, front), back);
            assert_eq!(fast, Tables::crc64(0, &bytes), "{cut}");
            assert_eq!(fast, Small::crc64(Small::crc64(0, front), back), "{cut}");
        }
    }
}
