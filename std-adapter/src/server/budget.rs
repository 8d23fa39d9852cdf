//! The number of clients that the limit of open files allows, and the descriptors that they share.

use crate::fs::Descriptors;
use crate::fs::sys::descriptors::limit;

/// Descriptors of the program: standard streams, listeners, the root, the log, the key file.
const OWN_DESCRIPTORS: usize = 48;
/// Descriptors reserved for each client: its socket, eight directories, and five files.
const DESCRIPTORS_PER_CLIENT: usize = 14;

/// The shares of the limit of open files.
pub(crate) struct Budget {
    /// The limit of open files.
    pub(crate) limit: usize,
    /// The maximum number of clients.
    pub(crate) clients: usize,
    /// The maximum number of connections without a complete handshake.
    pub(crate) handshakes: usize,
    /// Descriptors that the clients share beyond the reserved ones.
    pub(crate) descriptors: Descriptors,
}

/// Divides the limit of open files among at most `clients` clients.
pub(crate) fn share(clients: usize) -> Budget {
    let limit = limit();
    let handshakes = (limit / 16).clamp(64, 256);
    let free = limit.saturating_sub(OWN_DESCRIPTORS + handshakes);
    let clients = clients.min(free / DESCRIPTORS_PER_CLIENT).max(1);
    let descriptors = Descriptors::new(free.saturating_sub(clients * DESCRIPTORS_PER_CLIENT));
    Budget { limit, clients, handshakes, descriptors }
}
