//! The echo of a terminal: the bytes that were sent come back, control characters as `^A` or not at all.

use std::ops::Range;

/// The smallest number of bytes of an echo.
const SHORTEST: usize = 8;

/// Where the echo of `sent` is in a line; `None`: there is none.
pub(super) fn find(line: &[u8], sent: &[u8]) -> Option<Range<usize>> {
    let begin = sent.first_chunk::<3>()?;
    let begin = line.windows(begin.len()).position(|part| part == begin)?;
    let length = length(line.get(begin..)?, sent);
    (length >= SHORTEST).then_some(begin..begin + length)
}

/// The number of bytes at the front of `text` that are an echo of `sent`.
fn length(text: &[u8], sent: &[u8]) -> usize {
    let mut rest = text;
    for byte in sent {
        let shown = [b'^', byte ^ 0x40];
        if let Some(more) = rest.strip_prefix(&[*byte]) {
            rest = more;
        } else if let Some(more) = rest.strip_prefix(&shown).filter(|_| byte.is_ascii_control()) {
            rest = more;
        }
        // A byte has erased the one before.
        while let Some(more) = rest.strip_prefix(b"\x08 \x08") {
            rest = more;
        }
    }
    text.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_found_as_a_terminal_shows_it() {
        let sent = b"PIN\x01\0\0\x04\xff\x7fabc";
        for echo in [&sent[..], b"PIN^A^@^@\xff\x08 \x08abc", b"PIN\x01\0\0\x04\xff^?abc"] {
            let line = [b"$ ", echo, b"motd"].concat();
            assert_eq!(find(&line, sent), Some(2..2 + echo.len()));
        }
        assert_eq!(find(b"PINS and needles", sent), None);
        assert_eq!(find(b"PIN^A", sent), None);
        assert_eq!(find(b"PIN^A", b""), None);
    }
}
