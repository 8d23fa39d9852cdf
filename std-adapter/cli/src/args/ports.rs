//! The options of `ports`.

use super::JsonArg;

#[derive(Debug, clap::Args)]
pub(crate) struct PortsArgs {
    #[command(flatten)]
    pub(crate) json: JsonArg,
}
