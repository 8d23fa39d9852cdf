//! A server: any number of clients up to a limit, a thread and a store for each.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::blocking::{self, run};
use tinyferry_core::{Config, Reason, Session, Store};
use tracing::{debug, info, warn};

use crate::checksum::Desktop;
use crate::directory::{Dir, Directory, Rights, Sync, ambient_authority, leftovers};
use crate::endpoint::Endpoint;
use crate::log::Log;
use crate::stream::{Leave, StreamLink};
use crate::tcp;
use crate::words::of_system;

/// What a server allows.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Clients at once; one more is told that the server is busy.
    pub clients: usize,
    /// What clients may do with the directory.
    pub rights: Rights,
    /// Whether clients may close the server.
    pub may_close: bool,
    /// How long a client may have nothing to ask.
    pub idle: Duration,
    /// How long transfers under way may go on when the server ends.
    pub grace: Duration,
    /// When what came in is made durable.
    pub sync: Sync,
    /// How long what broke off is kept for a resume; zero: for ever.
    pub keep_partials: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clients: 64,
            rights: Rights { read: true, write: true },
            may_close: false,
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(10),
            sync: Sync::default(),
            keep_partials: Duration::from_secs(7 * 86_400),
        }
    }
}

/// Clients beyond the limit that are told so at the same time; more are just let go.
const TURNED_AWAY: usize = 64;
/// How long a client that is turned away may take to greet.
const TURNING_AWAY: Duration = Duration::from_secs(5);
/// How often old leftovers are looked for.
const CLEANING: Duration = Duration::from_secs(3600);
/// A thread holds one session and little else.
const STACK: usize = 256 * 1024;

/// A server, bound to its address.
pub struct Server {
    listener: TcpListener,
    root: Arc<Dir>,
    options: Options,
    shared: Arc<Shared>,
}

struct Shared {
    stopping: AtomicBool,
    guests: Mutex<HashMap<u64, Guest>>,
    /// Notified when a guest has gone.
    gone: Condvar,
    wake: SocketAddr,
}

/// A client, as the server's other threads see it.
struct Guest {
    socket: TcpStream,
    leave: Arc<Leave>,
    is_served: bool,
}

/// Ends a server from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// No client is taken any more, those at rest are let go, the others have the grace period.
    pub fn stop(&self) {
        if self.0.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        for guest in self.0.guests().values() {
            guest.ask_to_leave();
        }
        // Accepting waits for a client: here is one.
        let _ = TcpStream::connect_timeout(&self.0.wake, Duration::from_secs(1));
    }
}

