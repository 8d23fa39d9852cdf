//! The connections of a server, shared by its threads: their number, their slots, and their end.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{self, IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

#[derive(Default)]
struct Clients {
    last: u64,
    connected: HashMap<u64, Client>,
}

/// Closes a socket, or one direction of it.
pub(crate) type Close = Box<dyn Fn(net::Shutdown) + Send>;

/// A connection.
struct Client {
    shutdown: Arc<Shutdown>,
    since: Instant,
    stage: Stage,
    /// Its network, if it connects over one.
    network: Option<IpAddr>,
    /// Closes its socket, or the input only.
    close: Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has sent nothing valid.
    Silent,
    /// Its handshake has begun, and is not complete.
    Handshake,
    /// It has a slot.
    Served,
    /// It is being rejected, or it is a serial line: it takes no slot.
    Uncounted,
}

impl Client {
    fn request_disconnect(&self) {
        self.shutdown.is_requested.store(true, Ordering::SeqCst);
        if self.shutdown.is_idle.load(Ordering::SeqCst) {
            // The end of the input ends the read that waits; the output still carries the reason.
            (self.close)(net::Shutdown::Read);
        }
    }
}

impl Clients {
    fn count(&self, is_meant: impl Fn(&Client) -> bool) -> usize {
        self.connected.values().filter(|client| is_meant(client)).count()
    }

    fn check(&self, network: Option<IpAddr>, slots: Slots) -> Result<(), Busy> {
        let is_served = |client: &Client| client.stage == Stage::Served;
        let served = self.count(is_served);
        let alike = self
            .count(|client| is_served(client) && network.is_some() && client.network == network);
        let has_slot = served < slots.all && alike < slots.per_network;
        if has_slot { Ok(()) } else { Err(Busy { served, alike }) }
    }

    fn handshakes(&self) -> impl Iterator<Item = (&u64, &Client)> {
        let is_one = |stage| matches!(stage, Stage::Silent | Stage::Handshake);
        self.connected.iter().filter(move |(_, client)| is_one(client.stage))
    }

    /// The connection that the next handshake replaces if their number is at its maximum: the oldest one
    /// of the network with most handshakes, silent ones first.
    fn replaceable(&self, most: usize) -> Option<u64> {
        if self.handshakes().count() < most {
            return None;
        }
        let mut networks: HashMap<_, usize> = HashMap::new();
        for (_, client) in self.handshakes() {
            *networks.entry(client.network).or_default() += 1;
        }
        let (crowded, _) = networks.into_iter().max_by_key(|(_, count)| *count)?;
        let alike = self.handshakes().filter(|(_, client)| client.network == crowded);
        let oldest = alike.min_by_key(|(number, client)| (client.stage != Stage::Silent, **number));
        oldest.map(|(number, _)| *number)
    }
}

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
        if let Some(oldest) = clients.replaceable(self.slots.handshakes)
            && let Some(client) = clients.connected.get_mut(&oldest)
        {
            client.stage = Stage::Uncounted;
            (client.close)(net::Shutdown::Both);
        }
        let (network, shutdown) = (address.map(network), Arc::clone(shutdown));
        clients.last += 1;
        let number = clients.last;
        let client =
            Client { shutdown, since: Instant::now(), stage: Stage::Silent, network, close };
        clients.connected.insert(number, client);
        number
    }

    /// The time until the next connection may replace another one; `None`: it may connect now.
    pub(crate) fn wait_to_accept(&self) -> Option<Duration> {
        let clients = self.clients();
        let oldest = clients.connected.get(&clients.replaceable(self.slots.handshakes)?)?;
        MIN_HANDSHAKE.checked_sub(oldest.since.elapsed())
    }

    /// A connection's handshake has begun.
    pub(crate) fn begin_handshake(&self, number: u64) {
        if let Some(client) = self.clients().connected.get_mut(&number)
            && client.stage == Stage::Silent
        {
            client.stage = Stage::Handshake;
        }
    }

    /// Whether there would be a slot for a connection.
    pub(crate) fn check(&self, number: u64) -> Result<(), Busy> {
        let clients = self.clients();
        let network = clients.connected.get(&number).and_then(|client| client.network);
        clients.check(network, self.slots)
    }

    /// Gives a slot to a connection whose handshake is complete.
    pub(crate) fn admit(&self, number: u64) -> Result<(), Busy> {
        let mut clients = self.clients();
        let network = clients.connected.get(&number).and_then(|client| client.network);
        let checked = clients.check(network, self.slots);
        if let Some(client) = clients.connected.get_mut(&number) {
            let is_served = checked.is_ok() && client.stage != Stage::Uncounted;
            client.stage = if is_served { Stage::Served } else { Stage::Uncounted };
        }
        checked
    }

    /// A connection takes no slot.
    pub(crate) fn set_uncounted(&self, number: u64) {
        if let Some(client) = self.clients().connected.get_mut(&number) {
            client.stage = Stage::Uncounted;
        }
    }

    pub(crate) fn remove(&self, number: u64) {
        self.clients().connected.remove(&number);
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
        self.clients().connected.values().for_each(Client::request_disconnect);
    }

    /// Closes all connections.
    pub(crate) fn close_all(&self) {
        for client in self.clients().connected.values() {
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
        let is_waiting =
            |clients: &mut Clients| !clients.connected.is_empty() && !self.is_stopping();
        drop(self.changed.wait_while(self.clients(), is_waiting));
    }

    /// Waits until no client is connected, at most until the timeout.
    pub(crate) fn wait(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let mut clients = self.clients();
        while !clients.connected.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(clients, left);
            clients = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The unit of the limit per address: an IPv6 machine has 2^64 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}
