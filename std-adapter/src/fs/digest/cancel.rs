//! Stops work on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tinyferry_core::error::Reason;

/// Whether the result is not needed any more. All clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// It is cancelled.
    pub(crate) fn check(&self) -> Result<(), Reason> {
        if self.is_cancelled() { Err(Reason::Cancelled) } else { Ok(()) }
    }
}
