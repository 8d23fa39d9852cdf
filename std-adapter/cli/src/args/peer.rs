//! The options of a connection, completed by the configuration file.

use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, ValueHint};
use tinyferry::Endpoint;
use tinyferry::client::{self, Client, ClientBuilder, Error};

use crate::config::{Config, Connection};
use crate::console::{Console, Place, lacks_console};
use crate::exit::{CliError, Exit};
use crate::json;
use crate::message::{Context, Task};
use crate::output::{is_quiet, remark};
use crate::rounds;
use crate::units::{rate, timeout};

/// The variable that names the server.
pub(crate) const ENDPOINT: &str = "TINYFERRY_ENDPOINT";

#[derive(Debug, Clone, clap::Args)]
struct PeerArgs {
    /// The server: tcp://HOST:PORT, unix:///PATH, serial:///DEVICE, serial://usb:VENDOR:PRODUCT,
    /// serial://sn:SERIAL_NUMBER, serial: (the only port; see the command ports) or exec:COMMAND; repl: in place of
    /// serial: is a board with MicroPython or CircuitPython, where nothing is installed; in short
    /// HOST, HOST:PORT, USER@HOST:DIR (over SSH), /dev/ttyUSB0 or COM3; @NAME is one of the configuration
    /// file [default: that of the configuration file, or tcp://127.0.0.1:8080]
    #[arg(short, long, value_name = "URL", env = ENDPOINT)]
    endpoint: Option<String>,
    /// Encrypt with the key in FILE
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Connect without a key to a server on another machine: others can read and change the data
    #[arg(long, conflicts_with = "key")]
    insecure: bool,
    /// The file with the public keys of known servers, for a key pair [default:
    /// ~/.config/tinyferry/known_hosts]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
    /// Accept the public key of a server that is not in the file of known servers, and add it there
    #[arg(long)]
    accept_new: bool,
    /// Give up when the server has not answered for SECONDS; once a put, get or ls has begun: for 10 times
    /// SECONDS, on a lossy line for twice SECONDS [default: 30; while connecting over TCP: 10] [at most
    /// 2 days]
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    timeout: Option<Duration>,
    /// Show the text that a board prints between frames on a lossy line, such as its log, above the progress; with
    /// =FILE write it there as it comes, "-" is standard output
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = OsStringValueParser::new().map(Place::of),
        value_hint = ValueHint::AnyPath,
    )]
    console: Option<Place>,
}

// The tries of a command.
#[derive(Debug, clap::Args)]
pub(crate) struct RetryArg {
    /// If the connection fails, connect again and continue, up to N times without progress; also if the
    /// first connection fails [default: 8 on a terminal and on a serial line after the server has answered
    /// once, otherwise 0]
    #[arg(long = "retry", value_name = "N")]
    pub(crate) tries: Option<u32>,
}

// The options of the connections of a transfer.
#[derive(Debug, clap::Args)]
pub(crate) struct TransferArgs {
    #[command(flatten)]
    pub(crate) retry: RetryArg,
    /// Send and receive at most RATE, in bytes a second
    #[arg(long = "limit", value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<NonZeroU64>,
}

/// The server of a client, and how to connect to it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    connection: Connection,
    accept_new: bool,
    /// The place of the text of a lossy line, and its file once that is open.
    console: Option<(Place, OnceLock<Console>)>,
    options: PeerArgs,
    /// The origin of the endpoint; `None`: it is the default one.
    origin: Option<ValueSource>,
}

impl PeerArgs {
    /// Adds the settings of the configuration file. Options take precedence over the settings of an endpoint,
    /// and these over the defaults. `origin`: that of the endpoint.
    fn complete(self, config: &Config, origin: Option<ValueSource>) -> Result<Peer, CliError> {
        let options = self.clone();
        let Self { endpoint, key, insecure, known_hosts, accept_new, timeout, console } = self;
        let found = config.endpoint(endpoint.as_deref());
        let (endpoint, settings) = found.map_err(|problem| match origin {
            Some(ValueSource::EnvVariable) => {
                CliError::new(problem.exit, format!("{ENDPOINT}: {problem}"))
            }
            _ => problem,
        })?;
        let mut connection = Connection { key, insecure: None, known_hosts, timeout }.or(settings);
        if insecure {
            connection.key = None;
            connection.insecure = Some(true);
        }
        if console.is_some()
            && let Some(why) = lacks_console(&endpoint)
        {
            return Err(CliError::new(Exit::Usage, format!("{why}; leave out --console")));
        }
        let console = console.map(|place| (place, OnceLock::new()));
        Ok(Peer { endpoint, connection, accept_new, console, options, origin })
    }
}

