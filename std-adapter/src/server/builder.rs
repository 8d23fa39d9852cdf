//! The options of a server.

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::place::Served;
use super::{BoundSocket, Server};
use crate::auth::{AccessPolicy, KeyFile};
use crate::endpoint::Endpoint;
use crate::fs::{Limits, Policy, Rights, Sync};

/// The options of a server.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) access: AccessPolicy,
    pub(crate) clients: usize,
    pub(crate) clients_per_address: usize,
    pub(crate) rights: Rights,
    pub(crate) may_close: bool,
    /// The longest time until a client has sent its handshake and proven its key.
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle: Duration,
    pub(crate) grace: Duration,
    /// The limit of the bandwidth of each client, in bytes a second.
    pub(crate) rate: Option<NonZeroU64>,
    pub(crate) sync: Sync,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    /// Zero: without a limit.
    pub(crate) keep_partials: Duration,
    #[cfg(unix)]
    pub(crate) journal: Option<crate::server::Journal>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: AccessPolicy::default(),
            clients: 64,
            clients_per_address: 32,
            rights: Rights { read: true, write: true, remove: false },
            may_close: false,
            handshake_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(10),
            rate: None,
            sync: Sync::default(),
            limits: Limits::default(),
            policy: Policy::default(),
            keep_partials: Duration::from_secs(7 * 86_400),
            #[cfg(unix)]
            journal: None,
        }
    }
}

/// Options for a server; made by [`Server::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ServerBuilder {
    pub(crate) served: Served,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) sockets: Vec<Arc<BoundSocket>>,
    pub(crate) options: Options,
}

impl ServerBuilder {
    pub(crate) fn new(served: Served) -> Self {
        let (endpoints, sockets) = (Vec::new(), Vec::new());
        Self { served, endpoints, sockets, options: Options::default() }
    }

    /// Listens at a socket that listens already, beside those of the other calls.
    pub fn listen_at(mut self, socket: BoundSocket) -> Self {
        self.sockets.push(Arc::new(socket));
        self
    }

    /// Listens at this endpoint, and at those of the other calls. Without a call of this method and of
    /// [`listen_at`](Self::listen_at) the server listens at [`Endpoint::default`].
    pub fn listen(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Accepts only clients with a key of this file, with the rights that the file gives the key. The
    /// file is read for each client: a line that was removed is a key that was revoked.
    pub fn key_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.access = AccessPolicy::Keys(KeyFile::new(file));
        self
    }

    /// Whether the server may listen without keys where other machines can reach it. It has no effect
    /// on a server with a key file.
    pub fn insecure(mut self, is_insecure: bool) -> Self {
        let access = &mut self.options.access;
        match (&*access, is_insecure) {
            (AccessPolicy::Local, true) => *access = AccessPolicy::Insecure,
            (AccessPolicy::Insecure, false) => *access = AccessPolicy::Local,
            _ => {}
        }
        self
    }

    /// The rights of all clients. A key cannot have more, but for the right to remove: it is enough that
    /// the server or the key has it.
    pub fn rights(mut self, rights: Rights) -> Self {
        self.options.rights = rights;
        self
    }

    /// Whether every client may end the server (`CLS`, "close"). Otherwise only a client whose key has the right
    /// may.
    pub fn allow_close(mut self, is_allowed: bool) -> Self {
        self.options.may_close = is_allowed;
        self
    }

    /// The largest number of clients at once, at all endpoints; the default is 64. A further one is refused
    /// as busy. The system's limit of open files may allow fewer.
    pub fn clients(mut self, count: usize) -> Self {
        self.options.clients = count;
        self
    }

    /// The largest number of clients at once from one IPv4 address or one IPv6 network of 64 bits; the
    /// default is 32.
    pub fn clients_per_address(mut self, count: usize) -> Self {
        self.options.clients_per_address = count;
        self
    }

    /// The longest time until a client has sent its handshake and proven its key; 10 s by default.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// The longest time without a request; 300 s by default. Zero: without a limit.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle = timeout;
        self
    }

    /// How long active transfers may continue when the server ends; 10 s by default.
    pub fn grace_period(mut self, period: Duration) -> Self {
        self.options.grace = period;
        self
    }

    /// Limits the bandwidth of each client, in bytes a second, in each direction by itself; of an encrypted
    /// connection before encryption. A limit below 1024 counts as that. By default there is none.
    pub fn rate_limit(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.options.rate = Some(bytes_per_second);
        self
    }

    /// When received files are made durable.
    pub fn sync(mut self, sync: Sync) -> Self {
        self.options.sync = sync;
        self
    }

    /// How much clients may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// How clients' files are stored.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.options.policy = policy;
        self
    }

    /// How long the partials of broken transfers are kept for a resume; 7 days by default. Zero: for
    /// ever.
    pub fn keep_partials(mut self, period: Duration) -> Self {
        self.options.keep_partials = period;
        self
    }

    /// Records each file that a client sends, for a program that handles it. Not with
    /// [`Existing::KeepBoth`](crate::fs::Existing::KeepBoth): after a kill a file is searched for under its own name.
    #[cfg(unix)]
    pub fn journal(mut self, journal: crate::server::Journal) -> Self {
        self.options.journal = Some(journal);
        self
    }

    /// Opens the directory and listens at all endpoints.
    ///
    /// # Errors
    /// Those of the system, naming the directory or the endpoint; a key file that cannot be used; an
    /// address that other machines can reach, without keys and without
    /// [`insecure`](ServerBuilder::insecure).
    pub fn bind(self) -> io::Result<Server> {
        Server::open(self)
    }
}
