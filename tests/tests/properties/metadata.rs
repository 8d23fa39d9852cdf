//! Metadata, and the paths in it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tinyferry_core::path::{is_sound, join};
use tinyferry_core::wire::metadata::{Malformed, Metadata};

use crate::cases;

proptest! {
    #![proptest_config(cases(400))]

    /// R14.
    #[test]
    fn metadata_with_any_tags_is_parsed(
        text in "[^\0]{0,40}",
        extras in vec(extra(), 0..6),
        has_extras: bool,
        cut in 0..4usize,
        junk in vec(any::<u8>(), 0..2),
    ) {
        let mut bytes = text.clone().into_bytes();
        let (mut mode, mut modified, mut sha256, mut unknown) = (None, None, None, false);
        let mut content = None;
        let (mut operation, mut options, mut has_patterns) = (None, None, false);
        let extras = if has_extras { extras } else { Vec::new() };
        if has_extras {
            bytes.push(0);
        }
        for (tag, value) in &extras {
            bytes.extend([*tag, value.len() as u8]);
            bytes.extend(value);
            unknown |= is_unknown(*tag, value);
            match *tag {
                1 => mode = value.as_slice().try_into().ok().map(u32::from_le_bytes),
                3 => modified = value.as_slice().try_into().ok().map(i64::from_le_bytes),
                6 => content = value.as_slice().try_into().ok().map(u64::from_le_bytes),
                2 => sha256 = value.as_slice().try_into().ok(),
                0x80 if !value.is_empty() => operation = Some(value.as_slice()),
                0x81 if matches!(value.len(), 2 | 3) => options = Some(value.as_slice()),
                0x82 => has_patterns |= !value.is_empty() && str::from_utf8(value).is_ok(),
                _ => {}
            }
        }
        let found = Metadata::parse(&bytes);
        let patterns = has_patterns.then(|| &bytes[text.len() + 1..]);
        let whole = Metadata { text: &text, mode, modified, content, sha256, operation, options, patterns };
        prop_assert_eq!(found, if unknown { Err(Malformed::Required) } else { Ok(whole) });
        // Cut within the last extra, whatever it is.
        let last = extras.last().map_or(0, |(_, value)| value.len() + 2);
        if cut > 0 && cut < last {
            let short = Metadata::parse(&bytes[..bytes.len() - cut]);
            let before = extras.iter().rev().skip(1).any(|(tag, value)| is_unknown(*tag, value));
            let expected = if before { Malformed::Required } else { Malformed::Bytes };
            prop_assert_eq!(short, Err(expected));
        }
        // Not UTF-8.
        let broken = [b"a\xFF".as_slice(), &junk].concat();
        prop_assert_eq!(Metadata::parse(&broken), Err(Malformed::Bytes));
    }

    #[test]
    fn random_bytes_as_metadata_are_parsed_or_refused(bytes in vec(prop_oneof![any::<u8>(), 0..4u8], 0..60)) {
        if let Ok(found) = Metadata::parse(&bytes) {
            prop_assert!(bytes.starts_with(found.text.as_bytes()));
            prop_assert!(!found.text.contains('\0'));
            let next = bytes.get(found.text.len());
            prop_assert!(next.is_none_or(|byte| *byte == 0));
        }
    }

    /// R15.
    #[test]
    fn a_path_is_sound_as_the_page_defines_it(path in path()) {
        prop_assert_eq!(is_sound(&path), sound(&path), "{:?}", path);
    }

    #[test]
    fn a_path_is_joined_to_its_tree(tree in path(), below in path()) {
        let expected = match (tree.as_str(), below.as_str()) {
            ("", path) | (path, "") => path.to_owned(),
            (tree, below) => format!("{tree}/{below}"),
        };
        let fits = expected.len() <= 960;
        let joined = join(&tree, &below);
        prop_assert_eq!(joined.as_deref(), fits.then_some(expected.as_str()));
    }
}

/// Whether metadata with this tag is refused.
fn is_unknown(tag: u8, value: &[u8]) -> bool {
    match tag {
        0x80 => value.is_empty(),
        0x81 => !matches!(value.len(), 2 | 3),
        0x82 => value.is_empty() || str::from_utf8(value).is_err(),
        _ => tag > 0x82,
    }
}

fn extra() -> impl Strategy<Value = (u8, Vec<u8>)> {
    prop_oneof![
        (Just(1u8), vec(any::<u8>(), 4)),
        (Just(1u8), vec(any::<u8>(), 0..8)),
        (Just(2u8), vec(any::<u8>(), 32)),
        (2..0x80u8, vec(any::<u8>(), 0..40)),
        (0x7F..=0x83u8, vec(any::<u8>(), 0..3)),
        (Just(0u8), vec(any::<u8>(), 0..255)),
    ]
}

/// Paths of pieces that matter.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("/".to_owned()),
        4 => "[a-z é🛶]{1,4}",
        2 => Just(".".to_owned()),
        1 => select(vec!["..", "\\", "C:", "~", "-", "\u{202E}", "\u{A0}"]).prop_map(str::to_owned),
        1 => prop_oneof![0..=0x20u32, 0x7E..=0xA1u32]
            .prop_filter_map("a character", |code| char::from_u32(code).map(String::from)),
        2 => (248..258usize).prop_map(|length| "n".repeat(length)),
        1 => (120..130usize).prop_map(|length| "é".repeat(length)),
    ];
    prop_oneof![
        4 => vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => (950..970usize).prop_map(|length| "some name/".repeat(97)[..length].to_owned()),
    ]
}

/// The rules of `PROTOCOL.md`, section 5, for paths, byte by byte.
fn sound(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut name = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let is_control =
            *byte < 0x20 || *byte == 0x7F || (before == Some(0xC2) && (0x80..=0x9F).contains(byte));
        if is_control {
            return false;
        }
        if *byte != b'/' {
            name.push(*byte);
        }
        if *byte == b'/' || at + 1 == bytes.len() {
            if name.is_empty() || name == b"." || name == b".." || name.len() > 255 {
                return false;
            }
            name.clear();
        }
    }
    bytes.len() <= 960
}
