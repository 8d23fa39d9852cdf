//! A store on S3-compatible object storage: any number of servers share one bucket. See [`Objects`].
//!
//! # Design
//!
//! A file at `PATH` is the object `PREFIX/PATH`, a directory the empty object `PREFIX/PATH/`; a prefix of keys is a
//! directory too. Times and permission bits are metadata of the object. An object appears when it is complete, and the
//! old one stays until then: nothing is renamed.
//!
//! - **Integrity.** The digest of the sender's `DON` is the checksum that S3 has for a whole object (CRC-64/NVME). It goes
//!   into the request that puts the object in place, and the storage refuses that if it has other content.
//! - **Content.** A file up to 8 MiB is one request. A larger one is a multipart upload: a part is uploaded while the next
//!   one comes in, and complete is the commit. Memory: two parts of 8 MiB for each client that sends a large file, and 256 MiB
//!   for all clients together.
//! - **Resume.** After each part the record of the unfinished file is written, an object at
//!   `PREFIX/.tinyferry-part/PATH`, with the upload and the checksum of each part; after an interruption of the link also
//!   the bytes behind the last part. Another server reads it, compares it with the parts that the storage lists, and proves
//!   the prefix by the checksum of its parts, which combine. A killed server loses at most the parts under way and
//!   those behind them: parts complete in any order, and a resume continues behind a prefix.
//! - **The same file** is recognised by size, time and the storage's checksum, without reading it.
//! - **Waiting.** Requests run on other threads while the session sends keepalives, and are repeated for 90 s. Where a
//!   session cannot send any (the begin of a get, a list) they are repeated for 12 s.
//! - **Races.** Two servers that put one path: the last complete wins, as a whole. With `--no-replace` the storage decides
//!   by a conditional request. A file and a directory of one name are refused where a server sees both.
//! - **Old uploads** are aborted, and their records removed, at the start of a server and hourly (`sweep`).

mod ahead;
mod bucket;
mod change;
mod credentials;
mod deferred;
mod digests;
mod done;
mod facts;
mod fault;
mod http;
mod listing;
mod location;
mod look;
mod looked;
mod multipart;
mod objects;
mod partial;
mod reader;
mod recv;
mod resume;
mod room;
mod send;
mod store;
pub(crate) mod sweep;
mod target;
mod unfinished;
mod upload;
mod walk;
mod xml;

use std::sync::Arc;

pub use self::bucket::Bucket;
pub use self::location::{InvalidLocation, Location};
use self::recv::Receiving;
use self::send::Sending;
use crate::fs::names::join;
use crate::fs::{Limits, Observer, Policy, Rights};

/// A [`Store`](tinyferry_core::Store) on the objects of a bucket. It serves one session.
///
/// A client without the right to read learns nothing of objects that exist, and continues only its own files, by its
/// key. Links, owners, SHA-256, `.gitignore` files of the storage and growing files are not
/// supported; a directory cannot be renamed.
#[derive(Debug)]
pub struct Objects<O> {
    /// `None`: the store does not receive.
    receiving: Option<Receiving>,
    /// `None`: the store does not send.
    sending: Option<Sending>,
    /// CRC-64 of the open file, once it is complete.
    crc64: u64,
    names_only: bool,
    /// The message for the other end about the last refusal, or empty.
    refusal: String,
    /// The message of a sender that has given up.
    given_up: Option<String>,
    observer: O,
}

/// What the client of a store may do, and where.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    bucket: Arc<Bucket>,
    /// The path of the client's root below the prefix of the bucket.
    root: String,
    limits: Limits,
    policy: Policy,
    may_read: bool,
    may_remove: bool,
    /// Identifies the client; empty: it is not known.
    owner: String,
}

impl Access {
    /// Whether the client may not read.
    fn is_blind(&self) -> bool {
        !self.may_read
    }

    /// A path below the client's root as one below the prefix of the bucket.
    fn whole(&self, path: &str) -> String {
        join(&self.root, path)
    }

    fn key(&self, path: &str) -> String {
        self.bucket.key(&self.whole(path))
    }
}

impl<O: Observer> Objects<O> {
    /// A server's store: offers go below the prefix of `bucket`, and requests are answered from there.
    pub fn serving(bucket: Arc<Bucket>, rights: Rights, observer: O) -> Self {
        Self::with(bucket, rights, observer, Terms::default())
    }

    /// The same with all terms.
    pub(crate) fn with(bucket: Arc<Bucket>, rights: Rights, observer: O, terms: Terms) -> Self {
        let Terms { root, limits, policy, owner } = terms;
        let (may_read, may_remove) = (rights.read, rights.remove);
        let access = Access { bucket, root, limits, policy, may_read, may_remove, owner };
        let access = Arc::new(access);
        Self {
            receiving: rights.write.then(|| Receiving::new(Arc::clone(&access))),
            sending: rights.read.then(|| Sending::new(access)),
            crc64: 0,
            names_only: false,
            refusal: String::new(),
            given_up: None,
            observer,
        }
    }
}

impl<O> Objects<O> {
    /// Frees memory between two requests.
    pub(crate) fn free_buffers(&mut self) {
        if let Some(receiving) = &mut self.receiving {
            receiving.forget();
        }
        if let Some(sending) = &mut self.sending {
            sending.close();
        }
    }
}

/// The terms of one client.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// The path of its root below the prefix of the bucket.
    pub(crate) root: String,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    /// Identifies it; empty: it is not known.
    pub(crate) owner: String,
}

/// Fails if an object storage cannot store files by this policy and within these limits.
///
/// # Errors
/// The clause says why, and what to do.
pub(crate) fn check(policy: &Policy, limits: &Limits) -> Result<(), &'static str> {
    use crate::fs::{Existing, Links, Owner};
    if policy.existing == Existing::KeepBoth {
        return Err("an object storage cannot keep both files of one name: leave out --keep-both");
    }
    if policy.owner != Owner::default() {
        return Err("objects have no owner: leave out --chown");
    }
    if policy.links != Links::default() {
        return Err("an object storage has no links: leave out --links");
    }
    if limits.reserve > 0 {
        return Err("the free space of an object storage is not known: leave out --reserve");
    }
    if limits.partials != Limits::default().partials {
        return Err(
            "the size of all unfinished files of a bucket is not known: leave out --max-partials; --keep-partials \
             limits their age",
        );
    }
    Ok(())
}
