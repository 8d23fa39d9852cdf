//! The server for boards, in the pieces that a board compiles one after another.

use std::fmt::Write;

use crate::endpoint::Repl;

/// The server, `peer.py`, made short by `minify.py`, as plain text.
const SERVER: &str = include_str!("peer.min.py");
/// Between two pieces of it.
const BETWEEN: &str = "\n#\n";
/// The same for a reliable and for a lossy line, compressed, behind a line with the lengths of the pieces.
const PACKED: [&[u8]; 2] = [include_bytes!("reliable.deflate"), include_bytes!("lossy.deflate")];
/// The part of the compressed server that is sent at once, in bytes.
const PART: usize = 2000;
/// Removes the names that a server, or a part of one, has left.
pub(crate) const FORGET: &str = "\
(lambda g,b:[g.pop(n)for n in list(g)if n not in b])(globals(),globals().get('BEFORE',globals()))";
/// The free memory of a board that the compressed server needs while it is started, in bytes.
const MEMORY: u32 = 50_000;
/// The begin of the line that the server prints when it can be spoken to.
pub(crate) const READY: &[u8] = b"tinyferry ready";
/// The rest of this line, where bytes are escaped.
pub(crate) const IS_ESCAPED: &[u8] = b", escaped";

/// The server as plain text, for boards that cannot decompress; `lossy`: the line may lose bytes.
pub(crate) fn plain(repl: &Repl, lossy: bool) -> Vec<Vec<u8>> {
    let settings = format!("{FORGET}\n{}LOSSY={}\n", settings(repl), u8::from(lossy)).into_bytes();
    let mut pieces = SERVER.split(BETWEEN).map(|piece| piece.as_bytes().to_vec());
    let first = pieces.next().map(|first| [settings, first].concat());
    first.into_iter().chain(pieces).collect()
}

/// The compressed server. `None`: it is not made as it should be.
pub(crate) fn packed(repl: &Repl, lossy: bool) -> Option<Vec<Vec<u8>>> {
    let [reliable, lossy_one] = PACKED;
    let packed = if lossy { lossy_one } else { reliable };
    let end = packed.iter().position(|byte| *byte == b'\n')?;
    let (lengths, stream) = (std::str::from_utf8(packed.get(..end)?).ok()?, packed.get(end + 1..)?);
    let (lengths, last) = lengths.rsplit_once(',')?;
    let begin = format!(
        "{}import io,gc\nfrom deflate import*\ngc.collect()\nif gc.mem_free()<{MEMORY}:1/0\nz=bytearray()\n",
        settings(repl)
    );
    let mut pieces = vec![begin.into_bytes()];
    pieces.extend(stream.chunks(PART).map(format_part));
    let unpack = format!("z=DeflateIO(io.BytesIO(z),1,12)\nfor n in {lengths}:exec(z.read(n))\n");
    pieces.push(unpack.into_bytes());
    pieces.push(format!("n=z.read({last})\ndel z\nexec(n)\n").into_bytes());
    Some(pieces)
}

/// The settings that the server reads, before all else: the names that the board has without it, also if a part of an
/// earlier server is there, and the directory.
fn settings(repl: &Repl) -> String {
    let root = repl.directory.as_deref().unwrap_or_default();
    format!("BEFORE=globals().get('BEFORE',dir());ROOT={}\n", quoted(root))
}

/// A statement that adds bytes to the stream. Raw paste passes all bytes but those of Ctrl-C and Ctrl-D.
fn format_part(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"z+=b'".to_vec();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            // A digit behind it would belong to it.
            0 if !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => out.extend(b"\\0"),
            0 | 3 | 4 => out.extend(format!("\\x{byte:02x}").bytes()),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\'' | b'\\' => out.extend([b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
    out.extend(b"'\n");
    out
}

/// A text as a string of Python.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for letter in text.chars() {
        match letter {
            ' '..='~' if !matches!(letter, '\'' | '\\') => out.push(letter),
            letter => {
                let _ = write!(out, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ReplLine;

    fn repl() -> Repl {
        Repl { directory: Some("\u{4}".into()), ..Repl::new(ReplLine::Command("x".into())) }
    }

    #[test]
    fn the_directory_is_one_string_of_python() {
        assert_eq!(quoted("/sd"), "'/sd'");
        assert_eq!(quoted("a'b\\\u{e9}\n"), r"'a\U00000027b\U0000005c\U000000e9\U0000000a'");
    }

    /// A byte of Ctrl-C or Ctrl-D would end the script.
    #[test]
    fn the_plain_pieces_have_no_control_characters() {
        let pieces = plain(&repl(), true);
        let begin =
            format!("{FORGET}\nBEFORE=globals().get('BEFORE',dir());ROOT='\\U00000004'\nLOSSY=1\n");
        assert!(pieces[0].starts_with(begin.as_bytes()));
        assert!(pieces.len() > 1);
        for piece in pieces {
            assert!(piece.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));
        }
    }

    #[test]
    fn the_packed_pieces_have_no_byte_that_ends_a_script_and_are_short() {
        for lossy in [false, true] {
            let pieces = packed(&repl(), lossy).expect("it is made as it should be");
            assert!(pieces.iter().flatten().all(|byte| ![0, 3, 4, b'\r'].contains(byte)));
            let length: usize = pieces.iter().map(Vec::len).sum();
            assert!(length <= 6_150, "{length} bytes");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert!(format_part(&all).starts_with(b"z+=b'\\0\x01\x02\\x03\\x04\x05"));
        assert_eq!(format_part(b"\x009\0a"), b"z+=b'\\x009\\0a'\n");
    }
}
