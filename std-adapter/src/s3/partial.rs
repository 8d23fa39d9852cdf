//! The record of an unfinished file: an object of its own, so that any server of the bucket can continue. It has the
//! upload with the checksum of each part, which not every storage lists, and the bytes behind the last part.
//!
//! The record of the file at `PATH` has the key `PREFIX/.tinyferry-part/PATH`. No client can offer or request a name of
//! that form.

use super::facts::Attributes;
use super::multipart::Part;
use crate::checksum::Fast;
use tinyferry_core::checksum::Checksums as _;

/// The directory of all records.
pub(super) const DIRECTORY: &str = ".tinyferry-part";
/// The first line of a record.
const FORM: &str = "tinyferry partial 1";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Partial {
    /// The client that may continue it without the right to read; empty: none.
    pub(super) owner: String,
    /// Those of the object in the end.
    pub(super) attributes: Attributes,
    pub(super) upload: Option<Recorded>,
    /// The bytes behind the last part.
    pub(super) tail: Vec<u8>,
}

/// An upload, with its first parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) id: String,
    /// Each with its CRC-64/NVME.
    pub(super) parts: Vec<(Part, u64)>,
}

/// The key of a record, for a path below the prefix.
pub(super) fn path_of(path: &str) -> String {
    [DIRECTORY, "/", path].concat()
}

impl Partial {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Attributes { modified, mode } = self.attributes;
        let number = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
        let mut text = format!(
            "{FORM}\nowner {}\nattributes {} {}\n",
            self.owner,
            number(modified),
            number(mode.map(i64::from)),
        );
        if let Some(Recorded { id, parts }) = &self.upload {
            text.push_str(&format!("upload {id}\n"));
            for (Part { size, etag }, crc64) in parts {
                text.push_str(&format!("part {size} {crc64:016x} {etag}\n"));
            }
        }
        let crc64 = Fast::crc64(0, &self.tail);
        text.push_str(&format!("tail {} {crc64:016x}\n", self.tail.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    /// Reads a record; `None`: it is none of this version, or is damaged.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let text = std::str::from_utf8(rest.get(..end)?).ok()?;
            rest = rest.get(end + 1..)?;
            Some(text)
        };
        if line()? != FORM {
            return None;
        }
        let mut partial = Self::default();
        let (length, crc64) = loop {
            let (name, value) = line()?.split_once(' ')?;
            let mut words = value.split(' ');
            match name {
                "owner" => partial.owner = value.to_owned(),
                "attributes" => {
                    partial.attributes.modified = words.next()?.parse().ok();
                    partial.attributes.mode = words.next()?.parse().ok();
                }
                "upload" => {
                    partial.upload = Some(Recorded { id: value.to_owned(), parts: Vec::new() });
                }
                "part" => {
                    let size = words.next()?.parse().ok()?;
                    let crc64 = u64::from_str_radix(words.next()?, 16).ok()?;
                    let etag = words.next()?.to_owned();
                    partial.upload.as_mut()?.parts.push((Part { size, etag }, crc64));
                }
                "tail" => {
                    let length: usize = words.next()?.parse().ok()?;
                    break (length, u64::from_str_radix(words.next()?, 16).ok()?);
                }
                _ => return None,
            }
        };
        let is_whole = rest.len() == length && Fast::crc64(0, rest) == crc64;
        partial.tail = rest.to_vec();
        is_whole.then_some(partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_damaged_one_is_not() {
        let part = |size, etag: &str| (Part { size, etag: etag.to_owned() }, size * 3);
        let upload = Recorded { id: "u-1".to_owned(), parts: vec![part(7, "\"a\""), part(9, "b")] };
        let attributes = Attributes { modified: Some(-5), mode: Some(0o640) };
        for partial in [
            Partial::default(),
            Partial {
                owner: "x".to_owned(),
                attributes,
                upload: Some(upload),
                tail: b"a\nb\0".to_vec(),
            },
        ] {
            let bytes = partial.to_bytes();
            assert_eq!(Partial::from_bytes(&bytes), Some(partial));
            for end in 0..bytes.len() {
                assert_eq!(Partial::from_bytes(&bytes[..end]), None);
            }
        }
        assert_eq!(Partial::from_bytes(b"tinyferry partial 2\n"), None);
    }
}
