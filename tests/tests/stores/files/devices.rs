//! The file systems, on media that lose their power at a chosen operation.

use std::cell::Cell;
use std::collections::BTreeMap;

#[cfg(feature = "littlefs")]
use littlefs2::fs::Filesystem;
use tinyferry_core::error::Reason;
use tinyferry_core::store::Store;
use tinyferry_stores::files::{FileStore, Files, Info, Mode, RamDisk, Space};
#[cfg(feature = "littlefs")]
use tinyferry_stores::littlefs::{Flash, LittleFs};

#[cfg(feature = "littlefs")]
use super::nor::{Nor, SECTORS};

/// A medium with a file system.
pub(crate) trait Device: Clone {
    /// The space for content is about this, in bytes.
    const ROOM: usize;

    /// One with an empty file system.
    fn formatted() -> Self;

    /// Mounts the file system, and serves its store until the power fails after `power` operations that change the
    /// medium. Returns their number.
    fn serve(&mut self, power: u64, work: &mut dyn FnMut(&mut dyn Store)) -> u64;

    /// The content of all files by path, partials among them.
    ///
    /// # Panics
    /// Where the file system is not consistent.
    fn content(&mut self) -> BTreeMap<String, Vec<u8>>;
}

/// A RAM disk.
#[derive(Clone)]
pub(crate) struct Ram(RamDisk<200_000, 64>);

impl Device for Ram {
    const ROOM: usize = 200_000;

    fn formatted() -> Self {
        Self(RamDisk::new())
    }

    fn serve(&mut self, power: u64, work: &mut dyn FnMut(&mut dyn Store)) -> u64 {
        let left = Cell::new(power);
        let mut store: FileStore<_> = FileStore::new(Weak { files: &mut self.0, power: &left });
        work(&mut store);
        drop(store);
        power - left.get()
    }

    fn content(&mut self) -> BTreeMap<String, Vec<u8>> {
        content_of(&mut self.0)
    }
}

/// A littlefs on NOR flash.
#[cfg(feature = "littlefs")]
#[derive(Clone)]
pub(crate) struct Little<const BUFFER: usize>(Nor);

#[cfg(feature = "littlefs")]
impl<const BUFFER: usize> Little<BUFFER> {
    /// The number of erased sectors so far.
    pub(crate) fn erasures(&self) -> u64 {
        self.0.erases
    }

    fn mounted<T>(&mut self, work: impl FnOnce(LittleFs<'_, Medium<'_>, BUFFER>) -> T) -> T {
        let mut medium = Flash::new(&mut self.0);
        let mut allocation = Filesystem::allocate();
        let system = Filesystem::mount(&mut allocation, &mut medium);
        work(LittleFs::new(system.unwrap_or_else(|_| panic!("it cannot be mounted"))))
    }
}

#[cfg(feature = "littlefs")]
type Medium<'a> = Flash<&'a mut Nor, SECTORS>;

#[cfg(feature = "littlefs")]
impl<const BUFFER: usize> Device for Little<BUFFER> {
    const ROOM: usize = 244_000;

    fn formatted() -> Self {
        let mut flash = Nor::new();
        assert!(Filesystem::format(&mut Medium::new(&mut flash)).is_ok());
        Self(flash)
    }

    fn serve(&mut self, power: u64, work: &mut dyn FnMut(&mut dyn Store)) -> u64 {
        (self.0.power, self.0.operations) = (Some(power), 0);
        self.mounted(|files| {
            let mut store: FileStore<_> = FileStore::new(files);
            work(&mut store);
        });
        self.0.power = None;
        self.0.operations
    }

    fn content(&mut self) -> BTreeMap<String, Vec<u8>> {
        self.mounted(|mut files| content_of(&mut files))
    }
}

/// Reads a whole file system.
pub(crate) fn content_of<F: Files>(files: &mut F) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        let mut cursor = 0;
        loop {
            let mut path = directory.clone();
            let info = files.list(&directory, &mut cursor, &mut |name| {
                path += if path.is_empty() { "" } else { "/" };
                path += name;
            });
            match info.expect("a directory can be listed") {
                None => break,
                Some(Info::Directory) => directories.push(path),
                Some(Info::File { size, .. }) => {
                    let mut bytes = vec![0; size as usize];
                    let mut file = files.open(&path, Mode::Read).expect("a file can be opened");
                    let mut done = 0;
                    while done < bytes.len() {
                        let count = files.read(&mut file, done as u64, &mut bytes[done..]);
                        done += count.ok().filter(|count| *count > 0).expect("it has its size");
                    }
                    files.close(file).expect("a file can be closed");
                    assert!(found.insert(path, bytes).is_none(), "a file is listed twice");
                }
            }
        }
    }
    found
}

/// A file system whose power fails after `power` calls that change it. The last write changes a part.
struct Weak<'a, F> {
    files: &'a mut F,
    power: &'a Cell<u64>,
}

impl<F> Weak<'_, F> {
    fn is_on(&self) -> Result<(), Reason> {
        if self.power.get() > 0 { Ok(()) } else { Err(Reason::Storage) }
    }

    fn spend(&self) -> Result<(), Reason> {
        self.is_on()?;
        self.power.set(self.power.get() - 1);
        Ok(())
    }
}

impl<F: Files> Files for Weak<'_, F> {
    type File = F::File;

    fn open(&mut self, path: &str, mode: Mode) -> Result<F::File, Reason> {
        match mode {
            Mode::Create => self.spend()?,
            Mode::Read | Mode::Continue => self.is_on()?,
        }
        self.files.open(path, mode)
    }

    fn read(
        &mut self,
        file: &mut F::File,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, Reason> {
        self.is_on()?;
        self.files.read(file, position, into)
    }

    fn write(&mut self, file: &mut F::File, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        self.spend()?;
        if self.power.get() == 0 {
            self.files.write(file, position, &bytes[..bytes.len() / 2])?;
            return Err(Reason::Storage);
        }
        self.files.write(file, position, bytes)
    }

    fn close(&mut self, file: F::File) -> Result<(), Reason> {
        self.is_on()?;
        self.files.close(file)
    }

    fn stat(&mut self, path: &str) -> Result<Info, Reason> {
        self.is_on()?;
        self.files.stat(path)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        self.spend()?;
        self.files.rename(from, to)
    }

    fn remove(&mut self, path: &str) -> Result<(), Reason> {
        self.spend()?;
        self.files.remove(path)
    }

    fn create_directory(&mut self, path: &str) -> Result<(), Reason> {
        self.spend()?;
        self.files.create_directory(path)
    }

    fn list(
        &mut self,
        directory: &str,
        cursor: &mut u32,
        found: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason> {
        self.is_on()?;
        self.files.list(directory, cursor, found)
    }

    fn space(&mut self) -> Result<Space, Reason> {
        self.is_on()?;
        self.files.space()
    }

    fn set_time(&mut self, path: &str, modified: i64) -> Result<(), Reason> {
        self.spend()?;
        self.files.set_time(path, modified)
    }
}
