//! The options of a client.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tinyferry_core::Config;

use super::{Client, Console, Error};
use crate::auth::{AuthError, ClientKey, KeyFile, KnownHosts, Protection};
use crate::client::connection::TextListener;
use crate::client::timeouts::Timeouts;
use crate::endpoint::Endpoint;
use crate::fs::{Event, Limits, Observer, Policy, Sync};
use crate::transport::banner::Listener;
use crate::transport::clock::milliseconds;

/// The shortest timeout; 0 would mean that there is none.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// The longest timeout: 10 times as long fits into half the range of a session's clock, 24 days.
const MAX_TIMEOUT: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Options for a connection; made by [`Client::builder`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    pub(crate) endpoint: Endpoint,
    pub(crate) config: Config,
    pub(crate) sync: Sync,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) events: Events,
    pub(crate) timeouts: Timeouts,
    /// The limit of the bandwidth, in bytes a second.
    pub(crate) rate: Option<NonZeroU64>,
    pub(crate) banner: Listener,
    pub(crate) text: TextListener,
    key: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    accepts_new: bool,
    is_insecure: bool,
}

impl ClientBuilder {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            config: endpoint.config(),
            endpoint,
            sync: Sync::default(),
            limits: Limits::default(),
            policy: Policy::default(),
            events: Events::default(),
            timeouts: Timeouts::default(),
            rate: None,
            banner: Listener::default(),
            text: TextListener::default(),
            key: None,
            known_hosts: None,
            accepts_new: false,
            is_insecure: false,
        }
    }

    /// Encrypts with the shared key or the key pair in this file.
    pub fn key_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.key = Some(file.into());
        self
    }

    /// The file with the public keys of servers; the usual one of this user if it is not called.
    pub fn known_hosts(mut self, file: impl Into<PathBuf>) -> Self {
        self.known_hosts = Some(file.into());
        self
    }

    /// Whether a server that is not known yet is added to the known hosts instead of being an error.
    pub fn accept_new(mut self, accepts: bool) -> Self {
        self.accepts_new = accepts;
        self
    }

    /// Whether a server on another machine may be used without encryption.
    pub fn insecure(mut self, is_insecure: bool) -> Self {
        self.is_insecure = is_insecure;
        self
    }

    /// The values for the handshake, instead of those of [`Endpoint::config`]. To be called before
    /// [`ClientBuilder::timeout`] and [`ClientBuilder::sha256`], which change some of them.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The time to wait for a server that does not answer, in each step: while it connects, in the
    /// handshake, and for the answer to a request. Once the transfer or list of a task has begun, a server
    /// that sends nothing is waited for 10 times as long, on a lossy line twice as long; one that sends
    /// frames without progress twice as long. The default is 30 seconds, and 10 for a connection attempt
    /// over TCP.
    ///
    /// A timeout below 1 millisecond counts as that, one above 2 days as 2 days. To be called after
    /// [`ClientBuilder::config`], which replaces the timeout of the session.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        let timeout = timeout.clamp(MIN_TIMEOUT, MAX_TIMEOUT);
        self.config.timeout = milliseconds(timeout);
        self.timeouts = Timeouts { connect: timeout, handshake: timeout };
        self
    }

    /// Limits the bandwidth, in bytes a second, in each direction by itself; of an encrypted connection before
    /// encryption. A limit below 1024 counts as that. By default there is none.
    pub fn rate_limit(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.rate = Some(bytes_per_second);
        self
    }

    /// Whether content is verified by SHA-256 too. No content is transferred to or from a server
    /// without it.
    pub fn sha256(mut self, is_wanted: bool) -> Self {
        self.config.sha256 = is_wanted;
        self
    }

    /// When received files are made durable.
    pub fn sync(mut self, sync: Sync) -> Self {
        self.sync = sync;
        self
    }

    /// The limits of [`Client::get`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How [`Client::get`] stores files.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Calls `observer` for each event of [`Client::put`] and [`Client::get`], on the thread that
    /// called them. `Event::Moved` comes with each chunk. A request that fails as a whole is an error of the
    /// call, and may have no event.
    ///
    /// ```no_run
    /// use tinyferry::client::Client;
    /// use tinyferry::fs::Event;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::builder("tcp://127.0.0.1:8080".parse()?)
    ///     .on_event(|event| match event {
    ///         Event::Done { path, size, .. } => println!("{}: {size} bytes", path.escape_debug()),
    ///         Event::Failed { path, reason, .. } => eprintln!("{}: {reason}", path.escape_debug()),
    ///         _ => {}
    ///     })
    ///     .connect()?;
    /// client.put("photos", "inbox/photos")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_event(mut self, observer: impl FnMut(Event<'_>) + Send + 'static) -> Self {
        self.events = Events(Some(Arc::new(Mutex::new(observer))));
        self
    }

    /// Calls `listener` with each line of the text that a command (`exec:`, SSH) prints before the first frame of
    /// its server: a message of the day, a warning of a shell. The lines are escaped; there are at most 20, with 4
    /// KiB in all, and a last one with the number of further bytes. More than 64 KiB of text are an error.
    pub fn on_banner(mut self, listener: impl FnMut(&str) + Send + 'static) -> Self {
        self.banner = Listener::new(listener);
        self
    }

    /// Calls `listener` with the text that the other end of a lossy link prints between frames, such as the log of
    /// a board, as it comes: each byte once and in order, on the thread that called a task. Text comes only while a
    /// task runs. Bytes of damaged frames are left out, as far as they can be recognised (R98 of the
    /// [protocol](tinyferry_core::protocol)). The bytes are hostile: escape them before showing.
    pub fn on_text(mut self, listener: impl FnMut(&[u8]) + Send + 'static) -> Self {
        self.text = TextListener::new(listener);
        self
    }

    /// Connects. The first task sends the handshake of the session.
    ///
    /// # Errors
    /// [`Error::Connect`], and [`Error::Secure`]: a key file that cannot be used, a server that does
    /// not prove its key, or a server on another machine without a key.
    pub fn connect(self) -> Result<Client, Error> {
        Client::open(self)
    }

    /// Opens the line as the console of a board: no session begins.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub fn console(self) -> Result<Console, Error> {
        Console::open(&self)
    }

    pub(crate) fn protection(&self) -> Result<Protection, Error> {
        let Some(file) = &self.key else {
            return Ok(if self.is_insecure { Protection::Insecure } else { Protection::Local });
        };
        let hosts = self.known_hosts.clone().or_else(KnownHosts::usual_file);
        let hosts = hosts.map(|file| KnownHosts { file, accept_new: self.accepts_new });
        let key = ClientKey::new(&KeyFile::new(file), hosts);
        key.map(Protection::Key)
            .map_err(|error| Error::Secure(self.endpoint.clone(), AuthError::Keys(error)))
    }
}

type Callback = dyn FnMut(Event<'_>) + Send;

/// The observer of a client's own stores.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Arc<Mutex<Callback>>>);

impl Observer for Events {
    fn event(&mut self, event: Event<'_>) {
        if let Some(observer) = &self.0 {
            (observer.lock().unwrap_or_else(PoisonError::into_inner))(event);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Events(observed)" } else { "Events" })
    }
}
