//! When received files are synced to storage.

use clap::ValueEnum;
use tinyferry::fs::Sync;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SyncArg {
    /// Once, at the end of a transfer
    End,
    /// After each file
    Each,
    /// Leave the time to the operating system
    Never,
}

impl From<SyncArg> for Sync {
    fn from(when: SyncArg) -> Self {
        match when {
            SyncArg::End => Self::End,
            SyncArg::Each => Self::Each,
            SyncArg::Never => Self::Never,
        }
    }
}
