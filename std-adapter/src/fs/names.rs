//! Paths and names as text: splits and joins them, and decides which are allowed. Knows no file system.

use tinyferry_core::error::Reason;
use tinyferry_core::path::{NAME_MAX, PATH_MAX, is_sound};

use crate::fs::error::StoreError;
use crate::fs::partial_name;

/// A path's directory and its last name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The part of `path` below `above`; `None` if it is not below.
pub(crate) fn below<'a>(path: &'a str, above: &str) -> Option<&'a str> {
    match path.strip_prefix(above)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// The directories above `path`, the nearest one first; not the root.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// Appends `below` to `path`.
pub(crate) fn join(path: &str, below: &str) -> String {
    match (path, below) {
        ("", _) => below.to_owned(),
        (_, "") => path.to_owned(),
        _ => [path, "/", below].concat(),
    }
}

/// Whether a path of the other end is allowed: sound, unambiguous on this system, and without names of
/// partial files.
pub(crate) fn is_allowed(path: &str) -> bool {
    is_sound(path)
        && !path.ends_with('/')
        && path.split('/').all(|name| {
            !partial_name::is_name(name) && (cfg!(not(windows)) || means_one_thing_on_windows(name))
        })
}

/// Whether an entry of this path below the tree's root and of this name is sent, if it is a regular file or a
/// directory.
pub(crate) fn can_be_sent(path: &str, name: &str) -> bool {
    is_sound(path) && !partial_name::is_name(name)
}

/// Why a partial file is not transferred.
const UNFINISHED: &str = "names of the form .NAME.tinyferry-part are reserved for unfinished files";

/// Why a path that is not allowed is refused.
pub(crate) fn refusal(path: &str) -> StoreError {
    let is_partial = is_sound(path) && path.split('/').any(partial_name::is_name);
    StoreError::new(Reason::BadPath, if is_partial { UNFINISHED } else { "" })
}

/// Why an entry for which [`can_be_sent`] is false is not sent.
pub(crate) fn unsendable(path: &str, name: &str) -> StoreError {
    if is_sound(path) {
        StoreError::new(Reason::BadPath, UNFINISHED)
    } else if path.len() > PATH_MAX {
        let what = format!("its path has more than {PATH_MAX} bytes");
        StoreError::new(Reason::NameTooLong, &what)
    } else if name.len() > NAME_MAX {
        Reason::NameTooLong.into()
    } else {
        StoreError::new(Reason::BadPath, "its name contains control characters")
    }
}

/// Whether a name is neither a device nor a path of its own there.
fn means_one_thing_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |stem: &str| {
        let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
        number.is_some_and(|number| number.chars().count() == 1)
    };
    let device = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered(&stem);
    !device
        && !name.contains(['<', '>', ':', '"', '\\', '|', '?', '*'])
        && !name.ends_with(['.', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_treats_specially_are_refused() {
        for name in ["a:b", "a\\b", "nul", "Com1.txt", "con .x", "a.", "a ", "what?"] {
            assert!(!means_one_thing_on_windows(name), "{name}");
        }
        for name in ["a", "console", "com", "com10", ".hidden", "a b", "é"] {
            assert!(means_one_thing_on_windows(name), "{name}");
        }
    }

    #[test]
    fn only_sound_paths_are_allowed() {
        for path in ["", "a", "a/b", ".a", "a.tinyferry-part", "a/.b/c"] {
            assert!(is_allowed(path), "{path}");
        }
        for path in ["/a", "..", "a/../b", "a//b", "a/", ".a.tinyferry-part", ".A.TINYFERRY-PART/b"]
        {
            assert!(!is_allowed(path), "{path}");
        }
    }
}
