//! Trees on a littlefs, over [`littlefs2`], which is the C library by its author with Rust around it.
//!
//! [`LittleFs`] implements [`Files`] for any driver of `littlefs2`; [`Flash`] is a driver over
//! `embedded-storage`. Format, mount and serve:
//!
//! ```
//! use embedded_storage::nor_flash::NorFlash;
//! use littlefs2::fs::Filesystem;
//! use tinyferry_core::Store;
//! use tinyferry_stores::files::FileStore;
//! use tinyferry_stores::littlefs::{Flash, LittleFs};
//!
//! /// A megabyte with erasable blocks of 4096 bytes.
//! fn serve<F: NorFlash>(flash: F, run: impl FnOnce(&mut dyn Store)) -> littlefs2::io::Result<()> {
//!     let mut flash: Flash<F, 256> = Flash::new(flash);
//!     if !Filesystem::is_mountable(&mut flash) {
//!         Filesystem::format(&mut flash)?;
//!     }
//!     let mut allocation = Filesystem::allocate();
//!     let system = Filesystem::mount(&mut allocation, &mut flash)?;
//!     let mut store: FileStore<LittleFs<_>> = FileStore::new(LittleFs::new(system));
//!     run(&mut store);
//!     Ok(())
//! }
//! ```
//!
//! # Names and times
//!
//! Names are ASCII: `littlefs2` knows no others. Times are stored with nanoseconds as MicroPython stores them, in the
//! attribute 1 of a file, so that a board with MicroPython shows them too. `littlefs2` panics while it lists a
//! directory if its path and a name in it have more than 255 bytes together; [`FileStore`](crate::files::FileStore)
//! creates no such entries with its default limits.
//!
//! # Cost
//!
//! Each write to littlefs ends with a commit of the file's metadata, and copies the last block of the file unless it
//! is full. So [`LittleFs`] collects `BUFFER` bytes first. Erasures of a put of 25 blocks of 4096 bytes:
//!
//! | `BUFFER` | erasures |
//! |---|---|
//! | 0 | 124; over a line that damages every third chunk, 426 |
//! | 1024, the default | 124 |
//! | 2048 | 74 |
//! | 4096 | 49 |
//!
//! The collected bytes are lost if the power is cut; the next put resumes before them.
//!
//! After a power cut littlefs writes the same words again in which the power went, and compares them: the flash must
//! allow that, as NOR flash does whose words have no error correction of their own. To find the next entry of a
//! directory it reads all entries before it: a tree with some hundred entries in one directory takes long to list.
//!
//! # Linking
//!
//! The build needs libclang and, for a board, a C compiler with headers such as `arm-none-eabi-gcc` with newlib. The
//! C code calls `strchr`, `strspn`, `strcspn` and `strcpy`: a firmware links newlib, or defines them as
//! `examples/firmware/mps2/src/c_strings.rs` does. `littlefs2` builds for cores with atomic compare-and-swap: from
//! Cortex-M3 on, not for Cortex-M0.

use littlefs2::driver::Storage;
use littlefs2::fs::{Filesystem, Metadata};
use littlefs2::io::{Error, SeekFrom};
use littlefs2::path::{Path, PathBuf};
use tinyferry_core::Reason;

use crate::files::{Files, Info, Mode, Space};

mod flash;

pub use self::flash::Flash;

/// The attribute with the time of last modification: 64 bits, little-endian, nanoseconds since 1970.
const MODIFIED: u8 = 1;

/// A mounted littlefs, which collects `BUFFER` bytes before it writes them.
pub struct LittleFs<'a, S: Storage, const BUFFER: usize = 1024> {
    system: Filesystem<'a, S>,
    buffer: [u8; BUFFER],
}

/// An open file: littlefs opens it for each read and each write.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    /// Where the collected bytes belong, and their number.
    position: u64,
    collected: usize,
}

impl<'a, S: Storage, const BUFFER: usize> LittleFs<'a, S, BUFFER> {
    /// Takes a mounted file system, and completes the change in which the power was cut, if there is one.
    pub fn new(system: Filesystem<'a, S>) -> Self {
        // littlefs does so before its next change. Until then it lists too few entries of a directory that a file was
        // moved from. Nothing is created: the root exists.
        let _ = system.create_dir(littlefs2::path!("/"));
        Self { system, buffer: [0; BUFFER] }
    }

    /// The file system.
    pub const fn system(&self) -> &Filesystem<'a, S> {
        &self.system
    }

    fn write_to(&self, path: &Path, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        let position = u32::try_from(position).map_err(|_| Reason::TooLarge)?;
        let written = self.system.open_file_with_options_and_then(
            |options| options.read(true).write(true),
            path,
            |file| {
                file.seek(SeekFrom::Start(position))?;
                file.write(bytes)
            },
        );
        match written.map_err(reason)? {
            count if count == bytes.len() => Ok(()),
            _ => Err(Reason::NoSpace),
        }
    }

    /// Writes the collected bytes.
    fn flush(&self, file: &mut File) -> Result<(), Reason> {
        let collected = core::mem::take(&mut file.collected);
        let position = file.position;
        file.position = position.saturating_add(collected as u64);
        match self.buffer.get(..collected) {
            Some(bytes) if !bytes.is_empty() => self.write_to(&file.path, position, bytes),
            _ => Ok(()),
        }
    }

    fn info(&self, path: &Path, metadata: &Metadata) -> Result<Info, Reason> {
        if metadata.is_dir() {
            return Ok(Info::Directory);
        }
        let mut time = [0; 8];
        let found = self.system.attribute(path, MODIFIED, &mut time).map_err(reason)?;
        let is_known = found.is_some_and(|found| found.total_size() == 8);
        let modified = is_known.then(|| i64::from_le_bytes(time));
        Ok(Info::File { size: metadata.len() as u64, modified })
    }
}

