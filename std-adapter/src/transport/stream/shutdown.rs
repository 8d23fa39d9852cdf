//! The state of a link that its server shares: the flags of a shutdown, and the traffic.

use std::sync::atomic::{AtomicBool, Ordering};

/// The shutdown flags that a server shares with the link of each client.
#[derive(Debug, Default)]
pub struct Shutdown {
    /// The server ends: an idle link closes.
    pub is_requested: AtomicBool,
    /// The session has no active transfer.
    pub is_idle: AtomicBool,
    /// The grace period is over: an active transfer ends. A socket is shut down instead.
    pub is_forced: AtomicBool,
}

impl Shutdown {
    /// Whether the link must close now.
    pub(crate) fn is_due(&self) -> bool {
        let [is_idle, is_requested, is_forced] =
            [&self.is_idle, &self.is_requested, &self.is_forced]
                .map(|flag| flag.load(Ordering::SeqCst));
        is_idle && is_requested || is_forced
    }
}

/// The bytes that a link has carried, with all frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the other end.
    pub sent: u64,
    /// From the other end.
    pub received: u64,
}
