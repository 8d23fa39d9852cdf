//! Options about the limits of received content.

use tinyferry::fs::Limits;

use crate::units::{bytes, count, entries};

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Maximum size of one file
    #[arg(long, value_name = "BYTES", default_value = "1T", value_parser = bytes)]
    max_file: u64,
    /// Maximum number of files and directories in one tree
    #[arg(long, value_name = "ENTRIES", default_value = "1000000", value_parser = entries)]
    max_entries: u64,
    /// Maximum number of names in a path
    #[arg(long, value_name = "N", default_value = "64", value_parser = count)]
    max_depth: usize,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        let Self { max_file: file, max_entries: entries, max_depth: depth } = *self;
        let mut limits = Limits::default();
        (limits.file, limits.entries, limits.depth) = (file, entries, depth);
        limits
    }
}
