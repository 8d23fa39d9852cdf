//! The escapes of a line to a board that interrupts its script at each byte of Ctrl-C and changes line ends: CircuitPython.
//!
//! The byte `0x10` stands before each byte of Ctrl-C, of a line end, and `0x10`, whose bit 6 is inverted.

use super::CTRL_C;

/// Stands before a byte with an inverted bit.
const MARK: u8 = 0x10;
/// The bit.
const BIT: u8 = 0x40;

/// The bytes with their escapes.
pub(crate) fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for byte in bytes {
        match *byte {
            byte @ (CTRL_C | b'\n' | b'\r' | MARK) => out.extend([MARK, byte ^ BIT]),
            byte => out.push(byte),
        }
    }
    out
}

/// Removes the escapes from a stream.
#[derive(Debug, Default)]
pub(crate) struct Unescape {
    /// Whether the last byte was the mark.
    is_marked: bool,
}

impl Unescape {
    /// Removes the escapes in `bytes`; the number of bytes that are left, at the front. There may be none.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) -> usize {
        let mut count = 0;
        for at in 0..bytes.len() {
            let Some(&byte) = bytes.get(at) else { break };
            let value = match (self.is_marked, byte) {
                (false, MARK) => {
                    self.is_marked = true;
                    continue;
                }
                (true, byte) => byte ^ BIT,
                (false, byte) => byte,
            };
            self.is_marked = false;
            if let Some(place) = bytes.get_mut(count) {
                *place = value;
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_arrives_however_the_stream_is_split_and_none_has_a_meaning() {
        let all: Vec<u8> = (0..=255).chain([MARK, MARK, b'\n']).collect();
        let line = escaped(&all);
        assert!(!line.iter().any(|byte| [CTRL_C, b'\n', b'\r'].contains(byte)));
        for part in 1..=line.len() {
            let (mut unescape, mut found) = (Unescape::default(), Vec::<u8>::new());
            for bytes in line.chunks(part) {
                let mut bytes = bytes.to_vec();
                let count = unescape.apply(&mut bytes);
                found.extend(bytes.iter().take(count));
            }
            assert_eq!(found, all, "parts of {part}");
        }
    }
}
