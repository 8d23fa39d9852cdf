//! The connections of a server, and the counts that decide about slots. Each takes the same time for any number of
//! connections.

use std::collections::{BTreeSet, HashMap};
use std::net::{self, IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Busy, Close, Slots};
use crate::transport::stream::Shutdown;

#[derive(Default)]
pub(super) struct Clients {
    last: u64,
    connected: HashMap<u64, Client>,
    served: usize,
    /// The numbers of served connections by network, without zeros.
    served_by_network: HashMap<IpAddr, usize>,
    /// The connections without a complete handshake.
    handshakes: BTreeSet<u64>,
}

/// A connection.
pub(super) struct Client {
    pub(super) shutdown: Arc<Shutdown>,
    pub(super) since: Instant,
    stage: Stage,
    /// Its network, if it connects over one.
    network: Option<IpAddr>,
    /// Closes its socket, or the input only.
    pub(super) close: Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
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
    pub(super) fn new(shutdown: Arc<Shutdown>, network: Option<IpAddr>, close: Close) -> Self {
        Self { shutdown, since: Instant::now(), stage: Stage::Silent, network, close }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) fn request_disconnect(&self) {
        self.shutdown.is_requested.store(true, Ordering::SeqCst);
        if self.shutdown.is_idle.load(Ordering::SeqCst) {
            // The end of the input ends the read that waits; the output still carries the reason.
            (self.close)(net::Shutdown::Read);
        }
    }
}

impl Clients {
    /// The numbers of connections, and of those that have a slot.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.connected.len(), self.served]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connected.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Client> {
        self.connected.values()
    }

    pub(super) fn client(&self, number: u64) -> Option<&Client> {
        self.connected.get(&number)
    }

    /// Adds a connection and returns its number.
    pub(super) fn add(&mut self, client: Client) -> u64 {
        self.last += 1;
        self.count(self.last, client.stage, client.network);
        self.connected.insert(self.last, client);
        self.last
    }

    pub(super) fn set_stage(&mut self, number: u64, stage: Stage) {
        if let Some(client) = self.connected.get_mut(&number) {
            let (before, network) = (std::mem::replace(&mut client.stage, stage), client.network);
            self.uncount(number, before, network);
            self.count(number, stage, network);
        }
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Some(Client { stage, network, .. }) = self.connected.remove(&number) {
            self.uncount(number, stage, network);
        }
    }

    fn count(&mut self, number: u64, stage: Stage, network: Option<IpAddr>) {
        match stage {
            Stage::Silent | Stage::Handshake => drop(self.handshakes.insert(number)),
            Stage::Served => {
                self.served += 1;
                if let Some(network) = network {
                    *self.served_by_network.entry(network).or_default() += 1;
                }
            }
            Stage::Uncounted => {}
        }
    }

    fn uncount(&mut self, number: u64, stage: Stage, network: Option<IpAddr>) {
        match stage {
            Stage::Silent | Stage::Handshake => drop(self.handshakes.remove(&number)),
            Stage::Served => {
                self.served -= 1;
                if let Some(network) = network
                    && let Some(alike) = self.served_by_network.get_mut(&network)
                {
                    *alike -= 1;
                    if *alike == 0 {
                        self.served_by_network.remove(&network);
                    }
                }
            }
            Stage::Uncounted => {}
        }
    }

    /// Whether there is a slot for a connection.
    pub(super) fn check(&self, number: u64, slots: Slots) -> Result<(), Busy> {
        let network = self.client(number).and_then(|client| client.network);
        let alike = network.and_then(|network| self.served_by_network.get(&network));
        let (served, alike) = (self.served, alike.copied().unwrap_or(0));
        let has_slot = served < slots.all && alike < slots.per_network;
        if has_slot { Ok(()) } else { Err(Busy { served, alike }) }
    }

    /// The connection that the next handshake replaces if their number is at its maximum: the oldest one
    /// of the network with most handshakes, silent ones first.
    pub(super) fn replaceable(&self, most: usize) -> Option<u64> {
        if self.handshakes.len() < most {
            return None;
        }
        let begun =
            || self.handshakes.iter().filter_map(|number| Some((*number, self.client(*number)?)));
        let mut networks: HashMap<_, usize> = HashMap::new();
        for (_, client) in begun() {
            *networks.entry(client.network).or_default() += 1;
        }
        let (crowded, _) = networks.into_iter().max_by_key(|(_, count)| *count)?;
        let alike = begun().filter(|(_, client)| client.network == crowded);
        let oldest = alike.min_by_key(|(number, client)| (client.stage != Stage::Silent, *number));
        oldest.map(|(number, _)| number)
    }
}

/// The unit of the limit per address: an IPv6 machine has 2^64 addresses.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}
