//! The size of a tree before it is sent, so that a receiver can refuse one that does not fit. Only small trees
//! are measured: the walk reads each directory again.

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use crate::fs::names::{can_be_sent, join};
use crate::fs::sys::metadata::allocated;

/// The number of entries up to which a tree is measured.
const MAX_ENTRIES: usize = 4_096;
/// The levels of directories up to which a tree is measured.
const MAX_DEPTH: usize = 64;
/// A smaller file may be stored in its inode.
const MIN_HOLE: u64 = 64 * 1024;

/// The bytes of all files below `dir` that are sent; `None` if there are too many entries, if one cannot be read, or
/// if a file has holes: it may take less space.
pub(crate) fn total(dir: &Dir) -> Option<u64> {
    let mut entries = 0;
    below(dir, "", &mut entries, MAX_DEPTH)
}

fn below(dir: &Dir, path: &str, entries: &mut usize, depth: usize) -> Option<u64> {
    let depth = depth.checked_sub(1)?;
    let mut total: u64 = 0;
    for entry in dir.entries().ok()? {
        let entry = entry.ok()?;
        *entries += 1;
        if *entries > MAX_ENTRIES {
            return None;
        }
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = join(path, name);
        // The walk reports it.
        if !can_be_sent(&path, name) {
            continue;
        }
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            let dir = dir.open_dir_nofollow(name).ok()?;
            total = total.checked_add(below(&dir, &path, entries, depth)?)?;
        } else if kind.is_file() {
            let metadata = entry.metadata().ok()?;
            if metadata.len() > MIN_HOLE && allocated(&metadata) < metadata.len() {
                return None;
            }
            total = total.checked_add(metadata.len())?;
        }
    }
    Some(total)
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_small_tree_without_holes_has_a_total() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("f"), [1; 1000]).unwrap();
        fs::write(at("a/b/f"), [1; 200_000]).unwrap();
        std::os::unix::fs::symlink("f", at("link")).unwrap();
        // They are not sent.
        fs::write(at(".f.tinyferry-part"), [1; 10_000]).unwrap();
        fs::write(at("a/line\nbreak"), [1; 10_000]).unwrap();
        fs::write(place.path().join(OsStr::from_bytes(b"a/\xff")), [1; 10_000]).unwrap();
        assert_eq!(total(&dir), Some(201_000));
        fs::File::create(at("a/holes")).unwrap().set_len(1 << 20).unwrap();
        assert_eq!(total(&dir), None);
        fs::remove_file(at("a/holes")).unwrap();
        for number in 0..MAX_ENTRIES {
            fs::write(at(&format!("a/{number}")), "").unwrap();
        }
        assert_eq!(total(&dir), None);
    }
}
