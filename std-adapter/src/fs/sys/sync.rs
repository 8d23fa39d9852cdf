//! When what came in is made to outlast a loss of power, and how.

use std::fs::File;
use std::io::{self, ErrorKind};

use cap_std::fs::Dir;

use crate::fs::sys::dir_cursor::open_itself;
use crate::fs::sys::sync_failures;

/// When what came in is made to outlast a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// A single file before it gets its name; of a tree the content of many files at once before
    /// they get their names, and the names when all of it is in place. Where a file system cannot be
    /// synchronised as a whole (only Linux can), the same as `Each`.
    #[default]
    End,
    /// Every file before it gets its name, and its directory after that.
    Each,
    /// Whenever the system gets to it.
    Never,
}

/// What is made durable before something is called done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Durable {
    /// What a file contains, before it gets its name.
    pub(crate) content: bool,
    /// The names in its directory.
    pub(crate) names: bool,
}

impl Sync {
    /// Whether what is being put in place now is to be synchronised by itself.
    pub(crate) fn is_due(self, in_tree: bool) -> bool {
        match self {
            Self::End => !in_tree || !CAN_SYNCHRONISE_ALL,
            Self::Each => true,
            Self::Never => false,
        }
    }

    /// What is to be made durable when something is put in place by itself.
    pub(crate) fn durable(self, in_tree: bool) -> Durable {
        let names = self.is_due(in_tree);
        Durable { content: names || self != Self::Never, names }
    }

    /// Whether the files of a tree get their names many at once, after their content is durable.
    pub(crate) fn gathers(self) -> bool {
        self == Self::End && CAN_SYNCHRONISE_ALL
    }
}

/// Makes a directory's entries outlast a loss of power, where the system can.
pub(crate) fn synchronise(dir: &Dir) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let itself = match open_itself(dir) {
        // It may be written to and not read: nobody can synchronise it alone, and without a file
        // there that has no name not its file system either.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return handle(dir).map_or(Ok(()), |handle| synchronise_all(&handle));
        }
        itself => itself?,
    };
    match sync_failures::synchronise(&itself) {
        // Some file systems cannot synchronise a directory.
        Err(error) if !sync_failures::is_of_storage(&error) => Ok(()),
        result => result,
    }
}

const CAN_SYNCHRONISE_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// An open file on the file system of `dir`: the directory itself, or a file without a name where it
/// may be written to and not read.
pub(crate) fn handle(dir: &Dir) -> io::Result<File> {
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
pub(crate) fn synchronise_all(file: &File) -> io::Result<()> {
    #[cfg(test)]
    sync_failures::slow::pause();
    Ok(rustix::fs::syncfs(file)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn synchronise_all(_: &File) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
