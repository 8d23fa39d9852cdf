//! A connection: its thread, its handshake, and its slot.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::{Config, Reason};
use tracing::{debug, info};

use super::Options;
use crate::auth::Authenticator;
use crate::auth::CurrentKeys;
use crate::auth::KeyEntry;
use crate::auth::Refusal;
use crate::auth::refuse;
use crate::auth::rejection;
use crate::describe;
use crate::server::log::Logs;
use crate::server::preamble::Begin;
use crate::server::preamble::Preamble;
use crate::server::refuse::refuse_session;
use crate::server::refuse::refuse_with;
use crate::server::refuse::reject;
use crate::server::refuse::unreachable_root;
use crate::server::registry::Busy;
use crate::server::registry::Registry;
use crate::server::root::Root;
use crate::server::root::RootError;
use crate::transport::clock::milliseconds;
use crate::transport::socket::Shutdownable;
use crate::transport::stream::Shutdown;
use crate::transport::stream::Socket;
use crate::transport::stream::StreamLink;

/// The name of the clients of a server's only line.
pub(super) const LINE: &str = "line";

/// The stack of a connection: one session and little else.
const STACK: usize = 256 * 1024;

/// Serves a directory to its clients.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) root: Arc<Root>,
    pub(crate) options: Options,
    /// The keys of the clients; `None`: clients need no key.
    pub(crate) keys: Option<Arc<CurrentKeys>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) logs: Arc<Logs>,
}

/// A client, as the log and the limits see it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its name in the log.
    pub(crate) name: String,
    /// Its address, if it connects over a network.
    pub(crate) address: Option<IpAddr>,
    /// If it is a serial line behind a TCP port, the configuration of its sessions.
    pub(crate) line: Option<Config>,
}

/// The entry of a connection in the registry. It is removed when the thread ends, also by a panic.
struct Slot(Arc<Registry>, u64);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

impl Service {
    /// Starts a thread for a connection.
    pub(crate) fn connected<S>(&self, socket: Arc<S>, peer: &Peer) -> io::Result<()>
    where
        S: Shutdownable + 'static,
        Arc<S>: Socket,
    {
        let shutdown = Arc::new(Shutdown::default());
        // A client without a request does not delay a shutdown.
        shutdown.is_idle.store(true, Ordering::SeqCst);
        let close = {
            let socket = Arc::clone(&socket);
            Box::new(move |how| socket.shut_down(how))
        };
        let number = self.registry.connect(&shutdown, peer.address, close);
        let service = self.clone();
        let (name, peer) = (peer.name.clone(), peer.clone());
        self.spawn(number, &name, move || match peer.line {
            Some(config) => service.handle_line((number, socket), shutdown, &peer, config),
            None => service.handle(number, socket, shutdown, &peer.name),
        })
    }

    /// Serves the clients of a serial line behind a TCP port, one after another, until the connection ends. The first
    /// bytes of a client may be lost, so that they decide nothing.
    fn handle_line<S: Socket>(
        &self,
        (number, socket): (u64, S),
        shutdown: Arc<Shutdown>,
        peer: &Peer,
        config: Config,
    ) {
        let name = &peer.name;
        if let Err(busy) = self.registry.admit(number) {
            return self.log_busy(name, busy);
        }
        debug!("{name}: a serial line is connected");
        let mut link = StreamLink::new(socket, shutdown).eager();
        if let Some(keys) = &self.keys {
            self.serve_protected(link, name, keys, config);
            return;
        }
        // A line that connects again has the address that it had.
        let line =
            peer.address.map_or_else(|| LINE.to_owned(), |address| format!("{LINE} {address}"));
        self.serve_clients(&mut link, name, &line, config);
    }

    /// Reads how a client begins, and serves it with the rights of its key.
    fn handle<S: Socket>(&self, number: u64, mut socket: S, shutdown: Arc<Shutdown>, name: &str) {
        debug!("{name}: the client has connected");
        if shutdown.is_due() {
            return;
        }
        let end = Instant::now() + self.options.handshake_timeout;
        let failed = |why: &dyn Display| {
            self.logs.handshakes.warn(&format!("{name}: the client is rejected: {why}"));
        };
        let preamble = match Preamble::read(&mut socket, end) {
            Ok(preamble) => preamble,
            Err(error) => return failed(&describe::os_error(&error)),
        };
        let input = preamble.input();
        match (preamble.begin, &self.keys) {
            (Begin::Nothing, _) => debug!("{name}: the client has disconnected without a request"),
            (Begin::SecureChannel, Some(keys)) => {
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
            (Begin::Hello | Begin::Unknown, Some(_)) => {
                failed(&"the client has no key");
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                refuse_session(link, Reason::KeyNeeded);
            }
            (Begin::SecureChannel, _) => {
                failed(&"the client uses a key, and this server has none (--key)");
                refuse(&mut socket, Refusal::NoKeys);
            }
            // The session fails at once and reports the reason.
            (Begin::Unknown, _) => {
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                if let Err(error) = reject(link) {
                    failed(&describe::for_server(&error));
                }
            }
            (Begin::Hello, _) => {
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
            info!("{name}: the client is authenticated as {}", entry.name.escape_debug());
        }
        let permissions = match entry {
            Some(entry) => self.permissions_of(entry),
            None => self.permissions_without_key().map_err(RootError::from),
        };
        match permissions {
            Ok(permissions) => {
                let [handshake, idle] =
                    [self.options.handshake_timeout, self.options.idle].map(milliseconds);
                let config = Config::RELIABLE.handshake_timeout(handshake).idle_timeout(idle);
                self.serve(link, name, config, permissions);
                if self.registry.is_stopping() {
                    link.disconnect();
                }
            }
            Err(RootError { error, message }) => {
                let why = describe::os_error(&error);
                self.logs.root.warn(&format!("{name}: the client is refused: {why}"));
                refuse_with(link, unreachable_root(&error), message);
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

    /// Waits for active transfers, and ends those that exceed the grace period.
    pub(crate) fn drain(&self) {
        // A client that was accepted during the stop has not received the request yet.
        self.registry.request_disconnect();
        self.registry.wait(self.options.grace);
        self.registry.close_all();
        self.registry.wait(Duration::from_secs(2));
    }

    /// Runs the work of a connection in a new thread.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::Slots;

    #[test]
    fn a_slot_is_free_after_a_panic_of_its_thread() {
        let registry = Arc::new(Registry::new(Slots { all: 1, per_network: 1, handshakes: 1 }));
        let connect = || registry.connect(&Arc::default(), None, Box::new(|_| ()));
        let number = connect();
        assert!(registry.admit(number).is_ok());
        let slot = Slot(Arc::clone(&registry), number);
        let ended = thread::spawn(move || {
            let _slot = slot;
            std::panic::resume_unwind(Box::new("a fault"));
        });
        assert!(ended.join().is_err());
        assert!(registry.admit(connect()).is_ok());
    }
}
