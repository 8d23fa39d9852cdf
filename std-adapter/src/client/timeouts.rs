//! How long a client waits for a connection and for the handshake.

use std::time::Duration;

use crate::auth::HANDSHAKE_TIMEOUT;
use crate::transport::tcp::CONNECT_TIMEOUT;

/// The timeouts before the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Of a connection attempt to one address.
    pub(crate) connect: Duration,
    /// Of the handshake of the secure channel.
    pub(crate) handshake: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, handshake: HANDSHAKE_TIMEOUT }
    }
}
