//! The options of `completions` and `manpages`.

use std::path::PathBuf;

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell: put the output where it looks for completions
    pub(crate) shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManpagesArgs {
    /// The directory to write them into, as ~/.local/share/man/man1
    pub(crate) directory: PathBuf,
}
