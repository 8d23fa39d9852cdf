//! How many clients the system's limit of open files carries, and what is left for them to share.

use crate::fs::Descriptors;

/// The program's own: standard streams, listeners, the root, the log, the key file.
const OWN: usize = 48;
/// What each client may always have: its socket, eight directories, and five files.
const EACH: usize = 14;
/// Where the system has no such limit.
const UNLIMITED: usize = 1 << 20;

/// What a server's clients may open.
pub(crate) struct Budget {
    /// The limit of open files.
    pub(crate) limit: usize,
    /// So many clients at once.
    pub(crate) clients: usize,
    /// So many connections without a complete handshake.
    pub(crate) handshakes: usize,
    /// What they share beyond what each may always have.
    pub(crate) descriptors: Descriptors,
}

/// Shares the limit of open files between so many clients, or fewer.
pub(crate) fn share(clients: usize) -> Budget {
    let limit = limit();
    let handshakes = (limit / 16).clamp(64, 256);
    let free = limit.saturating_sub(OWN + handshakes);
    let clients = clients.min(free / EACH).max(1);
    let descriptors = Descriptors::new(free.saturating_sub(clients * EACH));
    Budget { limit, clients, handshakes, descriptors }
}

#[cfg(unix)]
fn limit() -> usize {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(UNLIMITED)
}

#[cfg(not(unix))]
fn limit() -> usize {
    UNLIMITED
}
