//! A client: one connection, one task after another.

mod builder;
pub(crate) mod connection;
mod console;
mod entries;
mod failed;
mod given_up;
mod mirror;
mod operations;
mod pipe;
mod selection;
mod session;
mod space;
#[cfg(test)]
mod tests;
mod timeouts;

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU8;
use std::path::Path;
use std::time::{Duration, Instant};

use tinyferry_core::store::Skip;
use tinyferry_core::{
    Config, Failure, GetRequest, Negotiated, Outcome, Reason, Session, Step, Store, Task,
};

use crate::checksum::Desktop;
use crate::client::connection::{Banners, Connection, TextListener};
use crate::endpoint::Endpoint;
use crate::fs::{Directory, Limits, Policy, Root, Source, Sync};
use crate::transport::stream::Traffic;

pub use self::builder::ClientBuilder;
use self::builder::Events;
pub use self::connection::clean_up;
pub use self::console::Console;
pub use self::entries::{Entries, Entry, EntryKind};
use self::failed::{local_error, of_get};
pub use self::mirror::{Action, Extras, KindConflict, Plan, Planned, remove_local};
pub use self::operations::{Change, Refused};
pub use self::selection::{Selection, usual_skip};
pub use self::space::Space;
pub use crate::error::Error;

/// A connection to a server.
///
/// ```no_run
/// use tinyferry::client::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::builder("tcp://box:8080".parse()?).key_file("key").connect()?;
/// client.put("photo.jpg", "inbox/photo.jpg")?; // a file or a directory
/// client.get("backup/src", "restored")?;
/// for entry in client.list("backup")? {
///     println!("{}", entry.path.escape_debug());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Client {
    session: Box<Session<Desktop>>,
    connection: Box<dyn Connection>,
    config: Config,
    sync: Sync,
    limits: Limits,
    policy: Policy,
    events: Events,
    /// Whether the server has not refused a request for links that it answers without them.
    supports_links: bool,
    /// Receives the text of a lossy link.
    text: TextListener,
    /// Whether a task that makes no progress on a line is ended to check the line: it can then be run again.
    is_watched: bool,
}

impl Client {
    /// Options for a connection to `endpoint`.
    pub fn builder(endpoint: Endpoint) -> ClientBuilder {
        ClientBuilder::new(endpoint)
    }

    /// Connects with the default options of [`Client::builder`].
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub fn connect(endpoint: Endpoint) -> Result<Self, Error> {
        Self::builder(endpoint).connect()
    }

    fn open(builder: ClientBuilder) -> Result<Self, Error> {
        let protection = builder.protection()?;
        let ClientBuilder {
            endpoint,
            config,
            sync,
            limits,
            policy,
            events,
            timeouts,
            rate,
            banner,
            text,
            ..
        } = builder;
        let connection =
            connection::open(&endpoint, &protection, timeouts, rate, Banners::For(banner))?;
        let config = connection.bound(config);
        let session =
            session::new(config).map_err(|error| Error::Connect(endpoint.clone(), error))?;
        let (supports_links, is_watched) = (true, false);
        Ok(Self {
            session,
            connection,
            config,
            sync,
            limits,
            policy,
            events,
            supports_links,
            text,
            is_watched,
        })
    }

    /// Sends the file or the directory at `local`; `remote` is its path on the server. An empty
    /// `remote` puts the content of a directory directly into the served directory. Files of a directory that
    /// the server has are left out: [`Client::usual_skip`].
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused or left out are no error:
    /// [`Outcome::refused`] and [`Outcome::omitted`] count them, and the events name them.
    pub fn put(&mut self, local: impl AsRef<Path>, remote: &str) -> Result<Outcome, Error> {
        let local = local.as_ref();
        let metadata = local.metadata().map_err(|error| local_error(local, &error))?;
        let (events, local) = (self.events.clone(), local.to_owned());
        if metadata.is_dir() {
            let sources = vec![Source { local, remote: String::new() }];
            return self.retry_once(|client| {
                let skip = client.usual_skip(remote)?;
                let tree =
                    Directory::sending_tree(remote.to_owned(), sources.clone(), events.clone());
                let mut tree = tree.lossy(client.is_lossy()?).skipping(skip);
                client.task(Task::Put, &mut tree)
            });
        }
        let source = Source { local, remote: remote.to_owned() };
        self.put_store(|| Directory::sending_file(source.clone(), events.clone()))
    }

