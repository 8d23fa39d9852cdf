//! Whether the link of a session loses bytes. The handshake decides it, after the store and the link were made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the session's driver, which sets it, and by the store and the link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loss(Arc<AtomicBool>);

impl Loss {
    pub(crate) fn new(is_lossy: bool) -> Self {
        Self(Arc::new(AtomicBool::new(is_lossy)))
    }

    pub(crate) fn set(&self, is_lossy: bool) {
        self.0.store(is_lossy, Ordering::Relaxed);
    }

    pub(crate) fn is_lossy(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
