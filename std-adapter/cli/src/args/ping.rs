//! The arguments of `tinyferry ping`, `tinyferry console` and `tinyferry close`.

use super::read::complete;
use super::{JsonArg, Peer};

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct PingArgs {
    /// Measure N round trips, after the handshake [default: 1; with -v or --json 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct CloseArgs {
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub(crate) peer: Peer,
}
