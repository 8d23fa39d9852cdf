//! The signals (section 3 of the protocol).

/// Bytes of a signal.
pub(crate) const SIGNAL_LEN: usize = 36;

/// A signal: code and version, transfer and metadata, position (two words), detail (four).
pub(crate) type Words = [u32; 8];

pub(crate) const LETTERS: u32 = 0x00FF_FFFF;

const fn code(letters: &[u8; 3]) -> u32 {
    u32::from_le_bytes([letters[0], letters[1], letters[2], 1])
}

pub(crate) const SAF: u32 = code(b"SAF");
pub(crate) const SAR: u32 = code(b"SAR");
pub(crate) const RAF: u32 = code(b"RAF");
pub(crate) const RAR: u32 = code(b"RAR");
pub(crate) const CLS: u32 = code(b"CLS");
pub(crate) const DON: u32 = code(b"DON");
pub(crate) const ERR: u32 = code(b"ERR");
pub(crate) const PIN: u32 = code(b"PIN");
pub(crate) const PON: u32 = code(b"PON");

pub(crate) const CODES: [u32; 9] = [PIN, SAF, DON, ERR, SAR, RAF, RAR, CLS, PON];
