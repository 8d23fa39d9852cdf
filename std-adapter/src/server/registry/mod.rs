//! The connections of a server, shared by its threads: their number, their slots, and their end.

mod clients;
#[cfg(test)]
mod tests;

use std::net::{self, IpAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::clients::{Client, Clients, Stage, network};
use crate::transport::listener::Wake;
use crate::transport::stream::Shutdown;

/// The time a connection has for its handshake before another one may replace it.
const MIN_HANDSHAKE: Duration = Duration::from_secs(1);

/// The state that the threads of one server share.
pub(crate) struct Registry {
    stopping: AtomicBool,
    clients: Mutex<Clients>,
    /// Notified when a client is removed, and when the server is stopped.
    changed: Condvar,
    wakes: Mutex<Vec<Wake>>,
    slots: Slots,
}

/// The maximum numbers of clients and handshakes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) all: usize,
    /// From one network.
    pub(crate) per_network: usize,
    /// Connections whose handshake is not complete. One more replaces another one of the
    /// network that has most of them.
    pub(crate) handshakes: usize,
}

/// A client is rejected because all slots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy {
    served: usize,
    alike: usize,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { served, alike } = self;
        write!(
            f,
            "the client is rejected: the server is busy: {served} clients are connected, {alike} of \
             them from this address"
        )
    }
}

/// Closes a socket, or one direction of it.
pub(crate) type Close = Box<dyn Fn(net::Shutdown) + Send>;

impl Registry {
    pub(crate) fn new(slots: Slots) -> Self {
        Self {
            stopping: AtomicBool::new(false),
            clients: Mutex::default(),
            changed: Condvar::new(),
            wakes: Mutex::default(),
            slots,
        }
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of connections, and of those that have a slot.
    pub(crate) fn counts(&self) -> [usize; 2] {
        self.clients().counts()
    }

    /// Adds a function that is called when the server is stopped.
    pub(crate) fn wakes(&self, wake: Wake) {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner).push(wake);
    }

    /// Registers a connection and returns its number. It may replace another connection in its handshake.
    pub(crate) fn connect(
        &self,
        shutdown: &Arc<Shutdown>,
        address: Option<IpAddr>,
        close: Close,
    ) -> u64 {
        let mut clients = self.clients();
        if let Some(oldest) = clients.replaceable(self.slots.handshakes) {
            clients.set_stage(oldest, Stage::Uncounted);
            if let Some(client) = clients.client(oldest) {
                (client.close)(net::Shutdown::Both);
            }
        }
        clients.add(Client::new(Arc::clone(shutdown), address.map(network), close))
    }

    /// The time until the next connection may replace another one; `None`: it may connect now.
    pub(crate) fn wait_to_accept(&self) -> Option<Duration> {
        let clients = self.clients();
        let oldest = clients.client(clients.replaceable(self.slots.handshakes)?)?;
        MIN_HANDSHAKE.checked_sub(oldest.since.elapsed())
    }

    /// A connection's handshake has begun.
    pub(crate) fn begin_handshake(&self, number: u64) {
        let mut clients = self.clients();
        if clients.client(number).is_some_and(|client| client.stage() == Stage::Silent) {
            clients.set_stage(number, Stage::Handshake);
        }
    }

    /// Whether there would be a slot for a connection.
    pub(crate) fn check(&self, number: u64) -> Result<(), Busy> {
        self.clients().check(number, self.slots)
    }

    /// Gives a slot to a connection whose handshake is complete.
    pub(crate) fn admit(&self, number: u64) -> Result<(), Busy> {
        let mut clients = self.clients();
        let checked = clients.check(number, self.slots);
        let is_counted =
            clients.client(number).is_some_and(|client| client.stage() != Stage::Uncounted);
        let is_served = checked.is_ok() && is_counted;
        clients.set_stage(number, if is_served { Stage::Served } else { Stage::Uncounted });
        checked
    }

    /// A connection takes no slot.
    pub(crate) fn set_uncounted(&self, number: u64) {
        self.clients().set_stage(number, Stage::Uncounted);
    }

    pub(crate) fn remove(&self, number: u64) {
        self.clients().remove(number);
        self.changed.notify_all();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Accepts no client any more, and disconnects those that are idle.
    pub(crate) fn stop(&self) {
        let clients = self.clients();
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        drop(clients);
        self.changed.notify_all();
        self.request_disconnect();
        for wake in self.wakes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            wake();
        }
    }

    pub(crate) fn request_disconnect(&self) {
        self.clients().all().for_each(Client::request_disconnect);
    }

    /// Closes all connections.
    pub(crate) fn close_all(&self) {
        for client in self.clients().all() {
            client.shutdown.is_forced.store(true, Ordering::SeqCst);
            (client.close)(net::Shutdown::Both);
        }
    }

    /// Waits until the server is stopped.
    pub(crate) fn wait_for_stop(&self) {
        let clients = self.clients();
        drop(self.changed.wait_while(clients, |_| !self.is_stopping()));
    }

    /// Waits until no client is connected, or the server is stopped.
    #[cfg(unix)]
    pub(crate) fn wait_until_empty(&self) {
        let is_waiting = |clients: &mut Clients| !clients.is_empty() && !self.is_stopping();
        drop(self.changed.wait_while(self.clients(), is_waiting));
    }

    /// Waits until no client is connected, at most until the timeout.
    pub(crate) fn wait(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let mut clients = self.clients();
        while !clients.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(clients, left);
            clients = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
