//! When what came in is made to outlast a loss of power, and how.

use std::fs::File;
use std::io::{self, ErrorKind};

use cap_std::fs::Dir;

use super::place::open_itself;

/// When what came in is made to outlast a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Once: a single file before it is called done, a tree when all of it is in place. Where a
    /// file system cannot be synchronised as a whole (only Linux can), the same as `Each`.
    #[default]
    End,
    /// Every file before it gets its name, and its directory after that.
    Each,
    /// Whenever the system gets to it.
    Never,
}

impl Sync {
    /// Whether what is being put in place now is to be synchronised by itself.
    pub(super) fn is_due(self, in_tree: bool) -> bool {
        match self {
            Self::End => !in_tree || !CAN_SYNCHRONISE_ALL,
            Self::Each => true,
            Self::Never => false,
        }
    }

    /// What the file system of `dir` can be synchronised through later, where that is to be done.
    pub(super) fn handle(self, dir: &Dir) -> io::Result<Option<File>> {
        match self {
            Self::End if CAN_SYNCHRONISE_ALL => handle(dir).map(Some),
            _ => Ok(None),
        }
    }

    /// A tree is in place.
    pub(super) fn finish(self, handle: Option<File>) -> io::Result<()> {
        handle.map_or(Ok(()), |file| synchronise_all(&file))
    }
}

/// Makes a directory's entries outlast a loss of power, where the system can.
pub(super) fn synchronise(dir: &Dir) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let itself = match open_itself(dir) {
        // It may be written to and not read: nobody can synchronise it alone.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return synchronise_all(&handle(dir)?);
        }
        itself => itself?,
    };
    match itself.sync_all() {
        // Some file systems have no such thing.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

const CAN_SYNCHRONISE_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// An open file on the file system of `dir`: the directory itself, or a file without a name where it
/// may be written to and not read.
fn handle(dir: &Dir) -> io::Result<File> {
    match open_itself(dir) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            use rustix::fs::{Mode, OFlags, openat};

            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            Ok(openat(dir, c".", flags, Mode::RUSR).map_err(|_| error)?.into())
        }
        result => result,
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn synchronise_all(file: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn synchronise_all(_: &File) -> io::Result<()> {
    Ok(())
}
