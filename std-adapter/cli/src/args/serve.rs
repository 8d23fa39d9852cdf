//! The arguments of `tinyferry serve`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use tinyferry::Endpoint;

use super::read::complete;
use super::{LimitArgs, PolicyArgs, SyncArg, UnsafeLinksArg};
use crate::logging::LogFormat;
use crate::units::{bytes, count, days, rate, seconds};

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct ServeArgs {
    /// The directory to serve; clients cannot access anything outside it. With the feature s3 also a prefix of a
    /// bucket: s3://BUCKET/PREFIX?endpoint=URL
    pub(crate) directory: PathBuf,
    /// The URL to listen on: tcp://HOST:PORT, unix:///PATH or a serial port as serial:///DEVICE; can be given
    /// more than once [default: the sockets of systemd if it has started the server with some, else
    /// tcp://127.0.0.1:8080]
    #[arg(short, long, value_name = "URL")]
    pub(crate) listen: Vec<Endpoint>,
    /// Serve one client over standard input and output, for exec: and ssh; on a terminal, for a client at the
    /// other end of a serial line, until that client has left or Ctrl-C was pressed three times
    #[arg(long, conflicts_with = "listen")]
    pub(crate) stdio: bool,
    /// Send files to clients, accept none
    #[arg(long, conflicts_with = "write_only")]
    pub(crate) read_only: bool,
    /// Accept files from clients, send none
    #[arg(long)]
    pub(crate) write_only: bool,
    /// Allow clients to shut the server down
    #[arg(long)]
    pub(crate) allow_close: bool,
    /// Allow clients that may send files to remove and rename files too
    #[arg(long, conflicts_with = "read_only")]
    pub(crate) allow_remove: bool,
    /// Accept only clients that have a key listed in FILE; to revoke a key, delete its line
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) key: Option<PathBuf>,
    /// Accept clients from other machines without keys and without encryption
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Maximum number of clients at the same time; further clients get the error "busy"
    #[arg(long, value_name = "N", default_value = "64", value_parser = count)]
    pub(crate) clients: usize,
    /// The same for clients from one address (IPv6: from one /64 network)
    #[arg(long, value_name = "N", default_value = "32", value_parser = count)]
    pub(crate) clients_per_address: usize,
    /// Disconnect a client that has not completed the handshake after SECONDS
    #[arg(long, alias = "greeting", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) handshake_timeout: Duration,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Store a file whose name another file has as NAME~1, NAME~2 and so on, unless it is the same
    #[arg(long, conflicts_with = "no_replace")]
    pub(crate) keep_both: bool,
    /// Accept symbolic links; their targets must be relative and inside the transferred tree. No link is
    /// followed
    #[arg(long)]
    pub(crate) links: bool,
    #[command(flatten)]
    pub(crate) unsafe_links: UnsafeLinksArg,
    /// Maximum total size of partial files; the server removes the oldest ones first
    #[arg(long, value_name = "BYTES", default_value = "1T", value_parser = bytes)]
    pub(crate) max_partials: u64,
    /// Refuse files that would leave less free space than this in their file system
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = bytes)]
    pub(crate) reserve: u64,
    /// Disconnect a client after SECONDS without a request; 0: never
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) idle: Duration,
    /// When the server shuts down, let active transfers continue for SECONDS
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) grace: Duration,
    /// Send to each client, and receive from it, at most RATE, in bytes a second
    #[arg(long = "limit", value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<NonZeroU64>,
    /// When to sync received files to storage
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub(crate) sync: SyncArg,
    #[cfg(unix)]
    #[command(flatten)]
    pub(crate) on_file: super::OnFileArgs,
    /// Answer HTTP requests for /metrics at URL, tcp://127.0.0.1:PORT, with the numbers of the server in the text
    /// format of Prometheus
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) metrics: Option<String>,
    /// Write the log in this format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log: LogFormat,
    /// Remove partial files that were not written to for DAYS; 0: never
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = days)]
    pub(crate) keep_partials: Duration,
}

/// The address of a TCP endpoint.
fn address(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Endpoint::Tcp(tcp)) if !tcp.lossy => Ok(tcp.address),
        _ => Err("it is no tcp://HOST:PORT".to_owned()),
    }
}

impl ServeArgs {
    /// Whether it serves the terminal that it was started on.
    pub(crate) fn is_on_terminal(&self) -> bool {
        self.stdio && Endpoint::Stdio.is_terminal()
    }

    /// Whether another program has started it.
    pub(crate) fn is_started(&self) -> bool {
        self.stdio && !self.is_on_terminal()
    }
}
