//! The command line's arguments.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueHint};

mod documents;
mod filter;
mod help;
mod json;
mod limits;
mod links;
mod manage;
mod mirror;
#[cfg(unix)]
mod on_file;
mod other_programs;
mod partials;
mod peer;
mod ping;
mod policy;
mod ports;
mod read;
mod serve;
mod skip;
mod sync;
mod target;

pub(crate) use self::documents::{CompletionsArgs, ManpagesArgs};
pub(crate) use self::filter::DeleteArgs;
use self::filter::FilterArgs;
use self::help::LongHelpArg;
pub(crate) use self::json::JsonArg;
use self::limits::LimitArgs;
use self::links::{LinkArgs, UnsafeLinksArg};
pub(crate) use self::manage::{DfArgs, MkdirArgs, MvArgs, RmArgs};
pub(crate) use self::mirror::{Mirror, MirrorArgs};
#[cfg(unix)]
pub(crate) use self::on_file::{OnFileArgs, OnFileRunnerArgs};
pub(crate) use self::partials::PartialsArgs;
pub(crate) use self::peer::{Connected, ENDPOINT, Peer, RetryArg, TransferArgs};
pub(crate) use self::ping::{CloseArgs, ConsoleArgs, PingArgs};
use self::policy::PolicyArgs;
pub(crate) use self::ports::PortsArgs;
pub(crate) use self::read::command;
use self::read::{complete, complete_put};
pub(crate) use self::serve::ServeArgs;
use self::skip::SkipArgs;
pub(crate) use self::sync::SyncArg;
pub(crate) use self::target::{check_here, check_no_server};
use crate::exit::EXIT_CODES;
use crate::stream::Output;

/// Moves files and directory trees over any byte stream.
#[derive(Debug, Parser)]
#[command(name = "tinyferry", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print more on stderr: each file and up to 1000 failures; given twice, each start of a file too
    #[arg(short, long, global = true, display_order = 900, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print errors and requested lists only
    #[arg(short, long, global = true, display_order = 901, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Serve a directory to clients
    ///
    /// The server prints its connections, requests and single files on stderr; with -v each file of a tree too.
    Serve(ServeArgs),
    /// Send files and directories to a server
    Put(PutArgs),
    /// Make a directory on a server equal to a local one, or with --get the other way round: a put or get
    /// with --update --delete of its content
    Mirror(MirrorArgs),
    /// Receive files and directories from a server
    Get(GetArgs),
    /// List the files of a server
    Ls(LsArgs),
    /// Remove files and empty directories, or with -r directories with their entries, from a server, which must
    /// allow it (--allow-remove)
    Rm(RmArgs),
    /// Rename a file or a directory on a server, which must allow it (--allow-remove)
    Mv(MvArgs),
    /// Make directories on a server
    Mkdir(MkdirArgs),
    /// Print the free and the total space of a server's file system
    Df(DfArgs),
    /// Test whether a server answers, and print the response time; with -v its features and free space too
    Ping(PingArgs),
    /// Print the text of a board while no transfer runs, and send the keyboard's input to it, until Ctrl-]
    Console(ConsoleArgs),
    /// Ask a server to shut down, which it must allow (--allow-close)
    Close(CloseArgs),
    /// List the serial ports of this machine, with their USB devices
    Ports(PortsArgs),
    /// Create a key file
    Keygen(KeygenArgs),
    /// Print the settings of the configuration file, and where it is
    Config,
    /// Run the command of serve --on-file
    #[cfg(unix)]
    #[command(hide = true)]
    OnFileRunner(OnFileRunnerArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages into a directory
    Manpages(ManpagesArgs),
    /// List the partial files that interrupted transfers left in a directory
    Partials(PartialsArgs),
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct KeygenArgs {
    /// The file to create; with --pair also FILE.pub
    pub(crate) file: PathBuf,
    /// Create a key pair: FILE is the private key, FILE.pub the public key for the other end
    #[arg(long)]
    pub(crate) pair: bool,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete_put)]
