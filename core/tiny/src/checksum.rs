//! The two checks, bit by bit: a table would cost more flash than the rest of the crate.

/// Continues the CRC-32 of a frame (R2).
pub(crate) fn crc32(start: u32, bytes: &[u8]) -> u32 {
    let mut crc = !start;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Continues the CRC-64 of a file (R4).
pub(crate) fn crc64(start: u64, bytes: &[u8]) -> u64 {
    let mut crc = !start;
    for byte in bytes {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            let is_set = crc & 1 != 0;
            crc >>= 1;
            if is_set {
                crc ^= 0x9A6C_9329_AC4B_C9B5;
            }
        }
    }
    !crc
}
