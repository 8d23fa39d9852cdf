//! A store that keeps the message of a server that has given up a request.

use tinyferry_core::Store;
use tinyferry_core::error::Reason;
use tinyferry_core::store::Deferral;

/// Keeps the message, and forwards all calls.
pub(super) struct GivenUp<'a> {
    store: &'a mut dyn Store,
    message: String,
}

impl<'a> GivenUp<'a> {
    pub(super) fn new(store: &'a mut dyn Store) -> Self {
        Self { store, message: String::new() }
    }

    /// The message; empty if there was none.
    pub(super) fn into_message(self) -> String {
        self.message
    }
}

impl Store for GivenUp<'_> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(self.store)
    }

    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        self.store.deferral()
    }

    fn hole(&mut self, position: u64) -> Option<u64> {
        self.store.hole(position)
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        self.store.store_zeros(position, length)
    }

    fn given_up(&mut self, reason: Reason, message: &str) {
        message.clone_into(&mut self.message);
        self.store.given_up(reason, message);
    }
}
