//! The frames that a session expects: the reader accepts no other header.

use super::super::{Header, low_byte, low_half, seed_for};

/// How far behind the position a retransmitted chunk is still accepted, in bytes.
const BEHIND: u32 = 1 << 17;

/// The frames that a session accepts now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect {
    /// The CRC seed.
    pub(crate) seed: u32,
    /// Whether the link may lose bytes.
    pub(crate) lossy: bool,
    /// Whether chunks that are not expected are skipped by their length.
    pub(crate) skips: bool,
    /// Whether chunks may be holes.
    pub(crate) holes: bool,
    /// The metadata that must follow: its transfer and its length.
    pub(crate) metadata: Option<(u16, u16)>,
    /// The file being received.
    pub(crate) file: Option<ExpectFile>,
    /// Low byte of the transfer that had a chunk last. Only with [`Profile::CONSOLE`](crate::Profile).
    pub(crate) last_transfer: Option<u8>,
    /// How many bytes to read where none is buffered; at most one chunk.
    pub(crate) wanted: usize,
}

/// The chunks that a file being received accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExpectFile {
    /// Low byte of its transfer.
    pub(crate) transfer: u8,
    /// Its position.
    pub(crate) position: u64,
    /// How far past the position a chunk may end, in bytes.
    pub(crate) window: u32,
}

/// If the chunk is expected: the seed of its CRC, and the distance of its begin from the position
/// (wrapping; 0 for metadata).
pub(super) fn accepts(header: &Header, expect: &Expect) -> Option<(u32, u32)> {
    if header.metadata {
        let (transfer, length) = expect.metadata?;
        let matches = header.transfer == low_byte(transfer)
            && header.length == length
            && header.position == 0;
        return matches.then_some((seed_for(transfer, expect.seed), 0));
    }
    let ExpectFile { transfer, position, window } = expect.file?;
    let ahead = header.position.wrapping_sub(low_half(position));
    let end = ahead.wrapping_add(u32::from(header.length));
    let is_ahead = ahead < window && end <= window;
    let is_behind = !expect.lossy || ahead.wrapping_neg() <= BEHIND;
    (header.transfer == transfer && (is_ahead || is_behind)).then_some((expect.seed, ahead))
}
