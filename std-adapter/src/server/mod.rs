//! A server: a session and a store for each client, up to a limit, and a thread while it has work. On a serial line
//! clients follow one after the other.

mod accept;
mod access;
mod bound;
mod budget;
mod builder;
mod connection;
mod counters;
#[cfg(unix)]
mod journal;
mod leaving;
mod line;
pub(crate) mod log;
mod measured;
mod metrics;
mod observers;
mod opening;
mod parking;
mod place;
mod preamble;
mod refuse;
mod registry;
mod root;
mod served;
mod session;
mod single;
pub(crate) mod throttle;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use crate::auth::{AccessPolicy, Authenticator, CurrentKeys};
use crate::describe;
use crate::endpoint::Endpoint;
pub use crate::transport::listener::BoundSocket;

use bound::Bound;
use builder::Options;
pub use builder::ServerBuilder;
use connection::Service;
#[cfg(unix)]
pub use journal::{Job, Journal};
use log::Logs;
pub use metrics::Metrics;
use parking::{Parking, Threads};
use place::{Places, Served};
use registry::{Registry, Slots};
#[cfg(unix)]
pub use single::while_stopped;

/// The interval at which old partial files are searched for.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3600);

/// A server, bound to its endpoints.
///
/// ```no_run
/// use tinyferry::server::Server;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder("incoming").listen("tcp://127.0.0.1:0".parse()?).bind()?;
/// println!("listening at {}", server.endpoint());
/// server.run()?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    first: Bound,
    others: Vec<Bound>,
    service: Arc<Service>,
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
    /// Options for a server of the directory that is at `directory` when a client connects. It is open
    /// only while clients are connected, so that its file system can be unmounted between them; at a
    /// serial port it is open all the time, and while old partials are searched for (hourly).
    pub fn builder(directory: impl Into<PathBuf>) -> ServerBuilder {
        ServerBuilder::new(Served::Directory(directory.into()))
    }

    /// Options for a server of the objects below a prefix of a bucket: see [`Objects`](crate::s3::Objects). Any number
    /// of servers can share it.
    #[cfg(feature = "s3")]
    pub fn bucket(bucket: crate::s3::Bucket) -> ServerBuilder {
        ServerBuilder::new(Served::Bucket(Arc::new(bucket)))
    }

    fn open(builder: ServerBuilder) -> io::Result<Self> {
        let ServerBuilder { served, mut endpoints, sockets, options } = builder;
        if endpoints.is_empty() && sockets.is_empty() {
            endpoints.push(Endpoint::default());
        }
        for endpoint in &endpoints {
            options.access.check(endpoint)?;
        }
        let inherited = sockets.iter().map(|socket| Bound::inherit(socket, &options.access));
        let inherited = inherited.collect::<io::Result<Vec<_>>>()?;
        let service = Self::service(&served, options)?;
        let mut bound = inherited.into_iter().map(Ok).chain(endpoints.iter().map(Bound::new));
        let first = bound.next().ok_or(io::ErrorKind::InvalidInput)??;
        let others = bound.collect::<io::Result<_>>()?;
        Ok(Self { first, others, service })
    }

    fn service(served: &Served, mut options: Options) -> io::Result<Arc<Service>> {
        let root = Places::open(served, &options)?;
        let keys = match &options.access {
            AccessPolicy::Keys(file) => {
                access::check_keys(file, &root.current()?)?;
                Some(Arc::new(CurrentKeys::read(file).map_err(io::Error::other)?))
            }
            AccessPolicy::Local | AccessPolicy::Insecure => None,
        };
        let budget = budget::share(options.clients);
        if budget.clients < options.clients {
            warn!(
                "{} clients are served at once, not {}: the limit of open files is {}",
                budget.clients, options.clients, budget.limit
            );
        }
        if budget.active < budget.clients {
            info!(
                "{} clients are served at once, and {} of them can transfer at once: the limit of open files is {}",
                budget.clients, budget.active, budget.limit
            );
        }
        options.limits.descriptors = budget.descriptors;
        let slots = Slots {
            all: budget.clients,
            per_network: options.clients_per_address,
            handshakes: budget.handshakes,
        };
        let threads = Threads { handshakes: budget.handshakes, sessions: budget.active };
        let parking = Arc::new(Parking::new(threads)?);
        let registry = Arc::new(Registry::new(slots));
        let (root, logs, counters) = (Arc::new(root), Logs::new(), Arc::default());
        Ok(Arc::new(Service { root, options, keys, registry, parking, logs, counters }))
    }

    /// The first endpoint that it listens at; with the port that the system has chosen for port 0.
    pub fn endpoint(&self) -> &Endpoint {
        &self.first.endpoint
    }

    /// All endpoints that it listens at.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        [&self.first].into_iter().chain(&self.others).map(|bound| &bound.endpoint)
    }

    /// The public key that clients with a key pair know this server by, if it has one.
    pub fn public_key(&self) -> Option<String> {
        self.service.keys.as_ref().and_then(|keys| Authenticator(keys).public())
    }

    /// The numbers of this server, for a monitoring system.
    pub fn metrics(&self) -> Metrics {
        Metrics(Arc::clone(&self.service))
    }

    /// Reads the key file, which is read for each client too, and logs its fault, if it has one, and the number of keys that
    /// are accepted.
    /// It may be called from another thread; no connection is touched.
    pub fn key_check(&self) -> impl Fn() + Send + 'static + use<> {
        let keys = self.service.keys.clone();
        move || match &keys {
            Some(keys) => {
                let count = keys.reload().entries().count() as u64;
                info!("the server accepts {}", describe::count(count, "key", "keys"));
            }
            None => info!("there is no key file to read (--key)"),
        }
    }

    /// Ends this server from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.service.registry))
    }

    /// Serves until it is stopped or closed, on this thread and one for each further endpoint.
    ///
    /// # Errors
    /// Those of the system that would end every client's connection. When one endpoint fails, the
    /// server ends at all of them.
    pub fn run(self) -> io::Result<()> {
        let Self { first, others, service } = self;
        let cleaner = clean_up(&service);
        let parking = service.parking.open()?;
        let result = thread::scope(|scope| {
            let service = &service;
            let others: Vec<_> = others
                .into_iter()
                .map(|bound| {
                    let name = thread::Builder::new().name(bound.endpoint.to_string());
                    let thread = name.spawn_scoped(scope, || bound.run(service));
                    if thread.is_err() {
                        service.registry.stop();
                    }
                    thread
                })
                .collect();
            let mut result = first.run(service);
            for thread in others {
                let ended = match thread.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(ended)) => ended,
                    Ok(Err(_)) => {
                        Err(io::Error::other("internal error: a thread of the server failed"))
                    }
                    Err(error) => Err(error),
                };
                result = result.and(ended);
            }
            result
        });
        drop((cleaner, parking));
        result
    }
}

/// Removes old partial files, now and at each interval, until the returned value is dropped.
fn clean_up(service: &Service) -> Option<Sender<()>> {
    let least = service.options.keep_partials;
    if !service.options.rights.write {
        return None;
    }
    let limits = service.options.limits.clone();
    let (root, (kept, ended)) = (Arc::clone(&service.root), channel());
    let clean = move || {
        loop {
            match root.clean(&limits, least) {
                Ok(0) => {}
                Ok(removed) => {
                    let files = describe::count(removed, "old partial file", "old partial files");
                    info!("the server has removed {files}");
                }
                Err(error) => {
                    let why = describe::os_error(&error);
                    warn!("the server cannot search for old partial files: {why}");
                }
            }
            if ended.recv_timeout(CLEANUP_INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    thread::Builder::new().name("cleaner".into()).spawn(clean).ok().map(|_| kept)
}
