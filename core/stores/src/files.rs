//! Files and trees on any file system: [`FileStore`] over an implementation of [`Files`].
//!
//! ```text
//!   Session ---> FileStore ---> Files ---> littlefs, SPIFFS, a FAT driver, RAM …
//! ```
//!
//! A file system needs nine methods, about sixty lines: the page of [`Files`] has them for a map in memory, and
//! [`RamDisk`] for RAM without a heap. [`FileStore`] does the rest: partials,
//! resume, commits by an atomic rename, trees in both directions, files that are offered again, and the operations
//! `rm`, `mv`, `mkdir` and `df` of the program.
//!
//! # State after a power cut
//!
//! A file is received as [`Files::PARTIAL`], in the directory that it is for, and [`Files::rename`] gives it its
//! name once it is complete and verified: under each name is the old file or the new one, whole. The next put of the
//! same file resumes from the end of the partial. Each directory has at most one partial, which is not listed and
//! cannot be requested. Directories are created before the files in them.
//!
//! # Limits
//!
//! A path has at most `PATH` bytes, and a file at most `DEPTH` directories above it; both are parameters of
//! [`FileStore`]. Entries that exceed them are refused with a message, and omitted from a tree that is sent.
//! Permission bits are not stored. A session's request has at most [`REOFFERS`] files that are sent a second time.

use tinyferry_core::Reason;

/// The largest number of files in one request that are sent a second time, since the receiver has other content of the
/// same size.
pub const REOFFERS: usize = crate::reoffers::REOFFERS;

mod file_store;
mod forward;
mod inbound;
mod message;
mod operate;
mod outbound;
mod partial;
mod ram;
mod store;
mod walk;

pub use self::file_store::FileStore;
pub use self::ram::RamDisk;

/// A file system.
///
#[doc = include_str!("../FILES.md")]
///
/// # Paths and errors
///
/// Paths are relative to the root, with `/` between names and without one at either end; the empty path is the root,
/// which is a directory. Each path is sound ([`is_sound`](tinyferry_core::path::is_sound)): no `..`, no control
/// characters. At most one file is open. No method may panic.
///
/// Each method returns [`Reason::NotFound`] if the entry or a directory above it does not exist, and
/// [`Reason::Storage`] if the medium fails; the reasons are those of [`Store`](tinyferry_core::Store).
pub trait Files {
    /// An open file.
    type File;
    /// The name of a file that is not complete; no file can be sent or received under it.
    const PARTIAL: &'static str = ".tinyferry";
    /// Whether [`Files::write`] only continues a file at its end. If not, content that arrives past lost content is
    /// written at once, which saves time on a lossy link, but resuming repeats up to 97 KiB.
    const IN_ORDER: bool = true;
    /// Whether names that differ only in the case of ASCII letters are one name.
    const IGNORES_CASE: bool = false;
    /// The unit of times: 10^n ns for 0 to 9; 10: 2 s.
    const TIME_UNIT: u8 = 0;

    /// Opens a file.
    ///
    /// # Errors
    /// [`Reason::NotFound`] if it does not exist and `mode` is not [`Mode::Create`].
    fn open(&mut self, path: &str, mode: Mode) -> Result<Self::File, Reason>;

    /// Reads from `position`. Returns the number of bytes: as many as there is room for, or fewer, but 0 only at or
    /// past the end. A file that was opened to be written is read too.
    ///
    /// # Errors
    /// Any. The file is closed next.
    fn read(
        &mut self,
        file: &mut Self::File,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, Reason>;

    /// Writes all of `bytes` at `position`, over the bytes that are stored there. The position is at most the length
    /// of the file. Without [`Files::IN_ORDER`] it is anywhere in the file; else it is where the last write ended,
    /// and for the first one after [`Files::open`] at most 1023 bytes before the end.
    ///
    /// # Errors
    /// [`Reason::NoSpace`] if the medium is full. The file is closed next.
    fn write(&mut self, file: &mut Self::File, position: u64, bytes: &[u8]) -> Result<(), Reason>;

    /// Closes a file. After that its content survives a power cut.
    ///
    /// # Errors
    /// Any: then the content that was written since [`Files::open`] may be lost.
    fn close(&mut self, file: Self::File) -> Result<(), Reason>;

    /// Describes an entry. Never called for the root.
    ///
    /// # Errors
    /// [`Reason::NotFound`] if it does not exist.
    fn stat(&mut self, path: &str) -> Result<Info, Reason>;

    /// Gives an entry a new path, at once: after a power cut it has the old path or the new one. A file at the new
    /// path is replaced. No directory is at the new path, and its parent exists.
    ///
    /// # Errors
    /// [`Reason::Exists`] if this file system replaces no file but by a partial, [`Reason::Unsupported`] if it
    /// cannot move an entry to another directory.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason>;

    /// Removes a file or an empty directory.
    ///
    /// # Errors
    /// Any.
    fn remove(&mut self, path: &str) -> Result<(), Reason>;

    /// Creates a directory, whose parent exists. Nothing is at the path.
    ///
    /// # Errors
    /// Any.
    fn create_directory(&mut self, path: &str) -> Result<(), Reason>;

    /// Describes the next entry of a directory, and passes its name to `found`. `None` if there are no more. `cursor`
    /// is 0 for the first entry, and else as the call before has left it. Entries for the directory itself and its
    /// parent (`.`, `..`) are not listed.
    ///
    /// # Errors
    /// Any: the tree that is sent ends.
    fn list(
        &mut self,
        directory: &str,
        cursor: &mut u32,
        found: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason>;

    /// The space of the file system; by default it is not known.
    ///
    /// # Errors
    /// [`Reason::Unsupported`] if it is not known.
    fn space(&mut self) -> Result<Space, Reason> {
        Err(Reason::Unsupported)
    }

    /// Sets the time of last modification of a closed file, in nanoseconds since 1970, rounded down to
    /// [`Files::TIME_UNIT`]. By default none is stored.
    ///
    /// # Errors
    /// Any: the file is not committed. A time that cannot be stored is no error.
    fn set_time(&mut self, path: &str, modified: i64) -> Result<(), Reason> {
        let _ = (path, modified);
        Ok(())
    }

    /// Whether a file or a directory can have this name; by default each name is allowed.
    ///
    /// # Errors
    /// [`Reason::NameTooLong`] or [`Reason::BadPath`].
    fn check_name(&self, name: &str) -> Result<(), Reason> {
        let _ = name;
        Ok(())
    }
}

/// The access to an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To be read.
    Read,
    /// Created, or emptied if it exists, to be written and read.
    Create,
    /// Continued: it exists, and is written and read.
    Continue,
}

/// An entry of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Info {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// In bytes.
        size: u64,
        /// Time of last modification in nanoseconds since 1970, where known.
        modified: Option<i64>,
    },
}

/// The space of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// For further content.
    pub free: u64,
    /// In all.
    pub total: u64,
}

/// A time as a file system stores it that has this unit ([`Files::TIME_UNIT`]).
fn rounded(modified: i64, unit: u8) -> i64 {
    let unit = if unit < 10 { 10_i64.saturating_pow(unit.into()) } else { 2_000_000_000 };
    modified.div_euclid(unit).saturating_mul(unit)
}
