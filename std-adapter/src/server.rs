//! A server: any number of clients up to a limit, a thread and a store for each; on a serial line
//! one after the other, for ever.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use crate::directory::{Dir, Limits, Rights, Sync, ambient_authority, leftovers};
use crate::endpoint::Endpoint;
use crate::listener::Listener;
use crate::secure::{Admission, Door};
use crate::stream::Socket;
use crate::tcp;
use crate::words::of_system;

mod grant;
mod guests;
mod host;

use guests::Shared;
use host::{Host, Peer};

/// What a server allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who may come in.
    pub admission: Admission,
    /// Clients at once; one more is told that the server is busy.
    pub clients: usize,
    /// Clients at once from one address of the network.
    pub clients_per_address: usize,
    /// What clients may do with the directory; of what a key allows, that.
    pub rights: Rights,
    /// Whether clients may close the server, whatever their key allows.
    pub may_close: bool,
    /// How long a client may take to greet, and to shake hands.
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
}

/// Ends a server from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// No client is taken any more, those at rest are let go, the others have the grace period.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Server {
    /// Listens at `endpoint` and serves what lies below `root`.
    ///
    /// # Errors
    /// Those of the system, with what could not be done; keys that make no sense; an address that
    /// others can reach, where [`Options::admission`] does not allow that.
    pub fn bind(endpoint: &Endpoint, root: &Path, options: Options) -> io::Result<Self> {
        options.admission.check(endpoint)?;
        let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| {
            let path = root.display().to_string();
            io::Error::new(
                error.kind(),
                format!("cannot serve \"{}\": {}", path.escape_debug(), of_system(&error)),
            )
        })?;
        if let Admission::Keys(file) = &options.admission {
            grant::check_keys(file, &root)?;
        }
        let listener = Listener::bind(endpoint).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen at {endpoint}: {}", of_system(&error)),
            )
        })?;
        let endpoint = listener.endpoint()?;
        let shared = Arc::new(Shared::new(listener.wake()?));
        Ok(Self { listener, endpoint, host: Host { root: Arc::new(root), options, shared } })
    }

    /// Where it listens; of a port 0, the one that the system has chosen.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The public key that clients with a key pair know this server by, if it has one.
    pub fn public_key(&self) -> Option<String> {
        match &self.host.options.admission {
            Admission::Keys(file) => Door(file).public().ok().flatten(),
            Admission::Local | Admission::Anybody => None,
        }
    }

    /// What ends this server.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.host.shared))
    }

    /// Serves until it is stopped or closed.
    ///
    /// # Errors
    /// Those of the system that no other client would fare better with.
    pub fn run(self) -> io::Result<()> {
        let Self { listener, host, .. } = self;
        let cleaner = clean_up(&host);
        match &listener {
            Listener::Tcp(listener) => accept(&host, || {
                let (stream, peer) = listener.accept()?;
                let guest = Peer { name: peer.to_string(), address: Some(peer.ip()) };
                Ok((tcp::prepare(stream)?, guest))
            }),
            #[cfg(unix)]
            Listener::Unix(door) => {
                let mut number = 0;
                accept(&host, || {
                    let (stream, _) = door.listener.accept()?;
                    number += 1;
                    let name = format!("local client {number}");
                    Ok((stream, Peer { name, address: None }))
                });
            }
            Listener::Serial(_) => {}
            #[cfg(unix)]
            Listener::Stdio(..) => {}
        }
        match listener {
            Listener::Serial(line) => host.serve_line(*line)?,
            #[cfg(unix)]
            Listener::Stdio(socket, output) => host.serve_one(socket, &output)?,
            _ => {}
        }
        host.see_off();
        drop(cleaner);
        Ok(())
    }
}

/// Takes one client after another.
fn accept<S: Socket + 'static>(host: &Host, mut next: impl FnMut() -> io::Result<(S, Peer)>) {
    let mut number = 0;
    while !host.shared.is_stopping() {
        match next() {
            Ok((stream, peer)) if !host.shared.is_stopping() => {
                number += 1;
                if let Err(error) = host.welcome(number, stream, &peer) {
                    warn!("{}: cannot be served: {}", peer.name, of_system(&error));
                }
            }
            Ok(_) => {}
            // The client has gone again, or the system is short of something for now.
            Err(error) => {
                warn!("a client could not be taken: {}", of_system(&error));
                thread::sleep(Duration::from_millis(10));
            }
        }
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
            limits.kept.begin_scan(&root);
            let removed = leftovers(&root, |leftover| {
                let is_old = !least.is_zero() && leftover.age >= least;
                if !is_old {
                    limits.kept.found(leftover);
                }
                is_old
            });
            limits.kept.end_scan(limits.partials);
            match removed {
                Ok(0) => {}
                Ok(removed) => info!("{removed} partial files were too old and are removed"),
                Err(error) => warn!("cannot look for old partials: {}", of_system(&error)),
            }
            if ended.recv_timeout(CLEANING) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    thread::Builder::new().name("cleaner".into()).spawn(clean).ok().map(|_| kept)
}