impl<S: Storage, const BUFFER: usize> Files for LittleFs<'_, S, BUFFER> {
    type File = File;

    fn open(&mut self, path: &str, mode: Mode) -> Result<File, Reason> {
        let path = to_path(path)?;
        match mode {
            Mode::Create => self.system.create_file_and_then(&path, |_| Ok(())).map_err(reason)?,
            Mode::Read | Mode::Continue
                if self.system.metadata(&path).map_err(reason)?.is_dir() =>
            {
                return Err(Reason::IsDirectory);
            }
            Mode::Read | Mode::Continue => {}
        }
        Ok(File { path, position: 0, collected: 0 })
    }

    fn read(&mut self, file: &mut File, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        self.flush(file)?;
        let Ok(position) = u32::try_from(position) else { return Ok(0) };
        let read = self.system.open_file_and_then(&file.path, |file| {
            file.seek(SeekFrom::Start(position))?;
            file.read(into)
        });
        read.map_err(reason)
    }

    fn write(&mut self, file: &mut File, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        let end = file.position.saturating_add(file.collected as u64);
        if position != end || file.collected.saturating_add(bytes.len()) > BUFFER {
            self.flush(file)?;
            file.position = position;
        }
        match self.buffer.get_mut(file.collected..) {
            Some(room) if bytes.len() < BUFFER => {
                room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                file.collected = file.collected.saturating_add(bytes.len());
                Ok(())
            }
            _ => {
                file.position = position.saturating_add(bytes.len() as u64);
                self.write_to(&file.path, position, bytes)
            }
        }
    }

    fn close(&mut self, mut file: File) -> Result<(), Reason> {
        self.flush(&mut file)
    }

    fn stat(&mut self, path: &str) -> Result<Info, Reason> {
        let path = to_path(path)?;
        let metadata = match self.system.metadata(&path) {
            // A component of the path is a file.
            Err(Error::PATH_NOT_DIR) => return Err(Reason::NotFound),
            metadata => metadata.map_err(reason)?,
        };
        self.info(&path, &metadata)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        self.system.rename(&to_path(from)?, &to_path(to)?).map_err(reason)
    }

    fn remove(&mut self, path: &str) -> Result<(), Reason> {
        self.system.remove(&to_path(path)?).map_err(reason)
    }

    fn create_directory(&mut self, path: &str) -> Result<(), Reason> {
        self.system.create_dir(&to_path(path)?).map_err(reason)
    }

    fn list(
        &mut self,
        directory: &str,
        cursor: &mut u32,
        found: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason> {
        let path = to_path(directory)?;
        // The first two are the directory itself and the one above it.
        let passed = usize::try_from(*cursor).unwrap_or(usize::MAX).saturating_add(2);
        let entry = self.system.read_dir_and_then(&path, |entries| entries.nth(passed).transpose());
        let Some(entry) = entry.map_err(reason)? else { return Ok(None) };
        *cursor = cursor.saturating_add(1);
        found(entry.file_name().as_str());
        self.info(entry.path(), &entry.metadata()).map(Some)
    }

    fn space(&mut self) -> Result<Space, Reason> {
        let free = self.system.available_space().map_err(reason)?;
        Ok(Space { free: free as u64, total: self.system.total_space() as u64 })
    }

    fn set_time(&mut self, path: &str, modified: i64) -> Result<(), Reason> {
        let time = modified.to_le_bytes();
        self.system.set_attribute(&to_path(path)?, MODIFIED, &time).map_err(reason)
    }

    fn check_name(&self, name: &str) -> Result<(), Reason> {
        if name.is_ascii() { Ok(()) } else { Err(Reason::BadPath) }
    }
}

fn to_path(path: &str) -> Result<PathBuf, Reason> {
    // The empty path is not one of littlefs.
    PathBuf::try_from(if path.is_empty() { "/" } else { path }).map_err(|_| Reason::BadPath)
}

fn reason(error: Error) -> Reason {
    match error {
        Error::NO_SUCH_ENTRY => Reason::NotFound,
        Error::ENTRY_ALREADY_EXISTED => Reason::Exists,
        Error::PATH_NOT_DIR => Reason::NotDirectory,
        Error::PATH_IS_DIR => Reason::IsDirectory,
        Error::DIR_NOT_EMPTY => Reason::NotEmpty,
        Error::FILE_TOO_BIG => Reason::TooLarge,
        Error::NO_SPACE => Reason::NoSpace,
        Error::FILENAME_TOO_LONG => Reason::NameTooLong,
        _ => Reason::Storage,
    }
}
