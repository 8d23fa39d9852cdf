//! Paths on the wire: the rules that a path must obey before any store sees it (`PROTOCOL.md`,
//! section 5).

/// The longest path on the wire, in bytes. The metadata has room for tagged fields behind it.
pub const PATH_MAX: usize = 960;
/// The longest name between two `/`, in bytes.
pub const NAME_MAX: usize = 255;
/// The longest target of a symbolic link, and the longest other path of an operation, in bytes.
pub const TARGET_MAX: usize = 254;
/// How many bytes the path of an operation and its target or other path may have together.
pub const PAIR_MAX: usize = 984;

/// A path that needs no allocation.
pub type Path = heapless::String<PATH_MAX>;

/// Joins a tree's `path` and the path of an entry `below` it; either may be empty. `None` where the
/// result is longer than [`PATH_MAX`].
pub fn join(path: &str, below: &str) -> Option<Path> {
    let mut whole = Path::try_from(path).ok()?;
    if !path.is_empty() && !below.is_empty() {
        whole.push('/').ok()?;
    }
    whole.push_str(below).ok()?;
    Some(whole)
}

/// Whether `path` is relative, stays below its root and is printable: names of 1 to 255 bytes with
/// a `/` between them, none of them `.` or `..`, no control characters.
///
/// The path of a directory may end in one `/`. The empty path is the root itself.
pub fn is_sound(path: &str) -> bool {
    // Length of the name so far, and whether all of it is dots.
    let (mut length, mut dots) = (0usize, true);
    let mut before = 0;
    for byte in path.bytes() {
        // U+0080 to U+009F are control characters of two bytes, the first of them 0xC2.
        if byte < b' ' || byte == 0x7F || (before == 0xC2 && byte < 0xA0) {
            return false;
        }
        before = byte;
        if byte == b'/' {
            if !is_name(length, dots) {
                return false;
            }
            (length, dots) = (0, true);
        } else {
            length = length.saturating_add(1);
            dots &= byte == b'.';
        }
    }
    path.len() <= PATH_MAX && (length == 0 || is_name(length, dots))
}

/// Whether a symbolic link can have this target: 1 to [`TARGET_MAX`] bytes, no control characters. It may be
/// absolute, and may lead anywhere.
pub fn is_target(target: &str) -> bool {
    (1..=TARGET_MAX).contains(&target.len()) && !target.chars().any(char::is_control)
}

fn is_name(length: usize, dots: bool) -> bool {
    length > if dots { 2 } else { 0 } && length <= NAME_MAX
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;

    #[test]
    fn a_path_is_sound_if_it_is_relative_and_stays_below_its_root() {
        for path in
            ["", "a", "a/b", "a b/\"c\"/é 🛶", "a\u{a0}b", "...", "a/..b", ".hidden", "a/", "-"]
        {
            assert!(is_sound(path), "{path}");
        }
        let name = String::from_iter(['n'; 255]);
        assert!(is_sound(&name));
        let long = [name.as_str(); 3].join("/");
        assert!(is_sound(&long));
        for path in ["/", "/a", "a//b", "..", "a/..", "../a", ".", "a/./b", "a/../b", "a//", "\0"] {
            assert!(!is_sound(path), "{path}");
        }
        for path in ["a\nb", "a\u{7f}", "\u{1b}[31m", "\u{85}"] {
            assert!(!is_sound(path));
        }
        assert!(!is_sound(&(name.clone() + "n")));
        assert!(!is_sound(&[long.as_str(), name.as_str()].join("/")));
    }

    #[test]
    fn a_target_is_printable_and_may_lead_anywhere() {
        let longest = String::from_iter(['n'; TARGET_MAX]);
        for target in ["a", "/", "..", "../../x", "a/../b", "//", "é 🛶", "\\", &longest] {
            assert!(is_target(target), "{target}");
        }
        for target in ["", "a\nb", "\0", "\u{85}", &(longest.clone() + "n")] {
            assert!(!is_target(target), "{target}");
        }
    }

    #[test]
    fn joined_paths_are_bounded() {
        assert_eq!(join("a", "b/c").as_deref(), Some("a/b/c"));
        assert_eq!(join("", "b").as_deref(), Some("b"));
        assert_eq!(join("a", "").as_deref(), Some("a"));
        let name = String::from_iter(['n'; 255]);
        let tree = [name.as_str(); 3].join("/");
        assert_eq!(join(&tree, &name[..192]).map(|path| path.len()), Some(960));
        assert_eq!(join(&tree, &name[..193]), None);
    }
}
