//! What one end brings to a session, before it has met the other.

use crate::checksum::Sha256;
use crate::error::Reason;
use crate::machine::Millis;
use crate::profile::Profile;
use crate::wire::{CREDIT_MAX, FEATURE_SHA256, Greeting, PAYLOAD_MAX, VERSION};

/// What one end brings to a session.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Config {
    /// Whether the link may lose, damage, insert or double bytes. One end is enough to say so.
    pub lossy: bool,
    /// Whether this end cannot listen while it sends: its driver never reads in
    /// [`Exchange`](crate::Step::Exchange).
    pub half_duplex: bool,
    /// A unit of the map is 256 · 2^unit bytes; 0 to 2.
    pub unit: u8,
    /// Largest chunk payload taken, in bytes; at most 1024.
    pub chunk: u16,
    /// Frames taken before the sender must ask; 1 to 32,767. On a link without flow control so
    /// many full frames must fit into what receives them.
    pub credit: u16,
    /// How long a silent peer is waited for, in ms.
    pub patience: Millis,
    /// How long a server waits for a greeting, in ms, whatever else comes meanwhile; 0: for ever.
    pub handshake: Millis,
    /// How long a server waits for the next request, in ms; 0: for ever.
    pub idle: Millis,
    /// Whether this end wants the SHA-256 of each file, and can compute it. Whether the other end
    /// wants it as well is known after the handshake: [`Session::has_sha256`](crate::Session::has_sha256).
    pub sha256: bool,
    /// Whether a client may close this server.
    pub may_close: bool,
    /// Refuse whoever greets, for this reason.
    pub refuse: Option<Reason>,
}

impl Config {
    /// For a reliable stream: TCP, a pipe, a Unix socket.
    pub const RELIABLE: Self = Self {
        lossy: false,
        half_duplex: false,
        unit: 0,
        chunk: PAYLOAD_MAX as u16,
        credit: CREDIT_MAX,
        patience: 30_000,
        handshake: 0,
        idle: 0,
        sha256: false,
        may_close: false,
        refuse: None,
    };

    /// For a serial line or another link that loses bytes.
    pub const LOSSY: Self = Self { lossy: true, credit: 128, ..Self::RELIABLE };

    pub(super) const fn greeting<P: Profile>(&self, session: u32) -> Greeting {
        let sha256 = self.sha256 && <P::Sha256 as Sha256>::SUPPORTED;
        Greeting {
            session,
            version: VERSION,
            lossy: (self.lossy || !P::RELIABLE) && P::LOSSY,
            half_duplex: self.half_duplex,
            features: if sha256 { FEATURE_SHA256 } else { 0 },
            chunk: self.chunk,
            unit: self.unit,
            credit: self.credit,
        }
    }
}
