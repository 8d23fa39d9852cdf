//! What a client meets: a thread, a session and a store of its own.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::blocking::run;
use tinyferry_core::{Config, Reason, Session};
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
use crate::server::log::Logs;
use crate::server::preamble::Begin;
use crate::server::preamble::Preamble;
use crate::server::refuse::TURNING_AWAY;
use crate::server::refuse::milliseconds;
use crate::server::refuse::refuse_session;
use crate::server::refuse::unreachable_root;
use crate::server::registry::Busy;
use crate::server::registry::Registry;
use crate::server::root::Root;
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
        let close = {
            let socket = Arc::clone(&socket);
            Box::new(move |how| socket.shut_down(how))
        };
        let number = self.registry.connect(&shutdown, peer.address, close);
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
                    Ok((socket, entry)) => {
                        let link = &mut StreamLink::new(socket, self.unless_stopping(shutdown));
                        self.admit(number, link, name, Some(&entry));
                    }
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
                let shutdown = self.unless_stopping(shutdown);
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                self.admit(number, link, name, None);
            }
        }
    }

    /// Serves a client whose handshake is complete, if there is a slot for it.
    fn admit<S: Socket>(
        &self,
        number: u64,
        link: &mut StreamLink<S>,
        name: &str,
        entry: Option<&KeyEntry>,
    ) {
        if self.registry.is_stopping() {
            refuse_session(link, Reason::ShuttingDown);
            return link.disconnect();
        }
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
                if self.registry.is_stopping() {
                    link.disconnect();
                }
            }
            Err(error) => {
                let line = format!("{name}: {}", describe::os_error(&error));
                self.logs.root.write(&line, |line| warn!("{line}"));
                refuse_session(link, unreachable_root(&error));
            }
        }
    }

    /// The flags that end a link's reads on a shutdown. A client whose handshake ends after that is still
    /// read, to be refused with the reason.
    fn unless_stopping(&self, shutdown: Arc<Shutdown>) -> Arc<Shutdown> {
        if self.registry.is_stopping() { Arc::default() } else { shutdown }
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
}
