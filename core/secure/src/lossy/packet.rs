//! The header of a packet (`PROTOCOL.md`, section 5).

/// The first byte of a packet; it occurs in no UTF-8 text.
pub(super) const MARK: u8 = 0xF9;
/// Length of a header in bytes.
pub(super) const HEADER: usize = 10;

/// The kind of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hello = 1,
    Answer = 2,
    Record = 3,
}

/// The header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the body.
    pub(super) length: u16,
    pub(super) number: u32,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER] {
        let [l0, l1] = self.length.to_le_bytes();
        let [n0, n1, n2, n3] = self.number.to_le_bytes();
        let mut bytes = [MARK, self.kind as u8, l0, l1, n0, n1, n2, n3, 0, 0];
        let [c0, c1] = check(&bytes).to_le_bytes();
        if let Some(end) = bytes.last_chunk_mut() {
            *end = [c0, c1];
        }
        bytes
    }

    /// `None` if the check differs, or the kind is none.
    pub(super) fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let [_, kind, l0, l1, n0, n1, n2, n3, c0, c1] = *bytes;
        let kind = match kind {
            1 => Kind::Hello,
            2 => Kind::Answer,
            3 => Kind::Record,
            _ => return None,
        };
        let (length, number) = (u16::from_le_bytes([l0, l1]), u32::from_le_bytes([n0, n1, n2, n3]));
        (check(bytes) == u16::from_le_bytes([c0, c1])).then_some(Self { kind, length, number })
    }
}

/// The check of the first 8 bytes.
fn check(bytes: &[u8; HEADER]) -> u16 {
    let weighted = bytes.iter().take(8).zip(1u16..);
    !weighted
        .fold(0u16, |sum, (byte, weight)| sum.wrapping_add(weight.wrapping_mul((*byte).into())))
}
