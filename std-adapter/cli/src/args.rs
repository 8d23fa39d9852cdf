//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use tinyferry::Endpoint;
use tinyferry::auth::{ClientKey, KeyFile, KnownHosts, NoKeys, Protection};
use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Limits, Sync};

use crate::exit::{EXIT_CODES, Exit, Problem};
use crate::units::{bytes, days, seconds, some};

/// Moves files and directory trees over any byte stream.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say on stderr what is connected to and what becomes of each file; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a directory to any number of clients
    Serve(ServeArgs),
    /// Send files and directories to a server
    Put(PutArgs),
    /// Fetch files and directories from a server
    Get(GetArgs),
    /// List what a server has
    Ls(LsArgs),
    /// See whether a server answers, and how fast
    Ping(Peer),
    /// Ask a server to end
    Close(Peer),
    /// Make a key
    Keygen(KeygenArgs),
    /// List what transfers that broke off have left in a directory
    Partials(PartialsArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Peer {
    /// Where the server is
    #[arg(short, long, value_name = "URL", default_value_t)]
    pub(crate) endpoint: Endpoint,
    /// Encrypt, with the key in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Go without a key where others could read and change what is sent
    #[arg(long, conflicts_with = "key")]
    pub(crate) insecure: bool,
    /// Where the public keys of servers are kept, for a key pair
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// Take a server that is not known for what it says, and remember it
    #[arg(long)]
    pub(crate) accept_new: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeygenArgs {
    /// The file to make; for a key pair, FILE.pub as well
    pub(crate) file: PathBuf,
    /// A key pair: the other end knows the public half only
    #[arg(long)]
    pub(crate) pair: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The directory to serve; nothing outside it can be reached
    pub(crate) directory: PathBuf,
    /// Where to listen; may be given more than once
    #[arg(short, long, value_name = "URL", default_values_t = [Endpoint::default()])]
    pub(crate) listen: Vec<Endpoint>,
    /// Serve who started this, by standard input and output, instead of listening
    #[arg(long, conflicts_with = "listen")]
    pub(crate) stdio: bool,
    /// Give files, take none
    #[arg(long, conflicts_with = "write_only")]
    pub(crate) read_only: bool,
    /// Take files, give none
    #[arg(long)]
    pub(crate) write_only: bool,
    /// Let clients end the server
    #[arg(long)]
    pub(crate) allow_close: bool,
    /// Let in who holds a key of this file, each on its own terms; a deleted line is a revoked key
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(crate) key: Option<PathBuf>,
    /// Let in whoever can reach the server, and encrypt nothing, even where others can
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Clients at once; one more is told that the server is busy
    #[arg(long, value_name = "N", default_value = "64", value_parser = some)]
    pub(crate) clients: usize,
    /// Clients at once from one address; of IPv6, from one network of 64 bits
    #[arg(long, value_name = "N", default_value = "32", value_parser = some)]
    pub(crate) clients_per_address: usize,
    /// Disconnect a client that has not greeted, or proven that it holds a key, after so many seconds in all
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) greeting: Duration,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Keep so many bytes at most of what transfers that broke off have left; the oldest goes first
    #[arg(long, value_name = "BYTES", default_value = "1T", value_parser = bytes)]
    pub(crate) max_partials: u64,
    /// Let a client go that asks for nothing for so many seconds; 0: never
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) idle: Duration,
    /// When the server ends, let transfers go on for so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) grace: Duration,
    /// When to make durable what came in
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub(crate) sync: SyncArg,
    /// Remove what transfers that broke off have left, after so many days; 0: never
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = days)]
    pub(crate) keep_partials: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PutArgs {
    /// Files and directories to send
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The server's directory to send them into
    #[arg(long, value_name = "REMOTE_DIR", default_value = "")]
    pub(crate) to: String,
    /// Verify by SHA-256 as well, and print it for each file as sha256sum does
    #[arg(long)]
    pub(crate) sha256: bool,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Take no file of more bytes
    #[arg(long, value_name = "BYTES", default_value = "1T", value_parser = bytes)]
    max_file: u64,
    /// Take no more files and directories in one tree
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_entries: u64,
    /// Take no path of more names
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_depth: usize,
}

