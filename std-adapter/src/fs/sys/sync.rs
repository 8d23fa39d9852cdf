//! The policy by which received files are made durable, and the sync of a directory.

use std::fs::File;
use std::io::{self, ErrorKind};

use cap_fs_ext::OpenOptionsMaybeDirExt;
use cap_std::fs::{Dir, OpenOptions};

use crate::fs::sys::sync_failures;

/// When received files are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// A single file before it gets its name; of a tree the content of many files at once before
    /// they get their names, and the names when all of it is in place. Where a file system cannot be
    /// synchronised as a whole (only Linux can), the same as `Each`.
    #[default]
    End,
    /// Every file before it gets its name, and its directory after that.
    Each,
    /// Never: the system decides.
    Never,
}

/// The parts that are made durable before a commit is reported.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Durable {
    /// The content of a file, before it gets its name.
    pub(crate) content: bool,
    /// The names in its directory.
    pub(crate) names: bool,
}

impl Sync {
    /// Whether an entry that is committed now is synchronised by itself.
    pub(crate) fn is_due(self, in_tree: bool) -> bool {
        match self {
            Self::End => !in_tree || !CAN_SYNCHRONISE_ALL,
            Self::Each => true,
            Self::Never => false,
        }
    }

    /// The parts that are made durable when an entry is committed by itself.
    pub(crate) fn durable(self, in_tree: bool) -> Durable {
        Durable { content: self != Self::Never, names: self.is_due(in_tree) }
    }

    /// Whether the files of a tree get their names many at once, after their content is durable.
    pub(crate) fn gathers(self) -> bool {
        self == Self::End && CAN_SYNCHRONISE_ALL
    }
}

/// Makes the entries of a directory durable, if the system can.
pub(crate) fn synchronise(dir: &Dir) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match open_itself(dir) {
        // A directory that may be written to and not read cannot be synchronised alone, and its file
        // system only by way of a file there that has no name.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => match handle(dir) {
            Ok(handle) => match sync_failures::synchronise_all(&handle) {
                Err(error) if !sync_failures::is_of_storage(&error) => {
                    sync_failures::note_refusal(&handle, &error);
                    Ok(())
                }
                result => result,
            },
            Err(_) => Ok(()),
        },
        itself => sync_failures::synchronise(&itself?),
    }
}

/// Opens a directory as a file: to set its time and its permission bits, and to synchronise it.
pub(crate) fn open_itself(dir: &Dir) -> io::Result<File> {
    Ok(dir.open_with(".", OpenOptions::new().read(true).maybe_dir(true))?.into_std())
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