impl Guest {
    fn ask_to_leave(&self) {
        self.leave.leaving.store(true, Ordering::SeqCst);
        if self.leave.at_rest.load(Ordering::SeqCst) {
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn guests(&self) -> MutexGuard<'_, HashMap<u64, Guest>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Server {
    /// Listens at `endpoint` and serves what lies below `root`.
    ///
    /// # Errors
    /// Those of the system, with what could not be done.
    pub fn bind(endpoint: &Endpoint, root: &Path, options: Options) -> io::Result<Self> {
        let Endpoint::Tcp(address) = endpoint;
        let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| {
            let path = root.display().to_string();
            io::Error::new(
                error.kind(),
                format!("cannot serve \"{}\": {}", path.escape_debug(), of_system(&error)),
            )
        })?;
        let listener = TcpListener::bind(address.as_str()).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen at {endpoint}: {}", of_system(&error)),
            )
        })?;
        let mut wake = listener.local_addr()?;
        if wake.ip().is_unspecified() {
            match wake {
                SocketAddr::V4(_) => wake.set_ip(Ipv4Addr::LOCALHOST.into()),
                SocketAddr::V6(_) => wake.set_ip(Ipv6Addr::LOCALHOST.into()),
            }
        }
        let shared = Shared {
            stopping: AtomicBool::new(false),
            guests: Mutex::new(HashMap::new()),
            gone: Condvar::new(),
            wake,
        };
        Ok(Self { listener, root: Arc::new(root), options, shared: Arc::new(shared) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What ends this server.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Serves until it is stopped or closed.
    ///
    /// # Errors
    /// Those of the system that no other client would fare better with.
    pub fn run(self) -> io::Result<()> {
        let cleaner = self.clean_up();
        let mut number = 0;
        while !self.shared.is_stopping() {
            match self.listener.accept() {
                Ok((stream, peer)) if !self.shared.is_stopping() => {
                    number += 1;
                    if let Err(error) = self.welcome(number, stream, peer) {
                        warn!("{peer}: cannot be served: {}", of_system(&error));
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
        self.see_off();
        drop(cleaner);
        Ok(())
    }

    /// Removes old leftovers, now and every hour, for as long as what it returns is kept.
    fn clean_up(&self) -> Option<Sender<()>> {
        let least = self.options.keep_partials;
        if least.is_zero() || !self.options.rights.write {
            return None;
        }
        let (root, (kept, ended)) = (Arc::clone(&self.root), channel());
        let clean = move || {
            loop {
                let removed = leftovers(&root, |leftover| leftover.age >= least);
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

    /// Gives a client its thread: to serve it, or to turn it away.
    fn welcome(&self, number: u64, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let stream = tcp::prepare(stream)?;
        let leave = Arc::new(Leave::default());
        let mut guests = self.shared.guests();
        let served = guests.values().filter(|guest| guest.is_served).count();
        let is_served = served < self.options.clients;
        if !is_served {
            info!("{peer}: turned away, {served} clients are served already");
            if guests.len() - served >= TURNED_AWAY {
                return Ok(());
            }
        }
        let socket = stream.try_clone()?;
        guests.insert(number, Guest { socket, leave: Arc::clone(&leave), is_served });
        drop(guests);
        let (shared, options) = (Arc::clone(&self.shared), self.options);
        let root = Arc::clone(&self.root);
        let serve = move || {
            let link = StreamLink::new(stream, leave);
            if is_served {
                serve(link, peer, root, &options, &shared);
            } else {
                turn_away(link, Reason::Busy);
            }
            shared.guests().remove(&number);
            shared.gone.notify_all();
        };
        let spawned = thread::Builder::new().name(peer.to_string()).stack_size(STACK).spawn(serve);
        if spawned.is_err() {
            self.shared.guests().remove(&number);
        }
        spawned.map(drop)
    }

    /// Waits for transfers under way, and cuts those that outlast the grace period.
    fn see_off(&self) {
        // Who came in while the server was being stopped has not been asked yet.
        for guest in self.shared.guests().values() {
            guest.ask_to_leave();
        }
        let cut = |guests: MutexGuard<'_, HashMap<u64, Guest>>| {
            for guest in guests.values() {
                let _ = guest.socket.shutdown(Shutdown::Both);
            }
        };
        self.wait_for_guests(self.options.grace);
        cut(self.shared.guests());
        self.wait_for_guests(Duration::from_secs(2));
    }

    fn wait_for_guests(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut guests = self.shared.guests();
        while !guests.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.gone.wait_timeout(guests, left);
            guests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn serve(
    mut link: StreamLink<TcpStream>,
    peer: SocketAddr,
    root: Arc<Dir>,
    options: &Options,
    shared: &Arc<Shared>,
) {
    debug!("{peer}: connected");
    let config = Config {
        idle: options.idle.as_millis().try_into().unwrap_or(u32::MAX >> 1),
        may_close: options.may_close,
        // Where a client wants it, it gets it.
        sha256: true,
        ..Config::RELIABLE
    };
    let mut session = Session::<Desktop>::server(config);
    let log = Log::new(peer.to_string());
    let mut store = Directory::serving(root, options.rights, options.sync, log);
    match run(&mut session, &mut link, &mut store) {
        Ok(outcome) if outcome.closed => {
            info!("{peer}: closes the server");
            Stopper(Arc::clone(shared)).stop();
        }
        Ok(_) => debug!("{peer}: has left"),
        Err(blocking::Error::Link(error)) => {
            warn!("{peer}: the connection failed: {}", of_system(&error))
        }
        Err(blocking::Error::Session(failure)) => warn!("{peer}: {failure}"),
    }
}

/// Tells a client why it is not served.
fn turn_away(mut link: StreamLink<TcpStream>, reason: Reason) {
    struct NoStore;
    impl Store for NoStore {}

    let idle = TURNING_AWAY.as_millis().try_into().unwrap_or(u32::MAX >> 1);
    let config = Config { refuse: Some(reason), idle, ..Config::RELIABLE };
    let mut session = Session::<Desktop>::server(config);
    // That it fails is what is meant.
    let _ = run(&mut session, &mut link, &mut NoStore);
}