impl Args {
    /// Reads the command line. A value that begins with `-` is one where a value is due.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::from_arg_matches(&command().try_get_matches()?)
    }
}

fn command() -> clap::Command {
    let takes_any = |arg: clap::Arg| {
        let is_option = !arg.is_positional() && arg.get_action().takes_values();
        arg.allow_hyphen_values(is_option)
    };
    Args::command().mut_subcommands(|subcommand| subcommand.mut_args(takes_any))
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        let Self { max_file: file, max_entries: entries, max_depth: depth } = *self;
        let mut limits = Limits::default();
        (limits.file, limits.entries, limits.depth) = (file, entries, depth);
        limits
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// Files and directories of the server; "." is all that it serves
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    /// The directory to put them into
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) into: PathBuf,
    /// Verify by SHA-256 as well, and print it for each file as sha256sum does
    #[arg(long)]
    pub(crate) sha256: bool,
    /// When to make durable what came in
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub(crate) sync: SyncArg,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// A file or directory of the server
    #[arg(value_name = "REMOTE", default_value = ".")]
    pub(crate) path: String,
    /// All that is below as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PartialsArgs {
    /// The directory to look into, and all below it
    pub(crate) directory: PathBuf,
    /// Only those that nobody has written to for so many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) older_than: Option<Duration>,
    /// Remove them as well; what they hold must then be sent again
    #[arg(long)]
    pub(crate) remove: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SyncArg {
    /// Once, at the end of a transfer
    End,
    /// After each file
    Each,
    /// Leave it to the system
    Never,
}

impl From<SyncArg> for Sync {
    fn from(when: SyncArg) -> Self {
        match when {
            SyncArg::End => Self::End,
            SyncArg::Each => Self::Each,
            SyncArg::Never => Self::Never,
        }
    }
}

impl Peer {
    /// How what goes to the server is protected.
    pub(crate) fn protection(&self) -> Result<Protection, Problem> {
        let keyless = |error: NoKeys| Problem::new(Exit::Local, error.to_string());
        match &self.key {
            Some(file) => {
                let file_of_hosts = self.known_hosts.clone().or_else(KnownHosts::usual_file);
                let accept_new = self.accept_new;
                let hosts = file_of_hosts.map(|file| KnownHosts { file, accept_new });
                let key = ClientKey::new(&KeyFile::new(file), hosts).map_err(keyless)?;
                Ok(Protection::Key(key))
            }
            None if self.insecure => Ok(Protection::Insecure),
            None => Ok(Protection::Local),
        }
    }

    /// Connects, on these terms.
    pub(crate) fn connect(&self, config: Config) -> Result<Client, Problem> {
        if matches!(self.endpoint, Endpoint::Exec(_)) {
            crate::signals::before_end(tinyferry::client::end_commands)?;
        }
        Ok(Client::connect_protected(&self.endpoint, config, &self.protection()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_value_may_begin_with_a_hyphen() {
        for subcommand in command().get_subcommands() {
            for argument in subcommand.get_arguments() {
                let takes = !argument.is_positional() && argument.get_action().takes_values();
                assert_eq!(argument.is_allow_hyphen_values_set(), takes, "{argument}");
            }
        }
        for words in [
            &["put", "f", "--to", "-d"][..],
            &["put", "f", "--to", "--to"],
            &["get", "f", "--into", "-"],
            &["put", "--key", "-k", "--", "-f"],
            &["serve", "-", "--key", "-k"],
        ] {
            let words = [&["tinyferry"], words].concat();
            assert!(command().try_get_matches_from(&words).is_ok(), "{words:?}");
        }
        assert!(command().try_get_matches_from(["tinyferry", "put", "-d"]).is_err());
    }
}
