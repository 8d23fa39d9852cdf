//! Metadata: the text and the tagged fields that follow a signal (`PROTOCOL.md`, section 5).
//!
//! Knows tags and lengths, and nothing of the use of a text.

use crate::profile::{Capabilities, Profile};
use crate::wire::{PAYLOAD_MAX, SIGNAL_LEN};

/// The longest metadata that this end sends, in bytes: its signal is placed behind it in the
/// chunk buffer.
pub(crate) const LONGEST: usize = PAYLOAD_MAX - SIGNAL_LEN;

/// Tag: permission bits, 4 bytes.
pub const TAG_MODE: u8 = 1;
/// Tag in a `DON`: SHA-256 of the file, 32 bytes.
pub const TAG_SHA256: u8 = 2;
/// Tag in a `SAR`: time of last modification of the tree's root, 8 bytes.
pub const TAG_MODIFIED: u8 = 3;
/// Tag in the `DON` that answers a stat: a part of the index, 4 bytes for each entry.
pub const TAG_INDEX: u8 = 5;
/// Tag in a `SAF`: the bytes of the file that are in no hole, 8 bytes.
pub const TAG_CONTENT: u8 = 6;
/// Tags from here on must be understood: metadata with an unknown one is refused.
pub const TAG_REQUIRED: u8 = 0x80;
/// Tag in a `SAF`: the offer is an operation.
pub const TAG_OPERATION: u8 = 0x80;
/// Tag in a `RAF` or `RAR`: options of the request, 2 or 3 bytes.
pub const TAG_OPTIONS: u8 = 0x81;
/// Tag in a `RAF` or `RAR`: a pattern of excluded entries.
pub const TAG_PATTERN: u8 = 0x82;

/// Parsed metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metadata<'a> {
    /// A path, or the message of an `ERR`.
    pub text: &'a str,
    /// Permission bits of the file.
    pub mode: Option<u32>,
    /// Time of last modification of a tree's root, in nanoseconds since 1970.
    pub modified: Option<i64>,
    /// The bytes of the file that are in no hole.
    pub content: Option<u64>,
    /// SHA-256 of the file.
    pub sha256: Option<&'a [u8; 32]>,
    /// The operation that the offer is, with its arguments.
    pub operation: Option<&'a [u8]>,
    /// Options of a request.
    pub options: Option<&'a [u8]>,
    /// All fields, if one of them is a pattern of excluded entries.
    pub patterns: Option<&'a [u8]>,
}

/// Why bytes are no metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Malformed {
    /// The text is not UTF-8, or a field is cut short.
    Bytes,
    /// A field that must be understood is unknown.
    Required,
}

impl<'a> Metadata<'a> {
    /// Parses the text, then the fields.
    ///
    /// # Errors
    /// [`Malformed`] where a length is wrong or a required field is unknown.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::parse_fields(bytes, true, true, true, true, true)
    }

    /// [`Metadata::parse`] without the fields that a profile does not use.
    pub(crate) fn parse_for<P: Profile>(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (trees, operations, options) = (P::has_trees(), P::has_operations(), P::has_options());
        Self::parse_fields(bytes, trees, P::has_sha256(), operations, options, P::has_holes())
    }

    #[inline(always)]
    fn parse_fields(
        bytes: &'a [u8],
        trees: bool,
        digests: bool,
        operations: bool,
        options: bool,
        holes: bool,
    ) -> Result<Self, Malformed> {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (text, fields) = bytes.split_at_checked(end).ok_or(Malformed::Bytes)?;
        let text = read_text(text).ok_or(Malformed::Bytes)?;
        let mut found = Self {
            text,
            mode: None,
            modified: None,
            content: None,
            sha256: None,
            operation: None,
            options: None,
            patterns: None,
        };
        let fields = fields.get(1..).unwrap_or_default();
        let mut rest = fields;
        while let [tag, length, after @ ..] = rest {
            let (value, next) =
                after.split_at_checked(usize::from(*length)).ok_or(Malformed::Bytes)?;
            match *tag {
                TAG_MODE => found.mode = value.try_into().ok().map(u32::from_le_bytes),
                TAG_MODIFIED if trees => {
                    found.modified = value.try_into().ok().map(i64::from_le_bytes)
                }
                TAG_CONTENT if holes => {
                    found.content = value.try_into().ok().map(u64::from_le_bytes);
                }
                TAG_SHA256 if digests => found.sha256 = value.try_into().ok(),
                TAG_OPERATION if operations && !value.is_empty() => found.operation = Some(value),
                TAG_OPTIONS if options && matches!(value.len(), 2 | 3) => {
                    found.options = Some(value);
                }
                TAG_PATTERN if operations && read_text(value).is_some_and(|it| !it.is_empty()) => {
                    found.patterns = Some(fields);
                }
                TAG_REQUIRED.. => return Err(Malformed::Required),
                _ => {}
            }
            rest = next;
        }
        if rest.is_empty() { Ok(found) } else { Err(Malformed::Bytes) }
    }
}

