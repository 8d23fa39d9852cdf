//! The arguments of `tinyferry partials`.

use std::path::PathBuf;
use std::time::Duration;

use super::JsonArg;
use super::read::complete;
use crate::units::days;

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct PartialsArgs {
    /// The directory to search, with its subdirectories
    pub(crate) directory: PathBuf,
    /// List only partial files that were not written to for DAYS
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) older_than: Option<Duration>,
    /// Remove the listed partial files, but not those in use; their transfers then start from the beginning
    #[arg(long)]
    pub(crate) remove: bool,
    #[command(flatten)]
    pub(crate) json: JsonArg,
}
