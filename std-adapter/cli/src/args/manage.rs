//! The arguments of the commands that manage a server's directory.

use super::help::LongHelpArg;
use super::read::complete;
use super::{JsonArg, Peer, RetryArg};

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct RmArgs {
    /// Files and directories on the server
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    /// Remove directories with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Say nothing about paths that do not exist
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct MvArgs {
    /// A file or directory on the server
    #[arg(value_name = "REMOTE")]
    pub(crate) from: String,
    /// Its new path, or an existing directory that it is moved into; a path that ends in "/" is that of a
    /// directory
    #[arg(value_name = "NEW")]
    pub(crate) to: String,
    /// Replace a file that exists
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete, disable_help_flag = true)]
pub(crate) struct DfArgs {
    /// A directory on the server
    #[arg(value_name = "REMOTE", default_value = ".")]
    pub(crate) path: String,
    /// Has no effect: sizes have units without it
    #[arg(short = 'h', long)]
    human_readable: bool,
    #[command(flatten)]
    help: LongHelpArg,
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct MkdirArgs {
    /// Directories to make on the server; those above them are made too
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}
