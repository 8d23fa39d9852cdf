//! A server: any number of clients up to a limit, a thread and a store for each; on a serial line
//! one after the other, for ever.

mod accept;
mod access;
mod budget;
mod connection;
pub(crate) mod log;
mod preamble;
mod refuse;
mod registry;
mod root;
mod single;
pub(crate) mod throttle;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use crate::auth::Admission;
use crate::auth::CurrentKeys;
use crate::auth::Door;
use crate::endpoint::Endpoint;
use crate::fs::Limits;
use crate::fs::Rights;
use crate::fs::Sync;
use crate::fs::cleanup::leftovers;
use crate::transport::listener::Listener;
use crate::transport::listener::Waiter;
use crate::transport::tcp;
use crate::words::of_system;

use accept::accept;
use connection::{Host, Logs, Peer};
use registry::{Registry, Slots};
use root::Root;

/// What a server allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may come in.
    pub admission: Admission,
    /// Clients at once, at all endpoints; one more is told that the server is busy. The system's limit of
    /// open files may allow fewer.
    pub clients: usize,
    /// Clients at once from one address of the network; of IPv6, from one network of 64 bits.
    pub clients_per_address: usize,
    /// What clients may do with the directory; of what a key allows, that.
    pub rights: Rights,
    /// Whether clients may close the server, whatever their key allows.
    pub may_close: bool,
    /// How long a client may take in all to greet, or to shake hands and prove that it holds a key.
    pub greeting: Duration,
    /// How long a client may have nothing to ask.
    pub idle: Duration,
    /// How long transfers under way may go on when the server ends.
    pub grace: Duration,
    /// When what came in is made durable.
    pub sync: Sync,
    /// How much is taken.
    pub limits: Limits,
    /// How long what broke off is kept for a resume; zero: for ever.
    pub keep_partials: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            admission: Admission::default(),
            clients: 64,
            clients_per_address: 32,
            rights: Rights { read: true, write: true },
            may_close: false,
            greeting: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(10),
            sync: Sync::default(),
            limits: Limits::default(),
            keep_partials: Duration::from_secs(7 * 86_400),
        }
    }
}

/// How often old leftovers are looked for.
const CLEANING: Duration = Duration::from_secs(3600);

/// A server, bound to its endpoint.
pub struct Server {
    listener: Listener,
    endpoint: Endpoint,
    host: Host,
    /// Of the endpoints of one server, one looks for old leftovers.
    cleans: bool,
}

/// Ends a server from another thread, at all its endpoints.
#[derive(Clone)]
pub struct Stopper(Arc<Registry>);

impl Stopper {
    /// No client is accepted any more, idle ones are disconnected, the others have the grace period.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Server {
    /// Listens at `endpoint` and serves the directory that is at `root` when a client connects. It is
    /// open only while clients are connected, so that its file system can be unmounted between them; at a
    /// serial port it is open all the time, and while old partials are searched for (hourly).
    ///
    /// # Errors
    /// Those of the system, with what could not be done; keys that make no sense; an address that
    /// others can reach, where [`Options::admission`] does not allow that.
    pub fn bind(endpoint: &Endpoint, root: &Path, options: Options) -> io::Result<Self> {
        options.admission.check(endpoint)?;
        let host = Self::host(root, options)?;
        Self::listen(endpoint, host, true)
    }

