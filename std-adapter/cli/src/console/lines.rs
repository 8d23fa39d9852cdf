//! Text in lines for a person. It is hostile: control characters are escaped, and the sequences that set colours are
//! left out.

use tinyferry::describe;

use crate::output;

/// The longest line, in bytes. A longer one is cut into several lines.
const LONGEST: usize = 512;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The line that is not complete.
    line: Vec<u8>,
    /// The number of bytes that are no text in any language: frames that are damaged from their first byte on.
    hidden: usize,
}

impl Lines {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.show(),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= LONGEST {
                self.show();
            }
        }
    }

    fn show(&mut self) {
        let line = std::mem::take(&mut self.line);
        match shown(&line) {
            Some(line) => output::console_line(&line),
            None => self.hidden += line.len(),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.show();
        }
        if self.hidden > 0 {
            let count = describe::count(self.hidden as u64, "byte", "bytes");
            output::remark(format_args!("tinyferry: {count} of the console were no text"));
        }
    }
}

/// A line as it is shown; `None`: most of it is no text.
fn shown(line: &[u8]) -> Option<String> {
    let line = without_colours(line.trim_ascii_end());
    let letters = line.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let letters: usize = letters.filter(|letter| !letter.is_control()).map(char::len_utf8).sum();
    (letters >= line.len() - line.len() / 4).then(|| describe::line(&line))
}

/// The line without the sequences `ESC [ … m`.
fn without_colours(line: &[u8]) -> Vec<u8> {
    let mut rest = line;
    let mut text = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        let is_value = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
        let sequence = rest.strip_prefix(b"\x1b[").and_then(|values| {
            let end = values.iter().position(|byte| !is_value(byte))?;
            values.get(end..)?.strip_prefix(b"m")
        });
        match sequence {
            Some(behind) => rest = behind,
            None => {
                text.push(*first);
                rest = behind;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_without_colours_and_with_escaped_control_characters() {
        for (line, expected) in [
            (&b"\x1b[0;32mI (12) main: up\x1b[0m\r"[..], "I (12) main: up"),
            (b"bell \x07 and \x1b[2J", "bell \\u{7} and \\u{1b}[2J"),
            (b"\x1b[31", "\\u{1b}[31"),
            ("21 °C".as_bytes(), "21 °C"),
            (b"", ""),
        ] {
            assert_eq!(shown(line).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_line_of_other_bytes_is_not_shown() {
        assert_eq!(shown(&[0xFA, 1, 0, 4, 0x80, 0x90, b'a', b'b']), None);
        assert_eq!(shown(b"PON\x01\x01\0\0\0\0\0\x80\x80\0\0\0"), None);
    }
}
