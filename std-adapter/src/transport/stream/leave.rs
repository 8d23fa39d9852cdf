//! What is seen of a link from outside: whether it may be ended, and how much has crossed it.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a server shares with the link of each client, to let it go when it may.
#[derive(Debug, Default)]
pub struct Leave {
    /// The server is ending.
    pub leaving: AtomicBool,
    /// The session has nothing under way.
    pub at_rest: AtomicBool,
    /// The grace period is over: whatever is under way ends. A socket is shut down instead.
    pub cut: AtomicBool,
}

impl Leave {
    /// Whether to let go of the client now.
    pub(crate) fn is_due(&self) -> bool {
        let [at_rest, leaving, cut] =
            [&self.at_rest, &self.leaving, &self.cut].map(|flag| flag.load(Ordering::SeqCst));
        at_rest && leaving || cut
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
