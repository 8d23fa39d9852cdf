//! The bytes of signals on transfer 0, whose layout is the same in every version: for a program that finds them among
//! other bytes, or sends them over a line that changes byte values.

use super::super::{SIGNAL_LEN, emit};
use super::{Code, Signal};
use crate::checksum::Checksums;

/// The position of the session number in the frame of a hello, in bytes.
const SESSION: usize = 16;
/// Its length.
const SESSION_LEN: usize = 4;

impl Signal {
    /// Whether a signal of this code on transfer 0 may begin with `bytes`, which may be a part of it.
    pub fn may_begin(code: Code, bytes: &[u8]) -> bool {
        let [a, b, c] = code.letters();
        // The version differs; the transfer follows it.
        let begin = [Some(a), Some(b), Some(c), None, Some(0), Some(0)];
        begin.iter().zip(bytes).all(|(wanted, byte)| wanted.is_none_or(|wanted| wanted == *byte))
    }

    /// The same hello or reply in the session with another number.
    #[must_use]
    pub const fn in_session(self, number: u32) -> Self {
        debug_assert!(matches!(self.code, Code::Pin | Code::Pon) && self.transfer == 0);
        let [_, a, b, c] = self.detail;
        Self { detail: [number, a, b, c], ..self }
    }

    /// The frame of a hello or its reply in parts: the bytes before the session number, that number, the bytes behind
    /// it, and the CRC-32.
    pub fn hello_parts(frame: &[u8; SIGNAL_LEN]) -> [&[u8]; 4] {
        let (covered, crc) = frame.split_at(SIGNAL_LEN - 4);
        let (before, rest) = covered.split_at(SESSION);
        let (session, behind) = rest.split_at(SESSION_LEN);
        [before, session, behind, crc]
    }

    /// Sets the CRC-32 of the frame of a signal on transfer 0, whose other bytes were changed.
    pub fn seal<C: Checksums>(frame: &mut [u8; SIGNAL_LEN]) {
        let (covered, crc) = frame.split_at_mut(SIGNAL_LEN - 4);
        emit(&[C::crc32(0, covered)], crc);
    }
}