impl FromArgMatches for Peer {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let arguments = PeerArgs::from_arg_matches(matches)?;
        let origin = matches.value_source("endpoint");
        let peer = Config::read().and_then(|config| arguments.complete(&config, origin));
        peer.map_err(|problem| {
            super::Args::command().error(ErrorKind::ValueValidation, problem.to_string())
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Peer {
    fn augment_args(command: clap::Command) -> clap::Command {
        PeerArgs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        PeerArgs::augment_args_for_update(command)
    }
}

/// A client. At its end its traffic is counted.
pub(crate) struct Connected(Client);

impl Deref for Connected {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl DerefMut for Connected {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.0
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        json::count_traffic(self.traffic());
    }
}

impl Peer {
    /// The server that a path names, with the other options; `text`: the path as it was typed.
    pub(super) fn named(&self, endpoint: String, text: &str) -> Result<Self, CliError> {
        if self.origin == Some(ValueSource::CommandLine) {
            let sentence = format!(
                "-e and \"{0}\" name two servers; a file of that name is \"./{0}\"",
                text.escape_debug()
            );
            return Err(CliError::new(Exit::Usage, sentence));
        }
        let options = PeerArgs { endpoint: Some(endpoint), ..self.options.clone() };
        options.complete(&Config::read()?, Some(ValueSource::CommandLine))
    }

    /// Connects with these options for a task; `sha256`: content is verified by SHA-256 too.
    pub(crate) fn connect(&self, task: Task, sha256: bool) -> Result<Connected, CliError> {
        crate::signals::before_end(task, self.has_resources())?;
        let failed = |error| Context::new(task, &self.endpoint, false, "").error(&error);
        self.client(sha256, None).map_err(failed)
    }

    /// Whether the library has to release something before the program ends: a command or a port.
    pub(crate) fn has_resources(&self) -> bool {
        matches!(
            self.endpoint,
            Endpoint::Exec(_) | Endpoint::Ssh(_) | Endpoint::Serial(_) | Endpoint::Repl(_)
        )
    }

    /// A connection with these options; `rate`: the limit of its bandwidth, in bytes a second.
    pub(crate) fn client(
        &self,
        sha256: bool,
        rate: Option<NonZeroU64>,
    ) -> Result<Connected, Error> {
        let mut client = self.builder(rate).sha256(sha256);
        if let Some(console) = self.console()? {
            client = client.on_text(move |bytes| console.text(bytes));
        }
        client.connect().map(Connected)
    }

    /// The options of a connection; `rate`: the limit of its bandwidth, in bytes a second.
    fn builder(&self, rate: Option<NonZeroU64>) -> ClientBuilder {
        let Connection { key, insecure, known_hosts, timeout } = &self.connection;
        let mut client = Client::builder(self.endpoint.clone())
            .insecure(*insecure == Some(true))
            .accept_new(self.accept_new);
        // A banner that nobody has seen is a part of the error.
        if !is_quiet() {
            client = client.on_banner(banner());
        }
        if let Some(file) = key {
            client = client.key_file(file);
        }
        if let Some(timeout) = timeout {
            client = client.timeout(*timeout);
        }
        if let Some(rate) = rate {
            client = client.rate_limit(rate);
        }
        if let Some(file) = known_hosts {
            client = client.known_hosts(file);
        }
        client
    }

    /// Checks that the server may have a console, and that its text goes to standard output.
    pub(crate) fn check_console(&self) -> Result<(), CliError> {
        let is_given = self.console.as_ref().map(|_| {
            "the text goes to standard output; leave out --console, or redirect the output"
                .to_owned()
        });
        match lacks_console(&self.endpoint).or(is_given) {
            Some(why) => Err(CliError::new(Exit::Usage, why)),
            None => Ok(()),
        }
    }

    /// Opens the console of a board, without a session.
    pub(crate) fn open_console(&self) -> Result<client::Console, Error> {
        self.builder(None).console()
    }

    /// The console of all connections.
    fn console(&self) -> Result<Option<Console>, Error> {
        let Some((place, console)) = &self.console else { return Ok(None) };
        if console.get().is_none() {
            let _ = console.set(Console::open(place).map_err(Error::Local)?);
        }
        Ok(console.get().cloned())
    }

    /// Whether the text of a board goes to standard output.
    pub(crate) fn prints_console(&self) -> bool {
        matches!(&self.console, Some((Place::Output, _)))
    }

    /// The circumstances of an error of `client`; `name`: the quoted name of the request, or empty.
    pub(crate) fn context(&self, task: Task, client: &Client, name: &str) -> Context {
        Context::new(task, &self.endpoint, client.traffic().received > 0, name)
    }
}

/// Prints the lines that come before the handshake, unless the round before has printed them.
fn banner() -> impl FnMut(&str) + Send + 'static {
    let mut has_begun = false;
    move |line| {
        if !rounds::is_new(&format!("before the handshake: {line}")) {
            return;
        }
        if !std::mem::replace(&mut has_begun, true) {
            remark(format_args!("tinyferry: the command printed this before the handshake:"));
        }
        remark(format_args!("  {line}"));
    }
}
