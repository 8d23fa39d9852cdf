//! Operations in the metadata of an offer, and the index in that of an answer (`PROTOCOL.md`, R82, R83
//! and R85).

use super::metadata::{LONGEST, TAG_INDEX, TAG_OPERATION, append, fields, read_text};
use super::path::{PAIR_MAX, is_sound, is_target};
use crate::error::Reason;
use crate::store::{Operation, OperationEntry, StatQuery};

/// The fields besides a path and the other path or the target: NUL, tag, length and code.
const _: () = assert!(PAIR_MAX + 4 == LONGEST);

const STAT: u8 = 1;
const REMOVE: u8 = 2;
const RENAME: u8 = 3;
const LINK: u8 = 4;
const HARD_LINK: u8 = 5;

impl<'a> Operation<'a> {
    /// Parses the value of the tag.
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Reason> {
        match value {
            [STAT, arguments @ ..] => {
                StatQuery::parse(arguments).map(Self::Stat).ok_or(Reason::Unsupported)
            }
            [REMOVE] => Ok(Self::Remove),
            [RENAME, from @ ..] => other_path(from).map(|from| Self::Rename { from }),
            [HARD_LINK, from @ ..] => other_path(from).map(|from| Self::HardLink { from }),
            [LINK, target @ ..] => match read_text(target) {
                Some(target) if is_target(target) => Ok(Self::Link { target }),
                _ => Err(Reason::BadPath),
            },
            _ => Err(Reason::Unsupported),
        }
    }
}

/// The path in the arguments of a rename or a hard link.
fn other_path(bytes: &[u8]) -> Result<&str, Reason> {
    match read_text(bytes) {
        Some(path) if !path.is_empty() && is_sound(path) && !path.ends_with('/') => Ok(path),
        _ => Err(Reason::BadPath),
    }
}

/// Appends an operation to the path in the first `text` bytes of `into`; the other path or the target begins
/// at `from`. Returns the length of all, or `None` where it does not fit.
pub(crate) fn append_operation(
    into: &mut [u8],
    text: usize,
    operation: &OperationEntry,
    from: usize,
) -> Option<u16> {
    let start = text.checked_add(3)?;
    let end = operation.emit(into, start, from)?;
    let length = u8::try_from(end.checked_sub(start)?).ok()?;
    append(into, text, &[0, TAG_OPERATION, length])?;
    (end <= LONGEST).then_some(u16::try_from(end).ok()?)
}

/// The longest arguments of a stat, in bytes.
const STAT_MAX: usize = 19;

impl StatQuery {
    fn parse(arguments: &[u8]) -> Option<Self> {
        let (&[facts, granularity, bits, ref rest @ ..], digest) =
            arguments.split_at_checked(11)?
        else {
            return None;
        };
        let (prefix, salt) = rest.split_first_chunk::<4>()?;
        let digest = match digest {
            [] => None,
            digest => Some(u64::from_le_bytes(digest.try_into().ok()?)),
        };
        (granularity <= 10 && bits <= 32).then_some(Self {
            facts,
            granularity,
            bits,
            prefix: u32::from_le_bytes(*prefix),
            salt: u32::from_le_bytes(salt.try_into().ok()?),
            digest,
        })
    }

    /// The arguments, and their length in bytes.
    fn emit(&self) -> ([u8; STAT_MAX], usize) {
        let mut bytes = [0; STAT_MAX];
        let digest = self.digest.map(u64::to_le_bytes).unwrap_or_default();
        let fields = [self.facts, self.granularity, self.bits];
        let all = fields
            .into_iter()
            .chain(self.prefix.to_le_bytes())
            .chain(self.salt.to_le_bytes())
            .chain(digest);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        (bytes, if self.digest.is_some() { STAT_MAX } else { STAT_MAX - 8 })
    }
}

impl OperationEntry {
    /// Writes the value of the tag at `at` of `buffer`. Returns its end; `None` where it does not fit.
    /// `from` is where the other path or the target begins, before `at`.
    pub(crate) fn emit(&self, buffer: &mut [u8], at: usize, from: usize) -> Option<usize> {
        let start = at.checked_add(1)?;
        let (code, length) = match self {
            Self::Stat(query) => {
                let (arguments, length) = query.emit();
                let to = buffer.get_mut(start..)?.get_mut(..length)?;
                to.iter_mut().zip(arguments).for_each(|(to, from)| *to = from);
                *buffer.get_mut(at)? = STAT;
                return start.checked_add(length);
            }
            Self::Remove => (REMOVE, 0),
            Self::Rename { from: length } => (RENAME, *length),
            Self::Link { target: length } => (LINK, *length),
            Self::HardLink { from: length } => (HARD_LINK, *length),
        };
        // The last byte first: both places overlap.
        for index in (0..length).rev() {
            let byte = *buffer.get(from.checked_add(index)?)?;
            *buffer.get_mut(start.checked_add(index)?)? = byte;
        }
        *buffer.get_mut(at)? = code;
        start.checked_add(length)
    }
}

/// Bytes of an index in one field.
const INDEX_FIELD: usize = 252;

/// The maximum length of the metadata with an index, in bytes: 240 entries in four fields.
pub(crate) const INDEX_MAX: usize = 1 + 4 * 2 + 240 * 4;

/// The values of the index in the fields of metadata.
pub(crate) fn index_values(bytes: &[u8]) -> impl Iterator<Item = u32> {
    fields(bytes)
        .filter(|(tag, _)| *tag == TAG_INDEX)
        .flat_map(|(_, value)| value.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)))
}

/// Writes metadata that has no text, but an index of the values that `next` gives. Returns its length; 0
/// without a value.
pub(crate) fn emit_index(into: &mut [u8], mut next: impl FnMut() -> Option<u32>) -> usize {
    let Some((text, mut rest)) = into.split_first_mut() else { return 0 };
    *text = 0;
    let mut written = 0usize;
    while let [tag, length, value @ ..] = rest {
        let room = value.len().min(INDEX_FIELD);
        let mut count = 0usize;
        let (slots, _) = value.get_mut(..room).unwrap_or_default().as_chunks_mut::<4>();
        for slot in slots {
            let Some(value) = next() else { break };
            *slot = value.to_le_bytes();
            count = count.saturating_add(slot.len());
        }
        if count == 0 {
            break;
        }
        (*tag, *length) = (TAG_INDEX, u8::try_from(count).unwrap_or(0));
        written = written.saturating_add(2).saturating_add(count);
        rest = value.get_mut(count..).unwrap_or_default();
    }
    if written == 0 { 0 } else { written.saturating_add(1) }
}
