//! The store on a file system: files and directory trees below a directory, or sources that a user named.
//!
//! Opens each path through a capability, one name at a time: nothing outside the root, no symbolic link
//! in any component, no FIFO, device or socket. Knows nothing of frames, links or terminals; reports
//! events to an [`Observer`].

mod amount;
pub(crate) mod cleanup;
mod count;
pub(crate) mod digest;
pub(crate) mod error;
mod event;
mod filter;
pub(crate) mod limits;
pub(crate) mod names;
pub(crate) mod policy;
mod recv;
pub(crate) mod refusal;
mod root;
mod send;
pub(crate) mod skip;
mod source;
mod store;
pub(crate) mod sys;
#[cfg(all(test, unix))]
mod tests;

use std::sync::Arc;

use tinyferry_core::store::Skip;

use crate::loss::Loss;

pub use self::amount::Amount;
pub use self::cleanup::{Leftover, leftovers};
pub use self::count::Count;
pub use self::event::{Direction, Event, Observer};
pub(crate) use self::filter::Exclusion;
pub use self::filter::{Filter, InvalidPattern};
pub use self::limits::Limits;
pub use self::policy::{Chmod, Existing, InvalidChmod, Links, Owner, Policy};
use self::recv::RecvStore;
use self::recv::partial::PartialOwner;
pub use self::root::Root;
use self::send::SendStore;
pub use self::send::links::LinkKinds;
pub use self::source::Source;
pub(crate) use self::source::SourceRoot;
pub use self::sys::descriptors::{Descriptors, Permit};
pub use self::sys::sync::Sync;

/// Whether a name is reserved for partial files. No peer can offer or request a file of such a name.
pub fn is_partial_name(name: &str) -> bool {
    names::partial_name::is_name(name)
}

/// The rights of a server's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Whether they may ask for files.
    pub read: bool,
    /// Whether they may offer files.
    pub write: bool,
    /// Whether they may remove and rename files; with the right to write only.
    pub remove: bool,
}

/// A [`Store`](tinyferry_core::Store) on a file system. It serves one session.
///
/// A file that is being received has a name of its own beside the target, `.NAME.tinyferry-part`. It
/// stays there if the transfer is interrupted, and a later transfer resumes from it. No peer can offer or
/// request a file of such a name. A small file in a new directory gets the name only if it is interrupted.
///
/// Memory does not grow with a file's size. Of a tree, the store remembers the directories, the last
/// 16,384 entries, and at most 2 MiB of names that are still to be sent.
#[derive(Debug)]
pub struct Directory<O> {
    /// `None`: the store does not receive.
    recv: Option<RecvStore>,
    /// `None`: the store does not send.
    send: Option<SendStore>,
    /// SHA-256 of the open file, once it is complete.
    sha256: Option<[u8; 32]>,
    /// The next request asks for the offers only.
    names_only: bool,
    /// The message for the other end about the last refusal, or empty.
    refusal: String,
    /// The message of a sender that has given up; [`Store::abandon`](tinyferry_core::Store::abandon) follows.
    given_up: Option<String>,
    observer: O,
}

impl<O: Observer> Directory<O> {
    /// A server's store: offers go below `root`, and requests are answered from below it.
    ///
    /// A client without the right to read gets no digest of data that it did not send, and cannot
    /// change the times or permission bits of entries that it did not send; see also
    /// [`Directory::identified`].
    pub fn serving(root: Root, rights: Rights, sync: Sync, observer: O) -> Self {
        let Root(root) = root;
        let recv = rights.write.then(|| {
            let mut recv = RecvStore::new(Arc::clone(&root), None, sync);
            if !rights.read {
                recv.restrict(PartialOwner::None);
            }
            if rights.remove {
                recv.allow_remove();
            }
            if rights.read {
                recv.allow_stat();
            }
            recv
        });
        let send = rights.read.then(|| SendStore::serving(root));
        Self::new(recv, send, observer)
    }

    /// A client's store for `put`: sends one file.
    pub fn sending_file(source: Source, observer: O) -> Self {
        let send = Some(SendStore::sending(None, vec![source]));
        Self::new(None, send, observer)
    }

    /// A client's store for `put`: sends one tree, offered as `path` (empty: the other end's
    /// root), which contains the sources side by side.
    pub fn sending_tree(path: String, sources: Vec<Source>, observer: O) -> Self {
        let send = Some(SendStore::sending(Some(path), sources));
        Self::new(None, send, observer)
    }

