//! The permissions of a client, with a key and without one.

use std::io;
use std::sync::Arc;

use super::Options;
use crate::auth::KeyEntry;
use crate::auth::KeyFile;
use crate::describe;
use crate::fs::Rights;
use crate::fs::sys::dir_cursor::open_below;
use crate::server::connection::Service;
use crate::server::place::Place;
use crate::server::root::RootError;
use cap_std::fs::Dir;

/// The permissions of one client.
pub(crate) struct Permissions {
    pub(crate) place: Place,
    pub(crate) rights: Rights,
    pub(crate) may_close: bool,
    /// The path of the client's root below that of the server.
    pub(crate) directory: String,
    /// An identifier of its key; `None`: it has no key.
    pub(crate) id: Option<String>,
    /// How many bytes the files of its directory may take.
    pub(crate) quota: Option<u64>,
    /// The name of its key.
    #[cfg_attr(not(unix), expect(dead_code, reason = "the journal needs it"))]
    pub(crate) name: Option<String>,
}

impl Service {
    /// The permissions of a client without a key.
    pub(crate) fn permissions_without_key(&self) -> io::Result<Permissions> {
        let Options { rights, may_close, .. } = self.options;
        let (place, directory) = (self.root.current()?, String::new());
        let (id, quota, name) = (None, None, None);
        Ok(Permissions { place, rights, may_close, directory, id, quota, name })
    }

    /// The permissions of a key, limited by those of the server.
    pub(crate) fn permissions_of(&self, entry: &KeyEntry) -> Result<Permissions, RootError> {
        let all = self.permissions_without_key()?;
        let rights = Rights {
            read: all.rights.read && entry.rights.read,
            write: all.rights.write && entry.rights.write,
            remove: all.rights.remove || entry.rights.remove,
        };
        let place = place_of(entry, all.place).map_err(RootError::of_key)?;
        let may_close = all.may_close || entry.may_close;
        let (directory, id) = (entry.directory.clone(), Some(entry.id.clone()));
        let (quota, name) = (entry.quota, Some(entry.name.clone()));
        Ok(Permissions { place, rights, may_close, directory, id, quota, name })
    }
}

/// The place of a key. A directory in a bucket need not exist.
fn place_of(entry: &KeyEntry, place: Place) -> io::Result<Place> {
    match place {
        Place::Directory { server_root, root } => {
            let root = directory_of(entry, &root)?;
            Ok(Place::Directory { server_root, root })
        }
        #[cfg(feature = "s3")]
        Place::Bucket(_) if entry.quota.is_some() => {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "a bucket has no quotas");
            Err(cannot(entry, &error))
        }
        #[cfg(feature = "s3")]
        Place::Bucket(bucket) => Ok(Place::Bucket(bucket)),
    }
}

/// The directory of a key: the root itself, shared by all clients, or one below it.
fn directory_of(entry: &KeyEntry, root: &Arc<Dir>) -> io::Result<Arc<Dir>> {
    if entry.directory.is_empty() {
        return Ok(Arc::clone(root));
    }
    let opened = open_below(root, &entry.directory).map(Arc::new);
    opened.map_err(|error| cannot(entry, &error))
}

/// Fails unless the key file has a key that a client can use, and the directory of each key exists.
pub(crate) fn check_keys(file: &KeyFile, place: &Place) -> io::Result<()> {
    let keys = file.read().map_err(io::Error::other)?;
    if keys.entries().next().is_none() {
        let fault = file.fault("has no shared and no public key: no client could connect");
        return Err(io::Error::other(fault));
    }
    if !keys.can_authenticate() {
        let advice = match file.private_path() {
            Some(path) => format!(
                "use the file of the server's private key, \"{path}\", and add the clients' public keys to it"
            ),
            None => "add a private key (tinyferry keygen --pair)".to_owned(),
        };
        let fault = file.fault(format_args!(
            "has public keys, but no private key of this server: no client could connect; {advice}"
        ));
        return Err(io::Error::other(fault));
    }
    for entry in keys.entries() {
        place_of(entry, place.clone()).map_err(|why| {
            let line = entry.line;
            let advice = "create the directory, or correct dir=";
            io::Error::other(file.fault(format_args!("is wrong in line {line}: {why}; {advice}")))
        })?;
    }
    Ok(())
}

fn cannot(entry: &KeyEntry, error: &io::Error) -> io::Error {
    let (name, path) = (entry.name.escape_debug(), entry.directory.escape_debug());
    let sentence = format!(
        "the directory \"{path}\" of {name} cannot be served: {}",
        describe::os_error(error)
    );
    io::Error::new(error.kind(), sentence)
}
