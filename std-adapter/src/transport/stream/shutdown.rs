//! What is seen of a link from outside: whether it may be ended, and how much has crossed it.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a server shares with the link of each client, to let it go when it may.
#[derive(Debug, Default)]
pub struct Shutdown {
    /// The server is ending.
    pub is_requested: AtomicBool,
    /// The session has nothing under way.
    pub is_idle: AtomicBool,
    /// The grace period is over: whatever is under way ends. A socket is shut down instead.
    pub is_forced: AtomicBool,
}

impl Shutdown {
    /// Whether to let go of the client now.
    pub(crate) fn is_due(&self) -> bool {
        let [is_idle, is_requested, is_forced] =
            [&self.is_idle, &self.is_requested, &self.is_forced]
                .map(|flag| flag.load(Ordering::SeqCst));
        is_idle && is_requested || is_forced
    }
}

/// Bytes that crossed a link, frames and all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the other end.
    pub sent: u64,
    /// From the other end.
    pub received: u64,
}
