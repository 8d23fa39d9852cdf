//! The desktop's store: files and directory trees below a directory, or sources a user named.
//!
//! Everything is reached through a capability, one name at a time: nothing outside the root, no
//! symbolic link in any component, no FIFO, device or socket. Knows nothing of frames, links or
//! terminals; what happens is told to an [`Observer`].

pub(crate) mod cleanup;
mod error;
mod event;
mod limits;
mod names;
pub(crate) mod partial_name;
mod recv;
mod root;
mod send;
mod store;
pub(crate) mod sys;
#[cfg(all(test, unix))]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::cleanup::Leftover;
pub use self::cleanup::leftovers;
pub use self::event::Direction;
pub use self::event::Event;
pub use self::event::Observer;
pub use self::limits::Limits;
use self::recv::Inbox;
use self::recv::partial::Whose;
pub use self::root::Root;
use self::send::Outbox;
pub use self::sys::descriptors::Descriptors;
pub use self::sys::descriptors::Permit;
pub use self::sys::sync::Sync;

/// Whether a name is reserved for partial files. No peer can offer or request a file of such a name.
pub fn is_partial_name(name: &str) -> bool {
    partial_name::is_name(name)
}

/// What a server's clients may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Whether they may ask for files.
    pub read: bool,
    /// Whether they may offer files.
    pub write: bool,
}

/// A file or a directory that the user wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is, as the user named it. Symbolic links in this path are the user's own and are
    /// followed; those found below it are not.
    pub local: PathBuf,
    /// The path that the other end sees: of a lone file the whole of it, in a tree the part below
    /// the tree's root. In a tree it may be empty: the content of the directory then stands
    /// directly below the root.
    pub remote: String,
}

/// A [`Store`](tinyferry_core::Store) on a file system. It serves one session.
///
/// While a file comes in it has a name of its own beside the target, `.NAME.tinyferry-part`; it
/// stays there when a transfer breaks off, and a later one resumes from it. Nobody can offer or
/// ask for a file of such a name. A small one whose directory is new gets it only when it breaks
/// off.
///
/// Memory does not grow with a file's size. Of a tree, the store remembers the directories, the last
/// 16,384 entries, and at most 2 MiB of names that are still to be sent.
#[derive(Debug)]
pub struct Directory<O> {
    /// `None`: takes nothing.
    inbox: Option<Inbox>,
    /// `None`: gives nothing.
    outbox: Option<Outbox>,
    /// SHA-256 of the open file, once all of it is there.
    sha256: Option<[u8; 32]>,
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
        let inbox = rights.write.then(|| {
            let mut inbox = Inbox::new(Arc::clone(&root), None, sync);
            if !rights.read {
                inbox.allow(true, Whose::Nobody);
            }
            inbox
        });
        Self { inbox, outbox: rights.read.then(|| Outbox::serving(root)), sha256: None, observer }
    }

    /// A client's store for `put`: sends one file.
    pub fn sending_file(source: Source, observer: O) -> Self {
        let outbox = Some(Outbox::sending(None, vec![source]));
        Self { inbox: None, outbox, sha256: None, observer }
    }

    /// A client's store for `put`: sends one tree, offered as `path` (empty: the other end's
    /// root), in which the sources stand side by side.
    pub fn sending_tree(path: String, sources: Vec<Source>, observer: O) -> Self {
        let outbox = Some(Outbox::sending(Some(path), sources));
        Self { inbox: None, outbox, sha256: None, observer }
    }

    /// A client's store for `get`: what comes goes to `target` below `root`, whatever path the
    /// other end names. A single file gets that name; a tree's entries go below that directory,
    /// and below `root` itself where `target` is empty.
    pub fn receiving(root: Root, target: String, sync: Sync, observer: O) -> Self {
        let inbox = Inbox::new(root.0, Some(target), sync);
        Self { inbox: Some(inbox), outbox: None, sha256: None, observer }
    }

    /// Whether what comes in may come out of order, over a link that loses bytes. What an earlier
    /// transfer left behind may then have holes near its end, and a resume begins before them.
    #[must_use]
    pub fn lossy(mut self, lossy: bool) -> Self {
        if let Some(inbox) = &mut self.inbox {
            inbox.expect_holes(lossy);
        }
        self
    }

    /// Identifies the client: `id` stands for its key, in letters and digits. A client without the
    /// right to read resumes only from its own partial files, and without an `id` from none.
    #[must_use]
    pub fn identified(mut self, id: &str) -> Self {
        if let (Some(inbox), None) = (&mut self.inbox, &self.outbox) {
            inbox.allow(true, Whose::client(id));
        }
        self
    }

    /// Takes no more than this, instead of what [`Limits::default`] says.
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        if let Some(inbox) = &mut self.inbox {
            inbox.limit(limits);
        }
        self
    }

    /// The observer, with what it has gathered.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// The observer, when the session is over.
    pub fn into_observer(self) -> O {
        self.observer
    }
}
