//! The options of a request in its metadata (`PROTOCOL.md`, R88 and R95).

use core::num::NonZeroU8;

use super::metadata::{LONGEST, TAG_OPTIONS, TAG_PATTERN, append, fields, read_text};
use crate::error::Reason;
use crate::store::{Patterns, RequestOptions, Skip};

/// The bit of the flags for `.gitignore` files.
const IGNORE_FILES: u8 = 1 << 2;

/// The patterns in the fields of metadata.
pub(crate) fn pattern_values(bytes: &[u8]) -> impl Iterator<Item = &str> {
    fields(bytes).filter(|(tag, _)| *tag == TAG_PATTERN).filter_map(|(_, value)| read_text(value))
}

impl<'a> RequestOptions<'a> {
    /// Whether a request for `path` has room for these options.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let patterns = self.patterns.iter().try_fold(0_usize, |length, pattern| {
            u8::try_from(pattern.len()).ok()?;
            length.checked_add(2)?.checked_add(pattern.len())
        });
        let rest = path.len().saturating_add(1 + 2 + 3);
        patterns.is_some_and(|length| length.saturating_add(rest) <= LONGEST)
    }

    /// Appends the fields to the path in the first `text` bytes of `into`. Returns the length of all, or
    /// `None` where it does not fit.
    pub(crate) fn emit(&self, into: &mut [u8], text: usize) -> Option<u16> {
        let depth = self.depth.map_or(0, NonZeroU8::get);
        let mut length = match self.ignore_files {
            false => append(into, text, &[0, TAG_OPTIONS, 2, self.skip as u8, depth])?,
            true => {
                let flags = IGNORE_FILES;
                append(into, text, &[0, TAG_OPTIONS, 3, self.skip as u8, depth, flags])?
            }
        };
        for pattern in self.patterns.iter() {
            length = append(into, length, &[TAG_PATTERN, u8::try_from(pattern.len()).ok()?])?;
            length = append(into, length, pattern.as_bytes())?;
        }
        (length <= LONGEST).then_some(u16::try_from(length).ok()?)
    }

    /// Parses the value of the tag; `patterns` are the fields of the metadata.
    pub(crate) fn parse(value: &[u8], patterns: &'a [u8]) -> Result<Self, Reason> {
        let (&[skip, depth] | &[skip, depth, _]) = value else { return Err(Reason::Unsupported) };
        let flags = value.get(2).copied().unwrap_or(0);
        if flags & !IGNORE_FILES != 0 {
            return Err(Reason::Unsupported);
        }
        let skip = match skip {
            0 => Skip::Nothing,
            1 => Skip::SameTime,
            2 => Skip::SameContent,
            3 => Skip::Existing,
            4 => Skip::NotOlder,
            5 => Skip::Missing,
            _ => return Err(Reason::Unsupported),
        };
        Ok(Self {
            skip,
            depth: NonZeroU8::new(depth),
            ignore_files: flags & IGNORE_FILES != 0,
            patterns: Patterns::from_fields(patterns),
        })
    }
}
