//! The handshake of a server (R20).

use crate::signal::{ERR, PON, Words};
use crate::{Link, Reason};

/// The binary logarithm of the shortest block.
pub(crate) const MIN_BLOCK: u8 = 8;
const VERSION: u32 = 1;
const IS_LOSSY: u32 = 1 << 8;
const IS_HALF_DUPLEX: u32 = 1 << 9;

/// Answers the hello in `words`; whether the session begins.
#[inline(always)]
pub(crate) fn answer<L: Link>(words: &mut Words, payload_max: usize, own_credit: u8) -> bool {
    let [_, _, _, _, number, kinds, sizes, credit] = *words;
    let exponent = sizes >> 16 & 0xFF;
    let within_block = (1u32 << MIN_BLOCK << (exponent & 3)).wrapping_sub(1);
    let chunk = (sizes & 0xFFFF).min(payload_max as u32) & !within_block;
    let is_lossy = kinds & IS_LOSSY != 0;
    let refusal = if kinds & 0xFF == 0 {
        Some(Reason::Version)
    } else if exponent > 2 || chunk == 0 || credit & 0xFFFF == 0 || is_lossy && !L::LOSSY {
        Some(Reason::Unsupported)
    } else {
        None
    };
    if let Some(reason) = refusal {
        *words = [ERR, 0, 0, 0, reason.code().into(), number, 0, 0];
        return false;
    }
    let kinds = VERSION | IS_HALF_DUPLEX | if L::LOSSY { IS_LOSSY } else { 0 };
    *words = [PON, 0, 0, 0, number, kinds, chunk | exponent << 16, own_credit.into()];
    true
}