    /// Gets the file or the directory at `remote` and stores it as `local`, in whose parent it must be
    /// possible to write. An empty `remote` is the served directory. If `local` is `.` or ends in `..`, the
    /// entry goes into that directory under the name it has on the server. A directory is merged into one
    /// that exists, without the files that are there: [`usual_skip`]. A file replaces a file, and is refused
    /// where a directory is.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused or left out are no error, as in [`Client::put`].
    pub fn get(&mut self, remote: &str, local: impl AsRef<Path>) -> Result<Outcome, Error> {
        let local = local.as_ref();
        let (parent, name) = match (local.parent(), local.file_name().map(OsStr::to_str)) {
            (Some(parent), Some(Some(name))) => (parent, name),
            (_, Some(None)) => {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8");
                return Err(local_error(local, &error));
            }
            _ => (local, remote.rsplit('/').next().unwrap_or_default()),
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let root = Root::open(parent).map_err(|error| local_error(parent, &error))?;
        let store = Directory::receiving(root, name.to_owned(), self.sync, self.events.clone());
        let store =
            store.lossy(self.is_lossy()?).limited(self.limits.clone()).governed(&self.policy);
        let skip = usual_skip(&parent.join(name));
        let mut store = if skip == Skip::Nothing { store } else { store.answering() };
        let selection = Selection::default().skipping(skip);
        self.get_store_selecting(remote, &selection, &mut store)
            .map_err(|error| of_get(error, local, remote))
    }

    /// The entries at `path`: those in a directory, or the file itself. All
    /// entries are in memory; [`Client::list_store`] takes one at a time, and those below too.
    ///
    /// # Errors
    /// [`Error`].
    pub fn list(&mut self, path: &str) -> Result<Entries, Error> {
        let mut entries = Entries::default();
        let one_level = Selection::default().limited(Some(NonZeroU8::MIN));
        self.list_store_selecting(path, &one_level, &mut entries)?;
        Ok(entries)
    }

    /// Sends from a store that `make` makes.
    ///
    /// Where the other end falls silent in the middle, on a link that loses bytes, the client repeats
    /// the handshake once and begins again with another store of `make`; content that arrived is not
    /// sent again.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error, as in [`Client::put`].
    pub fn put_store<S: Store>(&mut self, mut make: impl FnMut() -> S) -> Result<Outcome, Error> {
        self.retry_once(|client| client.task(Task::Put, &mut make()))
    }

    /// Gets a file, or a tree if it is one, into a store. The empty path is the served directory. The
    /// store is used again where [`Client::put_store`] would make another.
    ///
    /// # Errors
    /// [`Error`]. Entries of a tree that were refused are no error, as in [`Client::put`].
    pub fn get_store(&mut self, path: &str, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.fetch(path, false, store)
    }

    /// Lists a file or a tree: [`Store::offer`] of `store` is called for each entry, and no content
    /// is transferred.
    ///
    /// # Errors
    /// As [`Client::get_store`].
    pub fn list_store(&mut self, path: &str, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.fetch(path, true, store)
    }

    fn fetch(
        &mut self,
        path: &str,
        names_only: bool,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        let task = |tree| Task::Get(GetRequest { tree, names_only, ..GetRequest::file(path) });
        if path.is_empty() {
            return self.persist(task(true), store);
        }
        match self.persist(task(false), store) {
            Err(as_file) if as_file.refusal() == Some(Reason::IsDirectory) => {
                match self.persist(task(true), store) {
                    // It is a file there. A directory is in its place here.
                    Err(error) if error.refusal() == Some(Reason::NotDirectory) => Err(as_file),
                    result => result,
                }
            }
            result => result,
        }
    }

    /// Tests whether the server answers; returns the response time.
    ///
    /// # Errors
    /// [`Error`].
    pub fn ping(&mut self) -> Result<Duration, Error> {
        let begin = Instant::now();
        self.establish()?;
        Ok(begin.elapsed())
    }

    /// The parameters of the session that the handshake has negotiated; `None` before the first task.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.session.negotiated()
    }

    /// Whether bytes may be lost or changed on the way to the server, which is known after the handshake: the
    /// server of a command may have a terminal. For [`Directory::lossy`].
    ///
    /// # Errors
    /// [`Error`], if the handshake fails.
    pub fn is_lossy(&mut self) -> Result<bool, Error> {
        self.ensure_established()?;
        Ok(self.negotiated().is_some_and(|negotiated| negotiated.lossy))
    }

    /// Asks the server to end.
    ///
    /// # Errors
    /// [`Error`], if the server does not allow it.
    pub fn close(&mut self) -> Result<(), Error> {
        self.persist(Task::Close, &mut ()).map(drop)
    }

    /// The traffic of the connection so far.
    pub fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let is_lossy = self.negotiated().is_some_and(|negotiated| negotiated.lossy);
        // A socket shows by itself that the client leaves. Behind it a board may take these bytes for a damaged frame.
        let leaves = is_lossy && (self.config.lossy || self.connection.may_be_terminal());
        match self.session.poll() {
            // An end that no longer answers does not close its side either: it is not waited for.
            Step::Over(Err(Failure::TimedOut)) => {}
            Step::Over(Ok(_) | Err(Failure::Refused(_))) => self.connection.disconnect(leaves),
            // Another client continues the transfer.
            _ => self.connection.disconnect(false),
        }
    }
}