/// The fields of metadata, which begin behind its text, as tags and values; a field that is cut short
/// is left out.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let [tag, length, after @ ..] = rest else { return None };
        let (value, next) = after.split_at_checked(usize::from(*length))?;
        rest = next;
        Some((*tag, value))
    })
}

/// The bytes as UTF-8 text. Smaller than `from_utf8`, and fast enough for short texts.
pub(crate) fn read_text(bytes: &[u8]) -> Option<&str> {
    match bytes.utf8_chunks().next() {
        None => Some(""),
        Some(chunk) => chunk.invalid().is_empty().then_some(chunk.valid()),
    }
}

/// Appends fields to the text in the first `text` bytes of `into`. Returns the length of all, or
/// `None` where it does not fit.
pub(crate) fn append_fields(
    into: &mut [u8],
    text: usize,
    mode: Option<u32>,
    modified: Option<i64>,
    sha256: Option<&[u8; 32]>,
) -> Option<u16> {
    let mut length = text;
    if mode.is_some() || modified.is_some() || sha256.is_some() {
        length = append(into, length, &[0])?;
    }
    if let Some(mode) = mode {
        length = append(into, length, &[TAG_MODE, 4])?;
        length = append(into, length, &mode.to_le_bytes())?;
    }
    if let Some(modified) = modified {
        length = append(into, length, &[TAG_MODIFIED, 8])?;
        length = append(into, length, &modified.to_le_bytes())?;
    }
    if let Some(sha256) = sha256 {
        length = append(into, length, &[TAG_SHA256, 32])?;
        length = append(into, length, sha256)?;
    }
    (length <= LONGEST).then_some(u16::try_from(length).ok()?)
}

/// Appends the number of bytes that are in no hole to metadata of `length` bytes, which has fields or only a
/// text. Returns the length of all, or `None` where it does not fit.
pub(crate) fn append_content(
    into: &mut [u8],
    length: u16,
    has_fields: bool,
    content: u64,
) -> Option<u16> {
    let separator: &[u8] = if has_fields { &[] } else { &[0] };
    let length = append(into, length.into(), separator)?;
    let length = append(into, length, &[TAG_CONTENT, 8])?;
    let length = append(into, length, &content.to_le_bytes())?;
    (length <= LONGEST).then_some(u16::try_from(length).ok()?)
}

pub(crate) fn append(into: &mut [u8], at: usize, bytes: &[u8]) -> Option<usize> {
    let end = at.checked_add(bytes.len())?;
    for (to, from) in into.get_mut(at..end)?.iter_mut().zip(bytes) {
        *to = *from;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_read_as_it_was_appended_alone_and_with_the_others() {
        let digest = [9; 32];
        for fields in 0..8 {
            let mode = (fields & 1 != 0).then_some(0o644);
            let modified = (fields & 2 != 0).then_some(-5);
            let sha256 = (fields & 4 != 0).then_some(&digest);
            let mut bytes = [b'f'; LONGEST];
            let length = append_fields(&mut bytes, 1, mode, modified, sha256).map(usize::from);
            let found = bytes.get(..length.unwrap_or(0)).and_then(|it| Metadata::parse(it).ok());
            let (operation, options, patterns) = (None, None, None);
            let text = "f";
            let content = None;
            let expected =
                Metadata { text, mode, modified, content, sha256, operation, options, patterns };
            assert_eq!(found, Some(expected));
        }
    }

    #[test]
    fn metadata_leaves_room_for_a_signal_behind_it() {
        let mut bytes = [b'f'; PAYLOAD_MAX];
        let longest = u16::try_from(LONGEST).ok();
        assert_eq!(append_fields(&mut bytes, LONGEST, None, None, None), longest);
        assert_eq!(append_fields(&mut bytes, LONGEST + 1, None, None, None), None);
        assert_eq!(LONGEST, 988);
    }
}