    /// A client's store for `get`: stores at `target` below `root`, not at the path of the offer. A
    /// single file gets that name; the entries of a tree go below that directory, and below `root` itself
    /// if `target` is empty.
    pub fn receiving(root: Root, target: String, sync: Sync, observer: O) -> Self {
        let recv = RecvStore::new(root.0, Some(target), sync);
        Self::new(Some(recv), None, observer)
    }

    fn new(recv: Option<RecvStore>, send: Option<SendStore>, observer: O) -> Self {
        Self {
            recv,
            send,
            sha256: None,
            names_only: false,
            refusal: String::new(),
            given_up: None,
            observer,
        }
    }

    /// Whether content may arrive out of order, over a link that loses bytes. The partial of an earlier
    /// transfer may then have holes near its end, and a resume begins before them.
    #[must_use]
    pub fn lossy(self, lossy: bool) -> Self {
        self.with_loss(&Loss::new(lossy))
    }

    /// The same, where the handshake decides it later.
    pub(crate) fn with_loss(mut self, loss: &Loss) -> Self {
        if let Some(recv) = &mut self.recv {
            recv.expect_gaps(loss.clone());
        }
        if let Some(send) = &mut self.send {
            send.expect_loss(loss.clone());
        }
        self
    }

    /// Leaves out the files of the tree that `skip` names: this store asks the receiver for digests of its files.
    /// Call [`Directory::lossy`] before.
    #[must_use]
    pub fn skipping(mut self, skip: Skip) -> Self {
        if let Some(send) = &mut self.send {
            send.skip(skip);
        }
        self
    }

    /// Sends links of these kinds as links. Call [`Directory::skipping`] before.
    #[must_use]
    pub fn linking(mut self, kinds: LinkKinds) -> Self {
        if let Some(send) = &mut self.send {
            send.link(kinds);
        }
        self
    }

    /// Asks at the end whether the receiver has the same entries, and no others: see
    /// [`Event::Compared`]. Where a file differs, it is sent again. For [`Skip::SameTime`] and
    /// [`Skip::SameContent`]; call [`Directory::skipping`] before.
    #[must_use]
    pub fn checking(mut self) -> Self {
        if let Some(send) = &mut self.send {
            send.check_at_end();
        }
        self
    }

    /// Leaves out the entries of the tree that a filter excludes. A store that receives does not know the
    /// `.gitignore` files of the other end: for it only the patterns count.
    #[must_use]
    pub fn filtered(mut self, filter: &Filter) -> Self {
        if let Some(send) = &mut self.send {
            send.filter(filter);
        }
        if let Some(recv) = &mut self.recv {
            recv.filter(filter);
        }
        self
    }

    /// Allows the other end to ask for digests of this store's files, and to leave out equal ones.
    #[must_use]
    pub fn answering(mut self) -> Self {
        if let Some(recv) = &mut self.recv {
            recv.allow_stat();
        }
        self
    }

    /// Allows to remove and rename entries: [`Store::operate`](tinyferry_core::Store::operate). The directories of
    /// removed entries keep their times.
    pub(crate) fn removing(mut self) -> Self {
        if let Some(recv) = &mut self.recv {
            recv.allow_remove();
            recv.keep_times();
        }
        self
    }

    /// Identifies the client: `id` is derived from its key, in letters and digits. A client without
    /// the right to read resumes only from its own partial files, and without an `id` from none.
    #[must_use]
    pub fn identified(mut self, id: &str) -> Self {
        if let (Some(recv), None) = (&mut self.recv, &self.send) {
            recv.restrict(PartialOwner::client(id));
        }
        self
    }

    /// Sets the limits of received content, instead of [`Limits::default`].
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        if let Some(recv) = &mut self.recv {
            recv.limit(limits);
        }
        self
    }

    /// Sets how received entries are stored, instead of [`Policy::default`].
    #[must_use]
    pub fn governed(mut self, policy: &Policy) -> Self {
        if let Some(recv) = &mut self.recv {
            recv.govern(policy);
        }
        self
    }

    /// Whether a new store would do as well for the next request to this server.
    pub(crate) fn is_as_new(&self) -> bool {
        self.recv.as_ref().is_none_or(RecvStore::is_as_new)
    }

    /// Frees memory and descriptors of a server's store between two requests.
    pub(crate) fn free_buffers(&mut self) {
        if let Some(recv) = &mut self.recv {
            recv.free_buffers();
        }
        if let Some(send) = &mut self.send {
            send.free_buffers();
        }
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Ends the store and returns its observer.
    pub fn into_observer(self) -> O {
        self.observer
    }
}
