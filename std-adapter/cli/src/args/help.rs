//! The option `--help` of commands in which `-h` is another option.

// Without a value: clap prints the help and ends.
#[derive(Debug, clap::Args)]
pub(super) struct LongHelpArg {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help, display_order = 902)]
    help: Option<bool>,
}
