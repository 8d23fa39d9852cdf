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
use crate::server::root::RootError;
use cap_std::fs::Dir;

/// The permissions of one client.
pub(crate) struct Permissions {
    /// The directory that the server serves.
    pub(crate) server_root: Arc<Dir>,
    /// The directory of the client.
    pub(crate) root: Arc<Dir>,
    pub(crate) rights: Rights,
    pub(crate) may_close: bool,
    /// The path of `root` below the root of the server.
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
        let (root, directory) = (self.root.current()?, String::new());
        let server_root = Arc::clone(&root);
        let (id, quota, name) = (None, None, None);
        Ok(Permissions { server_root, root, rights, may_close, directory, id, quota, name })
    }

    /// The permissions of a key, limited by those of the server.
    pub(crate) fn permissions_of(&self, entry: &KeyEntry) -> Result<Permissions, RootError> {
        let all = self.permissions_without_key()?;
        let rights = Rights {
            read: all.rights.read && entry.rights.read,
            write: all.rights.write && entry.rights.write,
            remove: all.rights.remove || entry.rights.remove,
        };
        let root = directory_of(entry, &all.root).map_err(RootError::of_key)?;
        let may_close = all.may_close || entry.may_close;
        let (directory, id) = (entry.directory.clone(), Some(entry.id.clone()));
        let (server_root, quota, name) = (all.server_root, entry.quota, Some(entry.name.clone()));
        Ok(Permissions { server_root, root, rights, may_close, directory, id, quota, name })
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
pub(crate) fn check_keys(file: &KeyFile, root: &Arc<Dir>) -> io::Result<()> {
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
        directory_of(entry, root).map_err(|why| {
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
