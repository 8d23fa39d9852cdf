//! What a build of the core can do, chosen by types and constants.

use crate::checksum::{Checksums, Sha256, Tables};

/// What a build of the core can do; what is not used costs nothing.
pub trait Profile {
    /// How CRCs are computed.
    type Checksums: Checksums;
    /// How SHA-256 is computed, if at all.
    type Sha256: Sha256;
    /// Whether this end can send.
    const SENDS: bool = true;
    /// Whether this end can receive.
    const RECEIVES: bool = true;
    /// Whether this end can be a client.
    const CLIENT: bool = true;
    /// Whether this end can be a server.
    const SERVER: bool = true;
    /// Whether trees can be sent and received; if not, files only.
    const TREES: bool = true;
    /// Whether a link may lose bytes.
    const LOSSY: bool = true;
    /// Whether a link may be reliable; if not, each one is taken for lossy.
    const RELIABLE: bool = true;
    /// Whether a store may answer that it is not done yet: [`Reply::Pending`](crate::store::Reply).
    const PENDS: bool = true;
    /// Whether a lossy link may deliver in steps, as a radio or a network does; if not, a silence of
    /// 20 ms always ends a frame.
    const STEPS: bool = true;
    /// Whether a store that sends learns what the receiver has: [`Store::resumed`] and
    /// [`Store::completed`].
    ///
    /// [`Store::resumed`]: crate::Store::resumed
    /// [`Store::completed`]: crate::Store::completed
    const REPORTS: bool = false;
}

#[cfg(feature = "sha256")]
type StandardSha256 = crate::checksum::SoftSha256;
#[cfg(not(feature = "sha256"))]
type StandardSha256 = crate::checksum::NoSha256;

/// Sends and receives, with CRCs from tables, and with SHA-256 if the feature `sha256` is on.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Standard;

impl Profile for Standard {
    type Checksums = Tables;
    type Sha256 = StandardSha256;
}
