//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::core::path::is_sound;
use tinyferry::directory::{Limits, Sync};
use tinyferry::secure::{ClientKey, KeyFile, KnownHosts, NoKeys, Protection};

use super::exit::{Exit, Problem};

/// Moves files and directory trees over any byte stream.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more on stderr; twice for still more
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
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) clients: usize,
    /// Clients at once from one address
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) clients_per_address: usize,
    /// Let a client go that has not greeted, or shaken hands, after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) greeting: Duration,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Keep so many bytes at most of what transfers that broke off have left
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
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
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    max_file: u64,
    /// Take no more files and directories in one tree
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_entries: u64,
    /// Take no path of more names
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_depth: usize,
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

fn days(text: &str) -> Result<Duration, String> {
    let days: f64 = text.parse().map_err(|_| "it is no number of days".to_owned())?;
    length(days * 86_400.0)
}

/// Longer than a century nobody waits, and no clock could add it.
fn length(seconds: f64) -> Result<Duration, String> {
    let length = Duration::try_from_secs_f64(seconds).ok();
    let length = length.filter(|length| length.as_secs() < 100 * 366 * 86_400);
    length.ok_or_else(|| "it is no length of time".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds".to_owned())?;
    length(seconds)
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
        Ok(Client::connect_protected(&self.endpoint, config, &self.protection()?)?)
    }
}

/// A remote path as a person writes it: `.`, `./a`, `/a` and `a/` are understood.
pub(crate) fn remote_path(text: &str) -> String {
    let names = text.split('/').filter(|name| !name.is_empty() && *name != ".");
    names.collect::<Vec<_>>().join("/")
}

/// The same, of something that is asked for.
pub(crate) fn asked_path(text: &str) -> Result<String, Problem> {
    let path = remote_path(text);
    if is_sound(&path) {
        return Ok(path);
    }
    let sentence = format!(
        "\"{}\" cannot be asked for: it must be relative, without \"..\" or control characters",
        text.escape_debug()
    );
    Err(Problem::new(Exit::Usage, sentence))
}

/// Two of the paths would come to the same name.
pub(crate) fn clash(name: &str) -> Problem {
    let sentence = format!("two of the paths would both be \"{}\"", name.escape_debug());
    Problem::new(Exit::Usage, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn remote_paths_are_tidied_but_never_resolved() {
        let cases = [(".", ""), ("/", ""), ("./a/", "a"), ("/a//b/.", "a/b"), ("a/../b", "a/../b")];
        for (text, path) in cases {
            assert_eq!(remote_path(text), path);
        }
    }
}
