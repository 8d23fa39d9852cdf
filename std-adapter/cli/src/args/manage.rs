//! The arguments of the commands that manage a server's directory.

use std::path::PathBuf;

use super::filter::{self, DeleteArgs, FilterArgs};
use super::skip::SkipArgs;
use super::{MaxDelete, Peer, PutArgs};

#[derive(Debug, clap::Args)]
pub(crate) struct MirrorArgs {
    /// The local directory
    #[arg(value_name = "DIR")]
    source: PathBuf,
    /// The directory on the server that gets its content; "." is the whole served directory
    #[arg(value_name = "REMOTE_DIR")]
    to: String,
    /// Compare the content of files too; both ends read them
    #[arg(long)]
    checksum: bool,
    /// Remove nothing if more than N entries, or N% of those on the server, would be removed
    #[arg(long, value_name = "N", default_value = "50%", value_parser = filter::max_delete)]
    max_delete: MaxDelete,
    /// Print what would be sent and removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    peer: Peer,
}

impl MirrorArgs {
    /// The same as a put.
    pub(crate) fn into_put(self) -> PutArgs {
        let Self { source, to, checksum, max_delete, dry_run, filter, peer } = self;
        PutArgs {
            paths: vec![source.join(".")],
            to: Some(to),
            sha256: false,
            filter,
            delete: DeleteArgs { delete: true, max_delete, dry_run },
            skip: SkipArgs::of_mirror(checksum),
            peer,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct RmArgs {
    /// Files and directories on the server
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    /// Remove directories with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MvArgs {
    /// A file or directory on the server
    #[arg(value_name = "REMOTE")]
    pub(crate) from: String,
    /// Its new path, or an existing directory that it is moved into
    #[arg(value_name = "NEW")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MkdirArgs {
    /// Directories to make on the server; those above them are made too
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) peer: Peer,
}
