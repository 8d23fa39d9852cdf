//! The number of clients that the limit of open files allows, and the descriptors that they share.

use crate::fs::Descriptors;
use crate::fs::sys::descriptors::limit;

/// Descriptors of the program: standard streams, listeners, the root, the log, the key file.
const OWN_DESCRIPTORS: usize = 48;
/// Descriptors reserved for each client that has a request: eight directories, and five files.
const DESCRIPTORS_PER_REQUEST: usize = 13;
/// The smallest number of clients that can have a request at the same time, where the server has as many;
const MIN_REQUESTS: usize = 64;
/// and the largest number of clients for each of them.
const CLIENTS_PER_REQUEST: usize = 16;

/// The shares of the limit of open files.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The limit of open files.
    pub(crate) limit: usize,
    /// The maximum number of clients.
    pub(crate) clients: usize,
    /// The maximum number of clients that have a request at the same time.
    pub(crate) active: usize,
    /// The maximum number of connections without a complete handshake.
    pub(crate) handshakes: usize,
    /// Descriptors that the clients share beyond the reserved ones.
    pub(crate) descriptors: Descriptors,
}

/// Divides the limit of open files among at most `clients` clients.
pub(crate) fn share(clients: usize) -> Budget {
    share_of(limit(), clients)
}

fn share_of(limit: usize, clients: usize) -> Budget {
    let handshakes = (limit / 16).clamp(64, 256);
    let free = limit.saturating_sub(OWN_DESCRIPTORS + handshakes);
    let all_active = free / (1 + DESCRIPTORS_PER_REQUEST);
    let few_active = free.saturating_sub(MIN_REQUESTS * DESCRIPTORS_PER_REQUEST);
    let one_of_many = free * CLIENTS_PER_REQUEST / (CLIENTS_PER_REQUEST + DESCRIPTORS_PER_REQUEST);
    let clients = clients.min(all_active.max(few_active.min(one_of_many))).max(1);
    // Each has its socket.
    let free = free.saturating_sub(clients);
    let active = clients.min(free / DESCRIPTORS_PER_REQUEST).max(1);
    let descriptors = Descriptors::new(free.saturating_sub(active * DESCRIPTORS_PER_REQUEST));
    Budget { limit, clients, active, handshakes, descriptors }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_their_requests_fit_into_the_limit_of_open_files() {
        for (limit, wanted, clients, active) in [
            (1024, 64, 64, 64),
            (256, 64, 10, 10),
            (1024, 10_000, 80, 64),
            (20_000, 1_000, 1_000, 1_000),
            (20_000, 10_000, 10_000, 745),
            (64, 64, 1, 1),
        ] {
            let budget = share_of(limit, wanted);
            assert_eq!((budget.clients, budget.active), (clients, active), "{limit}, {wanted}");
            let taken = OWN_DESCRIPTORS + budget.handshakes + clients + active * 13;
            assert!(taken <= limit.max(126), "{taken} of {limit}");
        }
    }
}