pub(crate) struct PutArgs {
    /// Files and directories to send; "DIR/." is the content of DIR, "-" is standard input (with --as). A
    /// symbolic link given here is followed, one inside a directory is not (--links)
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The directory to send them to, relative to the server's directory, also if it begins with "/"
    #[arg(long, value_name = "REMOTE_DIR")]
    pub(crate) to: Option<String>,
    /// Store the only PATH under NAME, a path below the directory of --to
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Verify each file with SHA-256 too, and print the digests for "sha256sum --check" in the server's
    /// directory: the names are those on the server
    #[arg(long)]
    pub(crate) sha256: bool,
    /// Stay and send the changes of the paths as they happen, until Ctrl-C; with --retry also wait for a server
    /// that is lost
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) delete: DeleteArgs,
    #[command(flatten)]
    pub(crate) skip: SkipArgs,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
    /// The only path is a directory of which the user did not type the "/." at its end
    #[arg(skip)]
    pub(crate) is_mirror: bool,
    #[command(flatten)]
    pub(crate) links: LinkArgs,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct GetArgs {
    /// Files and directories on the server; "." is its whole directory. A path is relative to that
    /// directory, also if it begins with "/"
    #[arg(required = true, value_name = "REMOTE")]
    pub(crate) paths: Vec<String>,
    /// The local directory to save them in [default: .]
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Save the only REMOTE under NAME, a path below the directory of --into
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Save the only REMOTE as FILE, in a directory that exists; "-" writes the content of a file to standard
    /// output, as it arrives
    #[arg(
        short,
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().map(Output::of),
        value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["name", "into"],
    )]
    pub(crate) output: Option<Output>,
    /// Wait for further content at the end of the only REMOTE, a file that grows, and write it to standard output,
    /// or with -o to the end of FILE, as it arrives, until Ctrl-C
    #[arg(long, conflicts_with_all = ["name", "into", "sha256"])]
    pub(crate) follow: bool,
    /// Verify each file with SHA-256 too, and print the digests for "sha256sum --check" in the directory
    /// of --into: the names are those there
    #[arg(long)]
    pub(crate) sha256: bool,
    /// When to sync received files to storage
    #[arg(long, value_name = "WHEN", default_value = "end")]
    pub(crate) sync: SyncArg,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) delete: DeleteArgs,
    #[command(flatten)]
    pub(crate) skip: SkipArgs,
    /// Of a directory only the content is received, into the directory of `into`
    #[arg(skip)]
    pub(crate) is_content: bool,
    #[command(flatten)]
    pub(crate) links: LinkArgs,
    #[command(flatten)]
    pub(crate) unsafe_links: UnsafeLinksArg,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Store a file whose name another file has as NAME~1, NAME~2 and so on, unless it is the same; not with
    /// --delete, which removes files that the server does not have, such as NAME~1
    #[arg(long, conflicts_with_all = ["no_replace", "delete"])]
    pub(crate) keep_both: bool,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, clap::Args)]
#[command(mut_args = complete, disable_help_flag = true)]
pub(crate) struct LsArgs {
    /// A file or directory on the server, relative to its directory, also if it begins with "/"
    ///
    /// Each line has a size in bytes and a name: of a directory the names of its entries, with -R their
    /// paths below it, of a file its own last name. A link is shown as NAME -> TARGET. Special
    /// files, entries whose names cannot be sent, and entries of unreadable directories are only counted.
    #[arg(value_name = "REMOTE", default_value = ".")]
    pub(crate) path: String,
    /// List subdirectories too
    #[arg(short = 'R', long, conflicts_with = "depth")]
    pub(crate) recursive: bool,
    /// List N levels of directories
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) depth: u8,
    /// Show permission bits, size in bytes and time (UTC) too
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) long: bool,
    /// Show sizes with units: 374 B, 2.86 MiB
    #[arg(short = 'h', long, conflicts_with = "json")]
    pub(crate) human_readable: bool,
    #[command(flatten)]
    help: LongHelpArg,
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    #[command(flatten)]
    pub(crate) json: JsonArg,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[cfg(test)]
mod tests;
