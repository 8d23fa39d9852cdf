//! Configuration of one end of a session.

use crate::error::Reason;
use crate::profile::{Capabilities, Profile};
use crate::time::Millis;
use crate::wire::{CREDIT_MAX, Hello, PAYLOAD_MAX, VERSION, features};

/// Configuration of one end of a session. The handshake negotiates the values in use:
/// [`Session::negotiated`](crate::Session::negotiated).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Config {
    /// Whether the link may lose, damage, insert or duplicate bytes. It is lossy if one end says so.
    pub lossy: bool,
    /// Whether this end cannot receive while it sends: its driver never reads in
    /// [`Exchange`](crate::Step::Exchange).
    pub half_duplex: bool,
    /// A block of the selective acknowledgement is 256 · 2^block bytes; 0 to 2.
    pub block: u8,
    /// Largest chunk payload that this end receives, in bytes; at most 1024.
    pub chunk: u16,
    /// Frames that the sender may send before its next query; 1 to 32,767. On a link without flow
    /// control the receive buffer must hold this number of full frames.
    pub credit: u16,
    /// The time without progress after which the other end counts as gone, in ms.
    pub timeout: Millis,
    /// How long a server waits for the client's hello, in ms, whatever else comes; 0: for ever.
    pub handshake_timeout: Millis,
    /// How long a server waits for the next request, in ms; 0: for ever.
    pub idle_timeout: Millis,
    /// Whether this end wants the SHA-256 of each file, and can compute it. It is used if the other
    /// end wants it as well: [`Session::has_sha256`](crate::Session::has_sha256).
    pub sha256: bool,
    /// Whether a client may close this server.
    pub may_close: bool,
    /// Refuse every client, for this reason.
    pub refuse: Option<Reason>,
}

impl Config {
    /// For a reliable stream: TCP, a pipe, a Unix socket.
    pub const RELIABLE: Self = Self {
        lossy: false,
        half_duplex: false,
        block: 0,
        chunk: PAYLOAD_MAX as u16,
        credit: CREDIT_MAX,
        timeout: 30_000,
        handshake_timeout: 0,
        idle_timeout: 0,
        sha256: false,
        may_close: false,
        refuse: None,
    };

    /// For a serial line or another link that loses bytes.
    pub const LOSSY: Self = Self { lossy: true, credit: 128, ..Self::RELIABLE };

    pub(crate) fn hello<P: Profile>(&self, session: u32) -> Hello {
        Hello {
            session,
            version: VERSION,
            lossy: P::is_lossy(self.lossy),
            half_duplex: self.half_duplex,
            features: features(self.sha256 && P::has_sha256()),
            chunk: self.chunk,
            block: self.block,
            credit: self.credit,
        }
    }
}
