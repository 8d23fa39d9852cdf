//! The content that a writer has got from earlier transfers, and the part of it that a transfer continues.

use tinyferry_core::checksum::Checksums as _;

use crate::checksum::Fast;

/// A part of a file is continued at a multiple of this length, in bytes.
pub(super) const STEP: u64 = 1024;

/// One transfer of the file. It begins with the offer.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// The length of the content that earlier attempts have taken, in bytes.
    pub(super) earlier: u64,
    /// The prefix of it that is not received again.
    pub(super) resumed: Prefix,
    /// The prefix of it that is proven or was received again.
    pub(super) compared: Prefix,
    pub(super) sha256: Option<[u8; 32]>,
}

impl Attempt {
    /// The length of the earlier content that is still to be received again, in bytes.
    pub(super) fn left(&self) -> u64 {
        self.earlier - self.compared.length
    }
}

/// The first bytes of the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// In bytes.
    pub(super) length: u64,
    pub(super) crc64: u64,
}

impl Prefix {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc64 = Fast::crc64(self.crc64, bytes);
    }

    /// The same with these bytes, and its part up to the last multiple of [`STEP`], if that is in them.
    pub(super) fn extended(mut self, bytes: &[u8]) -> (Self, Option<Self>) {
        let behind = (self.length + bytes.len() as u64) % STEP;
        let steps = bytes.len().checked_sub(behind as usize);
        let (in_steps, rest) = bytes.split_at(steps.unwrap_or(0));
        self.extend(in_steps);
        let whole_steps = steps.map(|_| self);
        self.extend(rest);
        (self, whole_steps)
    }
}
