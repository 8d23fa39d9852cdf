//! Paths and names as text: splits and joins them, and decides which are allowed. Knows no file system.

pub(crate) mod partial_name;
mod windows;

use tinyferry_core::error::Reason;
use tinyferry_core::path::{NAME_MAX, PATH_MAX, is_sound};

use crate::fs::error::StoreError;

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

/// Checks a path of the other end: it must be sound, unambiguous on this system, and without names of partial
/// files.
///
/// # Errors
/// The reason why it is not allowed.
pub(crate) fn check(path: &str) -> Result<(), StoreError> {
    if !is_sound(path) || path.ends_with('/') {
        return Err(Reason::BadPath.into());
    }
    for name in path.split('/') {
        if partial_name::is_name(name) {
            return Err(unfinished());
        }
        if cfg!(windows)
            && let Some(why) = windows::objection(name)
        {
            let detail = format!("the name \"{name}\" is not possible on Windows: {why}");
            return Err(StoreError::new(Reason::BadPath, &detail));
        }
    }
    Ok(())
}

/// Whether an entry of this path below the tree's root and of this name is sent, if it is a regular file or a
/// directory.
pub(crate) fn can_be_sent(path: &str, name: &str) -> bool {
    is_sound(path) && !partial_name::is_name(name)
}

/// Whether an entry of this path below the tree's root is sent, where each name above it may be one that is not.
#[cfg(feature = "s3")]
pub(crate) fn can_all_be_sent(path: &str) -> bool {
    is_sound(path) && !path.split('/').any(partial_name::is_name)
}

/// Why a partial file is not transferred.
pub(crate) fn unfinished() -> StoreError {
    let detail = "names of the form .NAME.tinyferry-part are reserved for unfinished files";
    StoreError::new(Reason::BadPath, detail)
}

/// Why an entry for which [`can_be_sent`] is false is not sent.
pub(crate) fn unsendable(path: &str, name: &str) -> StoreError {
    if is_sound(path) {
        unfinished()
    } else if path.len() > PATH_MAX {
        let what = format!("its path has more than {PATH_MAX} bytes");
        StoreError::new(Reason::NameTooLong, &what)
    } else if name.len() > NAME_MAX {
        Reason::NameTooLong.into()
    } else {
        StoreError::new(Reason::BadPath, "its name contains control characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sound_paths_are_allowed() {
        for path in ["", "a", "a/b", ".a", "a.tinyferry-part", "a/.b/c"] {
            assert!(check(path).is_ok(), "{path}");
        }
        for path in ["/a", "..", "a/../b", "a//b", "a/", ".a.tinyferry-part", ".A.TINYFERRY-PART/b"]
        {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
