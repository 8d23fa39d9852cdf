//! The options of a request in its metadata (`PROTOCOL.md`, R88 and R95).

use core::num::NonZeroU8;

use super::metadata::{LONGEST, TAG_OPTIONS, TAG_PATTERN, append, fields, read_text};
use crate::error::Reason;
use crate::store::{Patterns, RequestOptions, Skip};

/// The bit of the flags for symbolic links.
const LINKS: u8 = 1;
/// The same for hard links.
const HARD_LINKS: u8 = 1 << 1;
/// The same for `.gitignore` files.
const IGNORE_FILES: u8 = 1 << 2;
/// The same for a file that is followed.
const FOLLOW: u8 = 1 << 3;
const FLAGS: u8 = LINKS | HARD_LINKS | IGNORE_FILES | FOLLOW;

/// The patterns in the fields of metadata.
pub(crate) fn pattern_values(bytes: &[u8]) -> impl Iterator<Item = &str> {
    fields(bytes).filter(|(tag, _)| *tag == TAG_PATTERN).filter_map(|(_, value)| read_text(value))
}

impl<'a> RequestOptions<'a> {
    /// The value of the options' field, and its length in bytes.
    fn value(&self) -> ([u8; 3], u8) {
        let depth = self.depth.map_or(0, NonZeroU8::get);
        let bits = [
            (self.links, LINKS),
            (self.hard_links, HARD_LINKS),
            (self.ignore_files, IGNORE_FILES),
            (self.follow, FOLLOW),
        ];
        let flags =
            bits.iter().fold(0, |flags, (is_set, bit)| flags | if *is_set { *bit } else { 0 });
        ([self.skip as u8, depth, flags], if flags == 0 { 2 } else { 3 })
    }

    /// The length in bytes of the metadata of a request with these options, for a path of `text` bytes.
    /// `None` where it does not fit, or where a pattern does not have 1 to 255 bytes.
    pub(crate) fn metadata_len(&self, text: usize) -> Option<usize> {
        let (_, length) = self.value();
        let begin = text.checked_add(3)?.checked_add(length.into());
        let length = self.patterns.iter().try_fold(begin?, |length, pattern| {
            let 1..=255 = pattern.len() else { return None };
            length.checked_add(2)?.checked_add(pattern.len())
        });
        length.filter(|length| *length <= LONGEST)
    }

    /// Appends the fields to the path in the first `text` bytes of `into`. Returns the length of all, or
    /// `None` as [`RequestOptions::metadata_len`].
    pub(crate) fn emit(&self, into: &mut [u8], text: usize) -> Option<u16> {
        let all = self.metadata_len(text)?;
        let (value, length) = self.value();
        let mut end = append(into, text, &[0, TAG_OPTIONS, length])?;
        end = append(into, end, value.get(..length.into())?)?;
        for pattern in self.patterns.iter() {
            end = append(into, end, &[TAG_PATTERN, u8::try_from(pattern.len()).ok()?])?;
            end = append(into, end, pattern.as_bytes())?;
        }
        debug_assert_eq!(end, all);
        u16::try_from(end).ok()
    }

