//! What a client meets: a thread, a session and a store of its own.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::blocking::{self, Link, run};
use tinyferry_core::{Config, Failure, Reason, Session};
use tracing::{debug, info, warn};

use super::Options;
use crate::auth::Authenticator;
use crate::auth::CurrentKeys;
use crate::auth::KeyEntry;
use crate::auth::Refusal;
use crate::auth::refuse;
use crate::auth::rejection;
use crate::checksum::Desktop;
use crate::describe;
use crate::fs::Limits;
use crate::fs::{self, Directory};
use crate::server::access::Grant;
use crate::server::log::Log;
use crate::server::preamble::Begin;
use crate::server::preamble::Preamble;
use crate::server::refuse::TURNING_AWAY;
use crate::server::refuse::milliseconds;
use crate::server::refuse::refuse_session;
use crate::server::refuse::unreachable_root;
use crate::server::registry::Busy;
use crate::server::registry::Registry;
use crate::server::root::Root;
use crate::server::throttle::Throttle;
use crate::transport::socket::Shutdownable;
use crate::transport::stream::Shutdown;
use crate::transport::stream::Socket;
use crate::transport::stream::StreamLink;

/// A thread holds one session and little else.
const STACK: usize = 256 * 1024;

/// Serves a directory to its clients.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) root: Arc<Root>,
    pub(crate) options: Options,
    /// The keys that let a client in, where it needs one.
    pub(crate) keys: Option<Arc<CurrentKeys>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: Arc<Logs>,
}

/// Log lines that anybody who can connect can cause.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Clients that are turned away.
    busy: Throttle,
    /// Handshakes that fail.
    handshakes: Throttle,
    /// The root cannot be served.
    pub(crate) root: Throttle,
    /// Sessions that fail.
    sessions: Throttle,
}

impl Logs {
    pub(crate) fn new() -> Self {
        let [busy, handshakes, root, sessions] = [20; 4].map(Throttle::new);
        Self { busy, handshakes, root, sessions }
    }
}

/// Who has come.
pub(crate) struct Peer {
    /// As it is called in the log.
    pub(crate) name: String,
    /// Where it comes from, if from a network.
    pub(crate) address: Option<IpAddr>,
}

/// A connection's entry in the registry, which goes however its thread ends.
struct Slot(Arc<Registry>, u64);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.has_gone(self.1);
    }
}

/// How a session ended.
pub(crate) enum Ended {
    /// The other end has left, or the link is gone, or the server ends.
    Link,
    /// Only the session is over.
    Session,
}

impl Host {
    /// Gives a client its thread.
    pub(crate) fn connected<S>(&self, socket: Arc<S>, peer: &Peer) -> io::Result<()>
    where
        S: Shutdownable + 'static,
        Arc<S>: Socket,
    {
        let shutdown = Arc::new(Shutdown::default());
        // A client that has asked for nothing yet holds nothing up.
        shutdown.is_idle.store(true, Ordering::SeqCst);
        let cut = {
            let socket = Arc::clone(&socket);
            Box::new(move || socket.shut_down())
        };
        let number = self.registry.connect(&shutdown, peer.address, cut);
        let (host, name) = (self.clone(), peer.name.clone());
        self.spawn(number, &peer.name, move || host.meet(number, socket, shutdown, &name))
    }

    /// Sees how a client begins, and serves it with the rights of its key.
    fn meet<S: Socket>(&self, number: u64, mut socket: S, shutdown: Arc<Shutdown>, name: &str) {
        debug!("{name}: connected");
        if shutdown.is_due() {
            return;
        }
        let end = Instant::now() + self.options.greeting;
        let failed = |why: &dyn Display| {
            let line = format!("{name}: rejected: {why}");
            self.logs.handshakes.write(&line, |line| warn!("{line}"));
        };
        let preamble = match Preamble::read(&mut socket, end) {
            Ok(preamble) => preamble,
            Err(error) => return failed(&describe::os_error(&error)),
        };
        let input = preamble.input();
        match (preamble.begin, &self.keys) {
            (Begin::Nothing, _) => debug!("{name}: disconnected"),
            (Begin::Handshake, Some(keys)) => {
                if let Err(busy) = self.registry.check(number) {
                    self.log_busy(name, busy);
                    refuse(&mut socket, Refusal::Busy);
                    return;
                }
                self.registry.begin_handshake(number);
                match Authenticator(keys).authenticate(socket, input, end) {
                    Err(problem) => failed(&rejection(&problem)),
                    Ok((socket, entry)) => self.meet_holder(number, socket, shutdown, name, &entry),
                }
            }
            (Begin::Greeting | Begin::Unknown, Some(_)) => {
                failed(&"the client has no key");
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                refuse_session(link, Reason::KeyNeeded);
            }
            (Begin::Handshake, _) => {
                failed(&"the client uses a key, and this server has none (--key)");
                refuse(&mut socket, Refusal::NoKeys);
            }
            // It ends at once: no session follows.
            (Begin::Unknown, _) => {
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                let config = Config { handshake: milliseconds(TURNING_AWAY), ..Config::RELIABLE };
                let mut session = Session::<Desktop>::server(config);
                if let Err(error) = run(&mut session, link, &mut ()) {
                    failed(&describe::for_server(&error));
                }
            }
            (Begin::Greeting, _) => {
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                self.admit(number, link, name, None);
            }
        }
    }

