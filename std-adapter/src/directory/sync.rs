//! When what came in is made to outlast a loss of power, and how.

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

    /// A tree is in place below `dir`.
    pub(super) fn finish(self, dir: &Dir) -> io::Result<()> {
        match self {
            Self::End => synchronise_all(dir),
            Self::Each | Self::Never => Ok(()),
        }
    }
}

/// Makes a directory's entries outlast a loss of power, where the system can.
pub(super) fn synchronise(dir: &Dir) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match open_itself(dir)?.sync_all() {
        // Some file systems have no such thing.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

const CAN_SYNCHRONISE_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[cfg(any(target_os = "linux", target_os = "android"))]
fn synchronise_all(dir: &Dir) -> io::Result<()> {
    Ok(rustix::fs::syncfs(open_itself(dir)?)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn synchronise_all(_: &Dir) -> io::Result<()> {
    Ok(())
}
