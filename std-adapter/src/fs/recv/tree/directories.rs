//! The times, permission bits and owners that the directories of a tree get in the end: entries change their
//! times, and the bits may forbid entries. Memory is bounded.

use std::collections::BTreeMap;

use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::names::below;
use crate::fs::sys::dir_cursor::{DirCursor, Id, id_of};
use crate::fs::sys::metadata::{Attributes, report_unset, set_metadata};
use crate::fs::sys::sync::open_itself;

/// The maximum memory in bytes; beyond it the metadata of complete directories is set.
pub(crate) const MAX_MEMORY: usize = 1 << 20;
/// The memory for a directory besides its path, in bytes.
const DIRECTORY_BYTES: usize = 96;

/// Directories by their paths.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    waiting: BTreeMap<Box<str>, (Attributes, Option<Id>)>,
    /// Their memory, in bytes.
    bytes: usize,
}

impl Directories {
    /// Remembers the attributes of a directory; a later offer replaces them.
    pub(crate) fn remember(&mut self, cursor: &mut DirCursor, path: &str, attributes: Attributes) {
        let dir = cursor.existing(path).ok().flatten();
        let id = dir.and_then(|dir| id_of(&dir.dir_metadata().ok()?));
        if self.waiting.insert(path.into(), (attributes, id)).is_none() {
            self.bytes += path.len() + DIRECTORY_BYTES;
        }
    }

    /// Whether the memory is used up, so that complete directories should get their metadata.
    pub(crate) fn are_many(&self) -> bool {
        self.bytes > MAX_MEMORY
    }

    /// Sets the metadata of the directories that are not above `path`, or of all without a path. Tries all;
    /// returns the first failure.
    pub(crate) fn set_metadata(
        &mut self,
        path: Option<&str>,
        cursor: &mut DirCursor,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let mut result = Ok(());
        let mut open = BTreeMap::new();
        self.bytes = 0;
        // A directory comes before its parent, whose bits may make it unreachable.
        while let Some((directory, (attributes, id))) = self.waiting.pop_last() {
            if path.is_some_and(|path| below(path, &directory).is_some()) {
                self.bytes += directory.len() + DIRECTORY_BYTES;
                open.insert(directory, (attributes, id));
            } else {
                result = result.and(set_one(&directory, attributes, id, cursor, observer));
            }
        }
        self.waiting = open;
        result
    }
}

/// Gives a directory its attributes, if it is still the same one.
fn set_one(
    path: &str,
    attributes: Attributes,
    id: Option<Id>,
    cursor: &mut DirCursor,
    observer: &mut impl Observer,
) -> Result<(), StoreError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    // If it was removed, there is nothing to set.
    let Some(dir) = cursor.existing(path)? else { return Ok(()) };
    let now = dir.dir_metadata()?;
    if id.is_some() && id_of(&now) != id {
        return Ok(());
    }
    let result = open_itself(&dir).and_then(|it| set_metadata(&it, &now, attributes));
    report_unset(result, path, observer)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::*;

    fn cursor(dir: &tempfile::TempDir) -> DirCursor {
        let root = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        DirCursor::receiving(Arc::new(root))
    }

    fn modified(seconds: i64) -> Attributes {
        Attributes { modified: Some(seconds * 1_000_000_000), ..Attributes::default() }
    }

    #[test]
    fn a_repeated_directory_takes_memory_once() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("d")).unwrap();
        let (mut cursor, mut directories) = (cursor(&temporary), Directories::default());
        for seconds in 0..10_000 {
            directories.remember(&mut cursor, "d", modified(seconds));
        }
        assert_eq!((directories.waiting.len(), directories.bytes), (1, DIRECTORY_BYTES + 1));
        assert!(directories.set_metadata(None, &mut cursor, &mut ()).is_ok());
        let found = fs::metadata(temporary.path().join("d")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mtime(&found), 9_999);
        assert_eq!(directories.bytes, 0);
    }

    #[test]
    fn of_many_directories_the_complete_ones_get_their_metadata() {
        let temporary = tempfile::tempdir().unwrap();
        let (mut cursor, mut directories) = (cursor(&temporary), Directories::default());
        let (mut most, mut metadata_set) = (0, 0);
        for number in 0..12_000 {
            let path = format!("d{}/{number}", number / 4_000);
            cursor.made(&path, None, false).unwrap();
            directories.remember(&mut cursor, &path, modified(number));
            most = most.max(directories.bytes);
            if directories.are_many() {
                directories.set_metadata(Some(&path), &mut cursor, &mut ()).unwrap();
                // The directory itself is not complete yet.
                assert_eq!(directories.waiting.len(), 1);
                metadata_set += 1;
            }
        }
        directories.set_metadata(None, &mut cursor, &mut ()).unwrap();
        assert!(
            metadata_set > 0 && most <= MAX_MEMORY + 2 * DIRECTORY_BYTES,
            "{metadata_set} {most}"
        );
        for number in [0, 3_999, 8_000, 11_999] {
            let path = temporary.path().join(format!("d{}/{number}", number / 4_000));
            let found = fs::metadata(path).unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::mtime(&found), number);
        }
    }

    #[test]
    fn another_directory_of_the_same_name_is_left_unchanged() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("d");
        fs::create_dir(&path).unwrap();
        let (mut cursor, mut directories) = (cursor(&temporary), Directories::default());
        directories.remember(&mut cursor, "d", modified(7));
        fs::rename(&path, temporary.path().join("was")).unwrap();
        fs::create_dir(&path).unwrap();
        cursor.forget();
        assert!(directories.set_metadata(None, &mut cursor, &mut ()).is_ok());
        assert_ne!(std::os::unix::fs::MetadataExt::mtime(&fs::metadata(&path).unwrap()), 7);
    }
}