    /// Parses the value of the tag; `patterns` are the fields of the metadata.
    pub(crate) fn parse(value: &[u8], patterns: &'a [u8]) -> Result<Self, Reason> {
        let (&[skip, depth] | &[skip, depth, _]) = value else { return Err(Reason::Unsupported) };
        let flags = value.get(2).copied().unwrap_or(0);
        if flags & !FLAGS != 0 {
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
            links: flags & LINKS != 0,
            hard_links: flags & HARD_LINKS != 0,
            follow: flags & FOLLOW != 0,
            patterns: Patterns::from_fields(patterns),
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::super::metadata::{Malformed, Metadata};
    use super::*;

    const SKIPS: [Skip; 6] = [
        Skip::Nothing,
        Skip::SameTime,
        Skip::SameContent,
        Skip::Existing,
        Skip::NotOlder,
        Skip::Missing,
    ];

    /// The metadata of a request for `path`, if the options can be sent.
    fn emit(options: &RequestOptions<'_>, path: &str) -> Option<Vec<u8>> {
        let mut bytes = std::vec![0xEE; LONGEST];
        bytes.splice(..path.len(), path.bytes());
        let length = options.emit(&mut bytes, path.len());
        assert_eq!(options.fits(path), length.is_some());
        bytes.truncate(length?.into());
        Some(bytes)
    }

    fn parse(bytes: &[u8]) -> Result<RequestOptions<'_>, Malformed> {
        let found = Metadata::parse(bytes)?;
        let options = found.options.unwrap_or_default();
        RequestOptions::parse(options, found.patterns.unwrap_or_default())
            .map_err(|_| Malformed::Required)
    }

    fn with_patterns<'a>(patterns: &'a [&'a str]) -> RequestOptions<'a> {
        RequestOptions { patterns: Patterns::new(patterns), ..RequestOptions::default() }
    }

    /// R88, R95.
    #[test]
    fn options_are_read_as_they_were_written() {
        let longest = "x".repeat(255);
        for patterns in [&[][..], &["*.o"], &["*.o", "!main.o", "é/", "*.o"], &[&longest]] {
            for (skip, depth) in SKIPS.into_iter().zip([0, 1, 2, 7, 128, 255]) {
                for flags in 0..16 {
                    let [links, hard_links, ignore_files, follow] =
                        [1, 2, 4, 8].map(|bit| flags & bit != 0);
                    let patterns = Patterns::new(patterns);
                    let depth = NonZeroU8::new(depth);
                    let options = RequestOptions {
                        skip,
                        depth,
                        ignore_files,
                        links,
                        hard_links,
                        follow,
                        patterns,
                    };
                    let bytes = emit(&options, "a/b").unwrap_or_default();
                    assert_eq!(parse(&bytes), Ok(options));
                    assert_eq!(Metadata::parse(&bytes).map(|found| found.text), Ok("a/b"));
                }
            }
        }
        let bytes = emit(&RequestOptions::skipping(Skip::Missing), "f").unwrap_or_default();
        assert_eq!(bytes, [b'f', 0, 0x81, 2, 5, 0]);
        let links = RequestOptions { links: true, hard_links: true, ..RequestOptions::default() };
        assert_eq!(emit(&links, "").unwrap_or_default(), [0, 0x81, 3, 0, 0, 3]);
    }

    #[test]
    fn options_that_are_cut_short_or_unknown_are_refused() {
        let options = RequestOptions { ignore_files: true, ..with_patterns(&["*.o"]) };
        let bytes = emit(&options, "f").unwrap_or_default();
        let ends_of_fields = [2, 7, bytes.len()];
        for end in 2..=bytes.len() {
            let cut = Metadata::parse(bytes.get(..end).unwrap_or_default());
            assert_eq!(cut.is_ok(), ends_of_fields.contains(&end), "{end}");
        }
        for value in [&[][..], &[0], &[6, 0], &[0, 0, 16], &[0, 0, 32], &[0, 0, 0, 0]] {
            assert_eq!(RequestOptions::parse(value, &[]), Err(Reason::Unsupported), "{value:?}");
        }
        for field in [&[0x81, 1, 0][..], &[0x81, 4, 0, 0, 0, 0], &[0x82, 0], &[0x82, 1, 0xFF]] {
            let bytes = [b"f\0", field].concat();
            assert_eq!(Metadata::parse(&bytes), Err(Malformed::Required), "{field:?}");
        }
    }

    #[test]
    fn a_pattern_has_1_to_255_bytes() {
        let long = "x".repeat(256);
        let longest = "x".repeat(255);
        for (pattern, can) in [("", false), ("x", true), (&*longest, true), (&*long, false)] {
            let patterns = ["*.o", pattern];
            assert_eq!(emit(&with_patterns(&patterns), "f").is_some(), can, "{}", pattern.len());
        }
    }

    #[test]
    fn a_path_and_its_options_fill_the_metadata_at_most() {
        let (path, pattern) = ("p".repeat(500), "x".repeat(255));
        for ignore_files in [false, true] {
            let left = LONGEST - 500 - 3 - 2 - usize::from(ignore_files) - 2 * 2 - 255;
            for (length, can) in [(left, true), (left + 1, false)] {
                let patterns = [pattern.as_str(), &"y".repeat(length)];
                let options = RequestOptions { ignore_files, ..with_patterns(&patterns) };
                assert_eq!(emit(&options, &path).map(|it| it.len()), can.then_some(LONGEST));
            }
        }
    }

    #[test]
    fn patterns_are_equal_if_they_are_the_same_in_the_same_order() {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let hash = |patterns: Patterns<'_>| {
            let mut hasher = DefaultHasher::new();
            patterns.hash(&mut hasher);
            hasher.finish()
        };
        let list = ["*.o", "!a.o"];
        let bytes = emit(&with_patterns(&list), "").unwrap_or_default();
        let behind_text = |bytes: &'_ [u8]| bytes.split_first().map(|(_, fields)| fields.to_vec());
        let fields = behind_text(&bytes).unwrap_or_default();
        let (list, parsed) = (Patterns::new(&list), Patterns::from_fields(&fields));
        assert_eq!((list, hash(list)), (parsed, hash(parsed)));
        // Another field does not count.
        let other = RequestOptions { skip: Skip::Existing, patterns: list, ..Default::default() };
        let other = behind_text(&emit(&other, "").unwrap_or_default()).unwrap_or_default();
        assert_eq!(Patterns::from_fields(&other), list);
        for unequal in [&["!a.o", "*.o"][..], &["*.o"], &["*.o", "!a.o", "b"], &["*.o!a.o"]] {
            assert_ne!(Patterns::new(unequal), list);
        }
        assert_eq!(Patterns::from_fields(&[]), Patterns::default());
    }
}
