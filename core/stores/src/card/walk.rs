//! The entries of a tree on a card, one at a time.

use super::*;

/// Goes through a tree, with one path in memory.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) root: Path,
    pub(super) below: Path,
    /// How many entries were passed, in each directory down to `below`.
    pub(super) passed: Vec<u16, DEPTH>,
    /// The number of entries that were not given: their paths are too long, or they are in a directory that is too deep.
    pub(super) omitted: u32,
}

impl Walk {
    fn omit(&mut self) {
        self.omitted = self.omitted.saturating_add(1);
    }
}

impl<D: BlockDevice> Card<D> {
    /// The next entry of a tree whose path has at most `room` bytes: its path goes to `walk.below` if it is a directory.
    pub(super) fn step(
        &mut self,
        walk: &mut Walk,
        room: usize,
    ) -> Result<Option<(Path, DirEntry)>, Reason> {
        let (manager, volume) = self.volume()?;
        loop {
            let Some(passed) = walk.passed.last().copied() else { return Ok(None) };
            let whole = join(&walk.root, &walk.below).ok_or(Reason::NameTooLong)?;
            let (mut found, mut left) = (None, passed);
            within(manager, volume, (&whole, false), |directory| {
                let looked = manager.iterate_dir(directory, |entry| {
                    if is_hidden(entry) {
                        return ControlFlow::Continue(());
                    }
                    if left > 0 {
                        left = left.saturating_sub(1);
                        return ControlFlow::Continue(());
                    }
                    found = Some(entry.clone());
                    ControlFlow::Break(())
                });
                looked.map_err(reason)
            })?;
            let Some(entry) = found else {
                walk.passed.pop();
                walk.below = to_path(split(&walk.below).0)?;
                continue;
            };
            if let Some(last) = walk.passed.last_mut() {
                *last = last.saturating_add(1);
            }
            let path = match path_of(&walk.below, &entry.name) {
                Ok(path) if path.len() <= room => path,
                _ => {
                    walk.omit();
                    continue;
                }
            };
            if entry.attributes.is_directory() {
                // The entries of a directory that is too deep are not given; the omission is reported.
                match walk.passed.push(0) {
                    Ok(()) => walk.below.clone_from(&path),
                    Err(_) => walk.omit(),
                }
            }
            return Ok(Some((path, entry)));
        }
    }

    pub(super) fn found(
        &mut self,
        path: &str,
        entry: &DirEntry,
        turn: Turn,
        into: &mut [u8],
    ) -> Result<Entry, Reason> {
        into.get_mut(..path.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(path.as_bytes());
        let is_directory = entry.attributes.is_directory();
        let mut broken = None;
        if !is_directory {
            let root = self.root.clone();
            let whole =
                join(&root, if matches!(self.sending, Sending::File(_)) { "" } else { path });
            match whole.ok_or(Reason::NameTooLong).and_then(|whole| self.read_file(&whole)) {
                Ok((file, _)) => self.open = Open::Reading(file),
                Err(reason) => broken = Some(reason),
            }
        }
        let [a, b, c, d] = entry.mtime.serialize_to_fat();
        Ok(Entry {
            kind: if is_directory { Kind::Directory } else { Kind::File },
            path: path.len(),
            size: Some(entry.size.into()),
            modified: from_fat(Stamp([a, b, c, d])),
            mode: None,
            resumable: turn == Turn::New,
            broken,
            content: None,
            operation: None,
        })
    }

    pub(super) fn walk(&self) -> Walk {
        let mut passed = Vec::new();
        // It has room for one.
        let _ = passed.push(0);
        Walk { root: self.root.clone(), below: Path::new(), passed, omitted: 0 }
    }
}

/// The path of an entry. A byte that no path may have becomes `_`.
fn path_of(below: &Path, name: &ShortFileName) -> Result<Path, Reason> {
    let mut path = below.clone();
    let mut push = |text: &[u8]| -> Result<(), Reason> {
        for byte in text {
            let letter = if byte.is_ascii_graphic() { char::from(*byte) } else { '_' };
            path.push(letter).map_err(|_| Reason::NameTooLong)?;
        }
        Ok(())
    };
    if !below.is_empty() {
        push(b"/")?;
    }
    push(name.base_name())?;
    if !name.extension().is_empty() {
        push(b".")?;
        push(name.extension())?;
    }
    Ok(path)
}

/// Whether an entry is none of the tree: a label, a link of the file system, a partial.
pub(super) fn is_hidden(entry: &DirEntry) -> bool {
    entry.attributes.is_volume()
        || entry.name == ShortFileName::this_dir()
        || entry.name == ShortFileName::parent_dir()
        || padded(&entry.name) == *b"TINYFRRYPRT"
}
