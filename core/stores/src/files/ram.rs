//! A file system in RAM: the example of an implementation of [`Files`].

use heapless::{String, Vec};
use tinyferry_core::Reason;

use super::{Files, Info, Mode, Space};

/// A file system in RAM, or in a memory that keeps its content without power. `BYTES` are for the content of files;
/// of files and directories there are at most `ENTRIES`, whose paths have at most 64 bytes.
///
/// ```
/// use tinyferry_stores::files::{FileStore, RamDisk};
///
/// let store: FileStore<RamDisk<16_384, 32>> = FileStore::new(RamDisk::new());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamDisk<const BYTES: usize, const ENTRIES: usize> {
    /// The content of the files, one after another in the order of `entries`, and then the free space.
    bytes: [u8; BYTES],
    entries: Vec<Entry, ENTRIES>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    path: String<64>,
    is_directory: bool,
    length: usize,
    modified: Option<i64>,
}

impl<const BYTES: usize, const ENTRIES: usize> RamDisk<BYTES, ENTRIES> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { bytes: [0; BYTES], entries: Vec::new() }
    }

    fn find(&self, path: &str) -> Result<usize, Reason> {
        self.entries.iter().position(|entry| entry.path == path).ok_or(Reason::NotFound)
    }

    fn entry(&mut self, index: usize) -> Result<&mut Entry, Reason> {
        self.entries.get_mut(index).ok_or(Reason::Storage)
    }

    /// Adds an entry, which is empty.
    fn add(&mut self, path: &str, is_directory: bool) -> Result<(), Reason> {
        let path = String::try_from(path).map_err(|_| Reason::NameTooLong)?;
        let entry = Entry { path, is_directory, length: 0, modified: None };
        self.entries.push(entry).map_err(|_| Reason::NoSpace)
    }

    /// Where the content of an entry begins; of the entry past the last one, the free space.
    fn start(&self, index: usize) -> usize {
        self.entries.iter().take(index).fold(0, |sum, entry| sum.saturating_add(entry.length))
    }

    /// Makes a file longer or shorter, at its end.
    fn resize(&mut self, index: usize, length: usize) -> Result<(), Reason> {
        let (start, used) = (self.start(index), self.start(self.entries.len()));
        let old = core::mem::replace(&mut self.entry(index)?.length, length);
        let (added, removed) = (length.saturating_sub(old), old.saturating_sub(length));
        // The added or removed bytes are before the content of the next files.
        let end = start.saturating_add(old.min(length));
        match self.bytes.get_mut(end..used.saturating_add(added)) {
            Some(moved) if added > 0 => moved.rotate_right(added.min(moved.len())),
            Some(moved) => moved.rotate_left(removed.min(moved.len())),
            None => {
                self.entry(index)?.length = old;
                return Err(Reason::NoSpace);
            }
        }
        Ok(())
    }
}

impl<const BYTES: usize, const ENTRIES: usize> Default for RamDisk<BYTES, ENTRIES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize, const ENTRIES: usize> Files for RamDisk<BYTES, ENTRIES> {
    type File = usize;

    fn open(&mut self, path: &str, mode: Mode) -> Result<usize, Reason> {
        match (self.find(path), mode) {
            (Ok(index), Mode::Create) => self.resize(index, 0).map(|()| index),
            (Err(_), Mode::Create) => self.add(path, false).and_then(|()| self.find(path)),
            (found, Mode::Read | Mode::Continue) => found,
        }
    }

    fn read(&mut self, file: &mut usize, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (start, length) = (self.start(*file), self.entry(*file)?.length);
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(length);
        let count = into.len().min(length.saturating_sub(position));
        let from = self.bytes.iter().skip(start.saturating_add(position));
        into.iter_mut().zip(from).take(count).for_each(|(to, from)| *to = *from);
        Ok(count)
    }

    fn write(&mut self, file: &mut usize, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        let position = usize::try_from(position).map_err(|_| Reason::NoSpace)?;
        let end = position.saturating_add(bytes.len());
        if end > self.entry(*file)?.length {
            self.resize(*file, end)?;
        }
        let start = self.start(*file).saturating_add(position);
        self.bytes.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn close(&mut self, _: usize) -> Result<(), Reason> {
        Ok(())
    }

    fn stat(&mut self, path: &str) -> Result<Info, Reason> {
        let index = self.find(path)?;
        self.entry(index).map(|entry| entry.info())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        let below = |path: &str| path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/'));
        let moves = |path: &str| path == from || below(path);
        let moved = |path: &str| {
            let mut new = String::<64>::try_from(to).map_err(|_| Reason::NameTooLong)?;
            new.push_str(path.get(from.len()..).unwrap_or("")).map_err(|_| Reason::NameTooLong)?;
            Ok(new)
        };
        // All paths are short enough, or none is changed.
        for entry in self.entries.iter().filter(|entry| moves(&entry.path)) {
            moved(&entry.path)?;
        }
        if self.find(to).is_ok() {
            self.remove(to)?;
        }
        for entry in self.entries.iter_mut().filter(|entry| moves(&entry.path)) {
            entry.path = moved(&entry.path)?;
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), Reason> {
        let index = self.find(path)?;
        self.resize(index, 0)?;
        self.entries.remove(index);
        Ok(())
    }

    fn create_directory(&mut self, path: &str) -> Result<(), Reason> {
        self.add(path, true)
    }

    fn list(
        &mut self,
        directory: &str,
        cursor: &mut u32,
        found: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason> {
        loop {
            let index = usize::try_from(*cursor).unwrap_or(usize::MAX);
            let Some(entry) = self.entries.get(index) else { return Ok(None) };
            *cursor = cursor.saturating_add(1);
            let (above, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            if above == directory {
                found(name);
                return Ok(Some(entry.info()));
            }
        }
    }

    fn space(&mut self) -> Result<Space, Reason> {
        let free = BYTES.saturating_sub(self.start(self.entries.len()));
        Ok(Space { free: free as u64, total: BYTES as u64 })
    }

    fn set_time(&mut self, path: &str, modified: i64) -> Result<(), Reason> {
        let index = self.find(path)?;
        self.entry(index)?.modified = Some(modified);
        Ok(())
    }
}

impl Entry {
    fn info(&self) -> Info {
        match self.is_directory {
            true => Info::Directory,
            false => Info::File { size: self.length as u64, modified: self.modified },
        }
    }
}
