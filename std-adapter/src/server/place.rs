//! What a server serves, and the store of each session.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use tracing::debug;

use super::Options;
use super::access::Permissions;
use super::observers::Observers;
use super::root::Root;
use crate::fs::cleanup::leftovers_below;
use crate::fs::{self, Directory, Limits};
use crate::loss::Loss;
#[cfg(feature = "s3")]
use crate::s3::{Bucket, Objects, Terms, check, sweep::sweep};

/// What a server is to serve.
#[derive(Debug, Clone)]
pub(crate) enum Served {
    Directory(PathBuf),
    #[cfg(feature = "s3")]
    Bucket(Arc<Bucket>),
}

/// What a server serves.
#[derive(Debug)]
pub(crate) enum Places {
    Directory(Root),
    #[cfg(feature = "s3")]
    Bucket(Arc<Bucket>),
}

/// The place of one client.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Directory {
        /// The directory that the server serves.
        server_root: Arc<Dir>,
        /// The directory of the client.
        root: Arc<Dir>,
    },
    /// The directory of the client is a path in it, which need not exist.
    #[cfg(feature = "s3")]
    Bucket(Arc<Bucket>),
}

/// The store of one session.
#[derive(Debug)]
pub(crate) enum SessionStore {
    Directory(Box<Directory<Observers>>),
    #[cfg(feature = "s3")]
    Bucket(Box<Objects<Observers>>),
}

impl Places {
    /// Opens the place, and closes it again: from then on it can be served.
    ///
    /// # Errors
    /// It cannot be served, or not with these options.
    pub(crate) fn open(
        served: &Served,
        #[cfg_attr(not(feature = "s3"), expect(unused_variables))] options: &Options,
    ) -> io::Result<Self> {
        match served {
            Served::Directory(path) => Root::open(path).map(Self::Directory),
            #[cfg(feature = "s3")]
            Served::Bucket(bucket) => {
                let refused = |why: &str| {
                    let sentence = format!("cannot serve {}: {why}", bucket.location());
                    io::Error::new(io::ErrorKind::InvalidInput, sentence)
                };
                check(&options.policy, &options.limits).map_err(refused)?;
                bucket.check()?;
                Ok(Self::Bucket(Arc::clone(bucket)))
            }
        }
    }

    /// The place of a client without a directory of its own.
    pub(crate) fn current(&self) -> io::Result<Place> {
        match self {
            Self::Directory(root) => {
                let root = root.current()?;
                Ok(Place::Directory { server_root: Arc::clone(&root), root })
            }
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => Ok(Place::Bucket(Arc::clone(bucket))),
        }
    }

    /// Removes what broken transfers have left at least `least` ago, if that is not zero. Returns the number of files.
    pub(crate) fn clean(&self, limits: &Limits, least: Duration) -> io::Result<u64> {
        match self {
            Self::Directory(root) => clean_directory(root, limits, least),
            #[cfg(feature = "s3")]
            Self::Bucket(_) if least.is_zero() => Ok(0),
            #[cfg(feature = "s3")]
            Self::Bucket(bucket) => sweep(bucket, least),
        }
    }
}

fn clean_directory(root: &Root, limits: &Limits, least: Duration) -> io::Result<u64> {
    let dir = root.current()?;
    limits.partial_index.begin_scan(&dir);
    let removed = leftovers_below(
        &dir,
        |leftover| {
            let is_old = !least.is_zero() && leftover.age >= least;
            if !is_old && !leftover.is_in_use {
                limits.partial_index.found(leftover);
            }
            is_old
        },
        |action, path, why| {
            let path = path.escape_debug();
            debug!(
                "the server searches for old partial files, and cannot {action} \"{path}\": {why}"
            );
        },
    );
    limits.partial_index.end_scan(limits.partials);
    removed
}

impl SessionStore {
    /// The store of a client with these permissions.
    pub(crate) fn new(
        permissions: &Permissions,
        options: &Options,
        observers: Observers,
        loss: &Loss,
    ) -> Self {
        let Permissions { place, rights, directory, id, quota, .. } = permissions;
        match place.clone() {
            Place::Directory { server_root, root } => {
                // As long as this session lasts, partials below it can be removed.
                options.limits.partial_index.set_root(&server_root);
                let store = Directory::serving(fs::Root(root), *rights, options.sync, observers);
                let quota = quota.map(|most| options.limits.quotas.of(directory, most));
                let limits = Limits { below: directory.clone(), quota, ..options.limits.clone() };
                let mut store = store.with_loss(loss).limited(limits).governed(&options.policy);
                if let Some(id) = id {
                    store = store.identified(id);
                }
                Self::Directory(Box::new(store))
            }
            #[cfg(feature = "s3")]
            Place::Bucket(bucket) => {
                let terms = Terms {
                    root: directory.clone(),
                    limits: options.limits.clone(),
                    policy: options.policy.clone(),
                    owner: id.clone().unwrap_or_default(),
                };
                Self::Bucket(Box::new(Objects::with(bucket, *rights, observers, terms)))
            }
        }
    }

    /// Frees memory and descriptors between two requests.
    pub(crate) fn free_buffers(&mut self) {
        match self {
            Self::Directory(store) => store.free_buffers(),
            #[cfg(feature = "s3")]
            Self::Bucket(store) => store.free_buffers(),
        }
    }

    /// Its observers, if a new store would do as well for the next request.
    ///
    /// # Errors
    /// The store, which is needed further.
    pub(crate) fn into_observers(self) -> Result<Observers, Self> {
        match self {
            Self::Directory(store) if store.is_as_new() => Ok(store.into_observer()),
            needed => Err(needed),
        }
    }

    /// Whether it can read received content again, for its SHA-256 after a resume.
    pub(crate) fn has_sha256(&self) -> bool {
        matches!(self, Self::Directory(_))
    }
}
