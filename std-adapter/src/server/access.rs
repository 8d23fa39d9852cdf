//! What a client may do, by its key or without one.

use std::io;
use std::sync::Arc;

use cap_fs_ext::DirExt;

use super::Options;
use crate::auth::KeyEntry;
use crate::auth::KeyFile;
use crate::describe;
use crate::fs::Rights;
use crate::server::connection::Host;
use cap_std::fs::Dir;

/// What one client may do.
pub(crate) struct Grant {
    /// The directory that the server serves.
    pub(crate) server_root: Arc<Dir>,
    /// The directory that the client gets.
    pub(crate) root: Arc<Dir>,
    pub(crate) rights: Rights,
    pub(crate) may_close: bool,
    /// Where `root` is, below the server's own.
    pub(crate) directory: String,
    /// What its key is told by, where it has one.
    pub(crate) id: Option<String>,
}

impl Host {
    /// What is allowed without keys.
    pub(crate) fn grant_to_all(&self) -> io::Result<Grant> {
        let Options { rights, may_close, .. } = self.options;
        let (root, directory) = (self.root.current()?, String::new());
        let server_root = Arc::clone(&root);
        Ok(Grant { server_root, root, rights, may_close, directory, id: None })
    }

    /// What a key allows, as far as the server does.
    pub(crate) fn grant(&self, entry: &KeyEntry) -> io::Result<Grant> {
        let all = self.grant_to_all()?;
        let rights = Rights {
            read: all.rights.read && entry.rights.read,
            write: all.rights.write && entry.rights.write,
        };
        let root = descend(&all.root, &entry.directory).map_err(|error| cannot(entry, &error))?;
        let may_close = all.may_close || entry.may_close;
        let (directory, id) = (entry.directory.clone(), Some(entry.id.clone()));
        Ok(Grant { server_root: all.server_root, root, rights, may_close, directory, id })
    }
}

/// The directory at `path` below `root`, through no link.
fn descend(root: &Arc<Dir>, path: &str) -> io::Result<Arc<Dir>> {
    let mut dir = Arc::clone(root);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        dir = Arc::new(dir.open_dir_nofollow(name)?);
    }
    Ok(dir)
}

/// Whether a server's keys make sense, and the directories are there that they are for.
pub(crate) fn check_keys(file: &KeyFile, root: &Dir) -> io::Result<()> {
    let keys = file.read().map_err(io::Error::other)?;
    let root = Arc::new(root.try_clone()?);
    if keys.entries().next().is_none() {
        let fault = file.fault("has no shared and no public key: no client could connect");
        return Err(io::Error::other(fault));
    }
    for entry in keys.entries() {
        descend(&root, &entry.directory).map_err(|error| {
            let (line, why) = (entry.line, cannot(entry, &error));
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
