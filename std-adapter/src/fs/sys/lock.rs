//! Exclusive use of a partial file: a lock of the file system, or a list in this process where the
//! file system has no locks.

use std::collections::{HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Metadata;

use crate::fs::sys::dir_cursor::{Id, id_of};

/// Exclusive use of an open file. It ends when the file is closed and this is dropped. A system without
/// identities of files has no entries in the lists.
#[derive(Debug)]
pub(crate) struct Lock {
    _listed: Option<Listed>,
    _locked: Option<Locked>,
}

impl Lock {
    /// Locks a file; `None` if another transfer has locked it.
    ///
    /// Network and user-space file systems refuse locks in many ways (`ENOLCK`, `EINVAL`, `EBADF`,
    /// `ENOSYS`, `EOPNOTSUPP`). The list still separates the transfers of this process.
    pub(crate) fn take(file: &File, metadata: &Metadata) -> Option<Self> {
        let id = id_of(metadata);
        let listed = loop {
            match file.try_lock() {
                Ok(()) => break None,
                Err(TryLockError::WouldBlock) => return None,
                Err(TryLockError::Error(error))
                    if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(_)) => match id {
                    Some(id) => break Some(Listed::new(id)?),
                    None => break None,
                },
            }
        };
        Some(Self { _listed: listed, _locked: id.map(Locked::new) })
    }

    /// Whether a transfer of this process has locked the file.
    pub(crate) fn is_taken_here(metadata: &Metadata) -> bool {
        id_of(metadata).is_some_and(|id| locked().contains_key(&id))
    }
}

static LISTED: LazyLock<Mutex<HashSet<Id>>> = LazyLock::new(Mutex::default);

fn listed() -> MutexGuard<'static, HashSet<Id>> {
    LISTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file in the list.
#[derive(Debug)]
struct Listed(Id);

impl Listed {
    /// `None` if it is in the list already.
    fn new(id: Id) -> Option<Self> {
        let is_new = listed().insert(id);
        is_new.then(|| Self(id))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        listed().remove(&self.0);
    }
}

/// The files that are locked here, and the number of their locks.
static LOCKED: LazyLock<Mutex<HashMap<Id, usize>>> = LazyLock::new(Mutex::default);

fn locked() -> MutexGuard<'static, HashMap<Id, usize>> {
    LOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is locked here.
#[derive(Debug)]
struct Locked(Id);

impl Locked {
    fn new(id: Id) -> Self {
        *locked().entry(id).or_default() += 1;
        Self(id)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut locked = locked();
        if let Some(count) = locked.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                locked.remove(&self.0);
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_locked_until_its_last_lock_is_dropped() {
        let file = tempfile::tempfile().unwrap();
        let metadata = Metadata::from_file(&file).unwrap();
        let [first, second] = [(); 2].map(|()| Locked::new(id_of(&metadata).unwrap()));
        drop(first);
        assert!(Lock::is_taken_here(&metadata));
        drop(second);
        assert!(!Lock::is_taken_here(&metadata));
    }

    #[test]
    fn without_locks_one_transfer_of_this_process_uses_a_file() {
        let file = tempfile::tempfile().unwrap();
        let id = id_of(&Metadata::from_file(&file).unwrap()).unwrap();
        let first = Listed::new(id);
        assert!(first.is_some() && Listed::new(id).is_none());
        drop(first);
        assert!(Listed::new(id).is_some());
    }
}
