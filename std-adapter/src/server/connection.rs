//! A connection: its slot, and the service that it belongs to.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::{Config, Millis, Reason};
use tracing::info;

use super::Options;
use crate::auth::CurrentKeys;
use crate::server::counters::Counters;
use crate::server::line::begin_line;
use crate::server::log::Logs;
use crate::server::opening::Opening;
use crate::server::parking::{Lane, Parked, Parking, STACK, Work};
use crate::server::place::Places;
use crate::server::registry::Busy;
use crate::server::registry::Registry;
use crate::server::session::NEVER;
use crate::transport::socket::{Pollable, Shutdownable};
use crate::transport::stream::{Shutdown, Socket};

/// The name of the clients of a server's only line.
pub(super) const LINE: &str = "line";

/// The time without input after which a client is parked, in ms: the next request of a busy one often comes sooner.
const LINGER: Millis = 10;

/// Serves a directory to its clients.
pub(crate) struct Service {
    pub(crate) root: Arc<Places>,
    pub(crate) options: Options,
    /// The keys of the clients; `None`: clients need no key.
    pub(crate) keys: Option<Arc<CurrentKeys>>,
    pub(crate) registry: Arc<Registry>,
    pub(super) parking: Arc<Parking>,
    pub(crate) logs: Logs,
    pub(crate) counters: Arc<Counters>,
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

/// The entry of a connection in the registry. It is removed when the connection ends, also by a panic.
struct Slot(Arc<Registry>, u64);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

/// What a connection has in all its stages.
pub(super) struct Connection {
    pub(super) service: Arc<Service>,
    /// Its name in the log.
    pub(super) name: String,
    /// Its number in the registry.
    pub(super) number: u64,
    /// The input that it waits for.
    input: Arc<dyn Pollable>,
    _slot: Slot,
}

impl Connection {
    /// How long a session waits for input before it is idle, in ms. It does not where another client waits for its
    /// thread.
    pub(super) fn linger(&self) -> Millis {
        let parking = &self.service.parking;
        if !parking.can_park() {
            NEVER
        } else if parking.is_full(Lane::Session) {
            0
        } else {
            LINGER
        }
    }

    /// What a stage of a connection needs to be parked.
    pub(super) fn place(&self, deadline: Option<Instant>) -> Place {
        Place { number: self.number, input: Arc::clone(&self.input), deadline }
    }

    pub(super) fn log_busy(&self, busy: Busy) {
        let line = format!("{}: {busy}", self.name);
        self.service.counters.refused(Reason::Busy);
        self.service.logs.busy.write(&line, |line| info!("{line}"));
    }
}

/// Where a connection is parked.
pub(super) struct Place {
    number: u64,
    input: Arc<dyn Pollable>,
    deadline: Option<Instant>,
}

impl Place {
    pub(super) fn of(self, work: Box<dyn Work>) -> Parked {
        let Self { number, input, deadline } = self;
        Parked { number, work, input, deadline }
    }
}

impl Service {
    /// Begins to serve a connection.
    pub(crate) fn connected<S>(self: &Arc<Self>, socket: Arc<S>, peer: &Peer) -> io::Result<()>
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
        let connection = Connection {
            service: Arc::clone(self),
            name: peer.name.clone(),
            number,
            input: Arc::clone(&socket) as Arc<dyn Pollable>,
            _slot: Slot(Arc::clone(&self.registry), number),
        };
        match peer.line {
            None => self.parking.begin(Opening::begin(connection, socket, shutdown)),
            Some(config) => match begin_line(connection, socket, shutdown, peer, config) {
                Some(parked) => self.parking.begin(parked),
                None => Ok(()),
            },
        }
    }

    /// The flags that end a link's reads on a shutdown. A client whose handshake ends after that is still
    /// read, to be refused with the reason.
    pub(super) fn unless_stopping(&self, shutdown: Arc<Shutdown>) -> Arc<Shutdown> {
        if self.registry.is_stopping() { Arc::default() } else { shutdown }
    }

    /// Waits for active transfers, and ends those that exceed the grace period.
    pub(crate) fn drain(&self) {
        // A client that was accepted during the stop has not received the request yet.
        self.registry.request_disconnect();
        self.registry.wait(self.options.grace);
        self.registry.close_all();
        self.registry.wait(Duration::from_secs(2));
    }

    /// Runs the work of a serial port or a terminal in a new thread.
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
