//! The times and permission bits that the directories of a tree get in the end. Memory is bounded.

use std::collections::BTreeMap;

use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::below;
use crate::fs::sys::dir_cursor::Id;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::dir_cursor::id_of;
use crate::fs::sys::dir_cursor::open_itself;
use crate::fs::sys::metadata::settle;
use crate::fs::sys::metadata::settled;

/// So much is remembered, in bytes; then those directories are settled that were left.
pub(crate) const REMEMBERED: usize = 1 << 20;
/// The memory for a directory besides its path, in bytes.
const EACH: usize = 96;

/// The permission bits and the time of a directory. They are set when it is complete: entries change
/// its time, and its bits may forbid them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits {
    pub(crate) mode: Option<u32>,
    pub(crate) modified: Option<i64>,
}

/// Directories by their paths.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    waiting: BTreeMap<Box<str>, (Bits, Option<Id>)>,
    /// Their memory, in bytes.
    bytes: usize,
}

impl Directories {
    /// Remembers the bits of a directory; a later offer replaces them.
    pub(crate) fn remember(&mut self, place: &mut Place, path: &str, bits: Bits) {
        let dir = place.existing(path).ok().flatten();
        let id = dir.and_then(|dir| id_of(&dir.dir_metadata().ok()?));
        if self.waiting.insert(path.into(), (bits, id)).is_none() {
            self.bytes += path.len() + EACH;
        }
    }

    /// Whether there are so many that those should be settled that were left.
    pub(crate) fn are_many(&self) -> bool {
        self.bytes > REMEMBERED
    }

    /// Settles those that `path` is not below, or all where there is none. The first failure is
    /// returned, after all were tried.
    pub(crate) fn settle(
        &mut self,
        path: Option<&str>,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let mut result = Ok(());
        let mut open = BTreeMap::new();
        self.bytes = 0;
        // A directory comes before its parent, whose bits may make it unreachable.
        while let Some((directory, (bits, id))) = self.waiting.pop_last() {
            if path.is_some_and(|path| below(path, &directory).is_some()) {
                self.bytes += directory.len() + EACH;
                open.insert(directory, (bits, id));
            } else {
                result = result.and(settle_one(&directory, bits, id, place, observer));
            }
        }
        self.waiting = open;
        result
    }
}

/// Gives a directory its time and its permission bits, if it is still the same one.
fn settle_one(
    path: &str,
    bits: Bits,
    id: Option<Id>,
    place: &mut Place,
    observer: &mut impl Observer,
) -> Result<(), Trouble> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    // It was there; if somebody took it away, there is nothing to settle.
    let Some(dir) = place.existing(path)? else { return Ok(()) };
    let now = dir.dir_metadata()?;
    if id.is_some() && id_of(&now) != id {
        return Ok(());
    }
    let result = open_itself(&dir).and_then(|it| settle(&it, &now, bits.mode, bits.modified));
    settled(result, path, observer)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::*;

    fn place(dir: &tempfile::TempDir) -> Place {
        let root = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        Place::receiving(Arc::new(root))
    }

    fn modified(seconds: i64) -> Bits {
        Bits { mode: None, modified: Some(seconds * 1_000_000_000) }
    }

    #[test]
    fn one_directory_named_again_and_again_takes_room_once() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("d")).unwrap();
        let (mut place, mut directories) = (place(&temporary), Directories::default());
        for seconds in 0..10_000 {
            directories.remember(&mut place, "d", modified(seconds));
        }
        assert_eq!((directories.waiting.len(), directories.bytes), (1, EACH + 1));
        assert!(directories.settle(None, &mut place, &mut ()).is_ok());
        let found = fs::metadata(temporary.path().join("d")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mtime(&found), 9_999);
        assert_eq!(directories.bytes, 0);
    }

    #[test]
    fn of_many_directories_those_are_settled_that_were_left() {
        let temporary = tempfile::tempdir().unwrap();
        let (mut place, mut directories) = (place(&temporary), Directories::default());
        let (mut most, mut settled) = (0, 0);
        for number in 0..12_000 {
            let path = format!("d{}/{number}", number / 4_000);
            place.made(&path, None, false).unwrap();
            directories.remember(&mut place, &path, modified(number));
            most = most.max(directories.bytes);
            if directories.are_many() {
                directories.settle(Some(&path), &mut place, &mut ()).unwrap();
                // The directory itself is not through yet.
                assert_eq!(directories.waiting.len(), 1);
                settled += 1;
            }
        }
        directories.settle(None, &mut place, &mut ()).unwrap();
        assert!(settled > 0 && most <= REMEMBERED + 2 * EACH, "{settled} {most}");
        for number in [0, 3_999, 8_000, 11_999] {
            let path = temporary.path().join(format!("d{}/{number}", number / 4_000));
            let found = fs::metadata(path).unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::mtime(&found), number);
        }
    }

    #[test]
    fn another_directory_of_that_name_is_left_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("d");
        fs::create_dir(&path).unwrap();
        let (mut place, mut directories) = (place(&temporary), Directories::default());
        directories.remember(&mut place, "d", modified(7));
        fs::rename(&path, temporary.path().join("was")).unwrap();
        fs::create_dir(&path).unwrap();
        place.forget();
        assert!(directories.settle(None, &mut place, &mut ()).is_ok());
        assert_ne!(std::os::unix::fs::MetadataExt::mtime(&fs::metadata(&path).unwrap()), 7);
    }
}
