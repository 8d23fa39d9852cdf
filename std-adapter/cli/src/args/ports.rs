//! The options of `ports`.

#[derive(Debug, clap::Args)]
pub(crate) struct PortsArgs {
    /// Print a JSON object on each line: path, vid, pid, interface, serial_number, manufacturer, product and
    /// board; null for an unknown fact
    #[arg(long)]
    pub(crate) json: bool,
}