    /// Serves a client that holds a key.
    fn meet_holder<S: Socket>(
        &self,
        number: u64,
        socket: S,
        shutdown: Arc<Shutdown>,
        name: &str,
        entry: &KeyEntry,
    ) {
        let link = &mut StreamLink::new(socket, shutdown);
        self.admit(number, link, name, Some(entry));
    }

    /// Serves a client whose handshake is complete, if there is a slot for it.
    fn admit<S: Socket>(
        &self,
        number: u64,
        link: &mut StreamLink<S>,
        name: &str,
        entry: Option<&KeyEntry>,
    ) {
        if let Err(busy) = self.registry.admit(number) {
            self.log_busy(name, busy);
            return refuse_session(link, Reason::Busy);
        }
        if let Some(entry) = entry {
            info!("{name}: authenticated as {}", entry.name.escape_debug());
        }
        let granted = match entry {
            Some(entry) => self.grant(entry),
            None => self.grant_to_all(),
        };
        match granted {
            Ok(grant) => {
                let [handshake, idle] =
                    [self.options.greeting, self.options.idle].map(milliseconds);
                let config = Config { handshake, idle, ..Config::RELIABLE };
                self.serve(link, name, config, grant);
            }
            Err(error) => {
                let line = format!("{name}: {}", describe::os_error(&error));
                self.logs.root.write(&line, |line| warn!("{line}"));
                refuse_session(link, unreachable_root(&error));
            }
        }
    }

    fn log_busy(&self, name: &str, busy: Busy) {
        self.logs.busy.write(&format!("{name}: {busy}"), |line| info!("{line}"));
    }

    /// Waits for transfers under way, and cuts those that outlast the grace period.
    pub(crate) fn drain(&self) {
        // A client that was accepted while the server was being stopped has not been asked yet.
        self.registry.ask_to_leave();
        self.registry.wait(self.options.grace);
        self.registry.cut();
        self.registry.wait(Duration::from_secs(2));
    }

    /// Does a connection's work in a thread of its own.
    pub(crate) fn spawn(
        &self,
        number: u64,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let slot = Slot(Arc::clone(&self.registry), number);
        let work = move || {
            work();
            drop(slot);
        };
        let name = name.replace('\0', "");
        thread::Builder::new().name(name).stack_size(STACK).spawn(work).map(drop)
    }

    /// Serves one session.
    pub(crate) fn serve<L: Link<Error = io::Error>>(
        &self,
        link: &mut L,
        peer: &str,
        config: Config,
        grant: Grant,
    ) -> Ended {
        let Grant { server_root, root, rights, may_close, directory, id } = grant;
        // As long as this session lasts, partials below it can be removed.
        self.options.limits.partial_index.set_root(&server_root);
        // Where a client wants SHA-256, it gets it.
        let config = Config { may_close, sha256: true, ..config };
        let mut session = Session::<Desktop>::server(config);
        let log = Log::new(peer.to_owned());
        let sync = self.options.sync;
        let store = Directory::serving(fs::Root(root), rights, sync, log);
        let limits = Limits { below: directory, ..self.options.limits.clone() };
        let mut store = store.lossy(config.lossy).limited(limits);
        if let Some(id) = id {
            store = store.identified(&id);
        }
        match run(&mut session, link, &mut store) {
            Ok(outcome) if outcome.closed => {
                info!("{peer}: the client shuts the server down");
                self.registry.stop();
                Ended::Link
            }
            Ok(_) => {
                debug!("{peer}: disconnected");
                Ended::Link
            }
            Err(blocking::Error::Link(error)) => {
                let line = format!(
                    "{peer}: the connection failed: {}",
                    describe::for_server(&describe::os_error(&error))
                );
                self.logs.sessions.write(&line, |line| warn!("{line}"));
                Ended::Link
            }
            Err(blocking::Error::Session(failure)) => {
                let line = format!("{peer}: {}", describe::for_server(&failure));
                self.logs.sessions.write(&line, |line| warn!("{line}"));
                if failure == Failure::Vanished { Ended::Link } else { Ended::Session }
            }
        }
    }
}