    /// Listens at another endpoint too, on the same terms: clients are counted together, and what
    /// stops one stops both.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn bind_too(&self, endpoint: &Endpoint) -> io::Result<Self> {
        self.host.options.admission.check(endpoint)?;
        Self::listen(endpoint, self.host.clone(), false)
    }

    fn host(root: &Path, mut options: Options) -> io::Result<Host> {
        let root = Root::open(root)?;
        let keys = match &options.admission {
            Admission::Keys(file) => {
                access::check_keys(file, &*root.current()?)?;
                Some(Arc::new(CurrentKeys::read(file).map_err(io::Error::other)?))
            }
            Admission::Local | Admission::Anybody => None,
        };
        let budget = budget::share(options.clients);
        if budget.clients < options.clients {
            warn!(
                "{} clients are served at once, not {}: the limit of open files is {}",
                budget.clients, options.clients, budget.limit
            );
        }
        options.limits.descriptors = budget.descriptors;
        let slots = Slots {
            all: budget.clients,
            per_network: options.clients_per_address,
            handshakes: budget.handshakes,
        };
        let registry = Arc::new(Registry::new(slots));
        let (root, logs) = (Arc::new(root), Arc::new(Logs::new()));
        Ok(Host { root, options, keys, registry, logs })
    }

    fn listen(endpoint: &Endpoint, host: Host, cleans: bool) -> io::Result<Self> {
        let listener = Listener::bind(endpoint).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen at {endpoint}: {}", of_system(&error)),
            )
        })?;
        let endpoint = listener.endpoint()?;
        Ok(Self { listener, endpoint, host, cleans })
    }

    /// Where it listens; of a port 0, the one that the system has chosen.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The public key that clients with a key pair know this server by, if it has one.
    pub fn public_key(&self) -> Option<String> {
        self.host.keys.as_ref().and_then(|keys| Door(keys).public())
    }

    /// What ends this server.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.host.registry))
    }

    /// Serves until it is stopped or closed.
    ///
    /// # Errors
    /// Those of the system that no other client would fare better with.
    pub fn run(self) -> io::Result<()> {
        let Self { listener, host, cleans, .. } = self;
        let cleaner = if cleans { clean_up(&host) } else { None };
        match listener {
            Listener::Tcp(listener) => {
                let (waiter, wake) = Waiter::new(&listener)?;
                host.registry.wakes(wake);
                accept(&host, &waiter, || {
                    let (stream, peer) = listener.accept()?;
                    stream.set_nonblocking(false)?;
                    let peer = Peer { name: peer.to_string(), address: Some(peer.ip()) };
                    Ok((tcp::prepare(stream)?, peer))
                });
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let mut number = 0;
                let (waiter, wake) = Waiter::new(&socket.listener)?;
                host.registry.wakes(wake);
                accept(&host, &waiter, || {
                    let (stream, _) = socket.listener.accept()?;
                    stream.set_nonblocking(false)?;
                    number += 1;
                    Ok((stream, Peer { name: format!("local client {number}"), address: None }))
                });
            }
            Listener::Serial(line) => host.serve_line(*line)?,
            #[cfg(unix)]
            Listener::Stdio(socket, output) => host.serve_one(socket, &output)?,
        }
        host.drain();
        drop(cleaner);
        Ok(())
    }
}

/// Removes old leftovers, now and every hour, for as long as what it returns is kept.
fn clean_up(host: &Host) -> Option<Sender<()>> {
    let least = host.options.keep_partials;
    if !host.options.rights.write {
        return None;
    }
    let limits = host.options.limits.clone();
    let (root, (kept, ended)) = (Arc::clone(&host.root), channel());
    let clean = move || {
        loop {
            let dir = root.current();
            let removed = dir.and_then(|dir| {
                limits.kept.begin_scan(&dir);
                let removed = leftovers(&dir, |leftover| {
                    let is_old = !least.is_zero() && leftover.age >= least;
                    if !is_old {
                        limits.kept.found(leftover);
                    }
                    is_old
                });
                limits.kept.end_scan(limits.partials);
                removed
            });
            match removed {
                Ok(0) => {}
                Ok(removed) => info!("{removed} partial files were too old and are removed"),
                Err(error) => warn!("cannot search for old partial files: {}", of_system(&error)),
            }
            if ended.recv_timeout(CLEANING) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    thread::Builder::new().name("cleaner".into()).spawn(clean).ok().map(|_| kept)
}
