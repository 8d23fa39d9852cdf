//! Paths as they travel: what a name may be before any store sees it (`PROTOCOL.md`, section 5).

/// The longest path that travels, in bytes; the rest of a description is for extras.
pub const PATH_MAX: usize = 960;
/// The longest name between two `/`, in bytes.
pub const NAME_MAX: usize = 255;

/// Whether `path` is relative, stays where it starts and can be shown: names of 1 to 255 bytes
/// with a `/` between them, none of them `.` or `..`, no control characters.
///
/// A directory's path ends in one `/`. The empty path is the root itself.
pub fn is_sound(path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    let names = path.strip_suffix('/').unwrap_or(path);
    path.len() <= PATH_MAX
        && !path.chars().any(char::is_control)
        && names
            .split('/')
            .all(|name| !name.is_empty() && name != "." && name != ".." && name.len() <= NAME_MAX)
}
