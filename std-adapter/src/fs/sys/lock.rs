//! Exclusive use of a partial file: a lock of the file system, or a list in this process where the
//! file system has no locks.

use std::fs::{File, TryLockError};

use cap_std::fs::Metadata;

/// Exclusive use of an open file. It ends when the file is closed and this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    #[cfg(unix)]
    _listed: Option<list::Listed>,
    #[cfg(unix)]
    _held: list::Held,
}

impl Lock {
    /// Locks a file; `None` if another transfer holds it.
    ///
    /// Network and user-space file systems refuse locks in many ways (`ENOLCK`, `EINVAL`, `EBADF`,
    /// `ENOSYS`, `EOPNOTSUPP`). The list still separates the transfers of this process.
    pub(crate) fn take(file: &File, metadata: &Metadata) -> Option<Self> {
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Some(Self {
                        #[cfg(unix)]
                        _listed: None,
                        #[cfg(unix)]
                        _held: list::Held::new(metadata),
                    });
                }
                Err(TryLockError::WouldBlock) => return None,
                Err(TryLockError::Error(error))
                    if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(_)) => return Self::list(metadata),
            }
        }
    }

    #[cfg(unix)]
    fn list(metadata: &Metadata) -> Option<Self> {
        let listed = Some(list::Listed::new(metadata)?);
        Some(Self { _listed: listed, _held: list::Held::new(metadata) })
    }

    /// Whether a transfer of this process holds the file.
    #[cfg(unix)]
    pub(crate) fn is_held_here(metadata: &Metadata) -> bool {
        list::is_held(metadata)
    }

    #[cfg(not(unix))]
    pub(crate) fn is_held_here(_: &Metadata) -> bool {
        false
    }

    #[cfg(not(unix))]
    fn list(_: &Metadata) -> Option<Self> {
        Some(Self {})
    }
}

#[cfg(unix)]
mod list {
    use std::collections::{HashMap, HashSet};
    use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

    use cap_fs_ext::MetadataExt;
    use cap_std::fs::Metadata;

    type Id = (u64, u64);

    static IN_USE: LazyLock<Mutex<HashSet<Id>>> = LazyLock::new(Mutex::default);

    fn in_use() -> MutexGuard<'static, HashSet<Id>> {
        IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file in the list, by device and inode.
    #[derive(Debug)]
    pub(crate) struct Listed(Id);

    impl Listed {
        /// `None` if it is in the list already.
        pub(crate) fn new(metadata: &Metadata) -> Option<Self> {
            let id = (metadata.dev(), metadata.ino());
            let is_new = in_use().insert(id);
            is_new.then(|| Self(id))
        }
    }

    impl Drop for Listed {
        fn drop(&mut self) {
            in_use().remove(&self.0);
        }
    }

    /// The files that are locked here, and the number of their locks.
    static HELD: LazyLock<Mutex<HashMap<Id, usize>>> = LazyLock::new(Mutex::default);

    fn held() -> MutexGuard<'static, HashMap<Id, usize>> {
        HELD.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_held(metadata: &Metadata) -> bool {
        held().contains_key(&(metadata.dev(), metadata.ino()))
    }

    /// A file that is locked here.
    #[derive(Debug)]
    pub(super) struct Held(Id);

    impl Held {
        pub(super) fn new(metadata: &Metadata) -> Self {
            let id = (metadata.dev(), metadata.ino());
            *held().entry(id).or_default() += 1;
            Self(id)
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            let mut held = held();
            if let Some(count) = held.get_mut(&self.0) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&self.0);
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_file_is_locked_until_its_last_lock_is_dropped() {
            let file = tempfile::tempfile().unwrap();
            let metadata = Metadata::from_file(&file).unwrap();
            let [first, second] = [(); 2].map(|()| Held::new(&metadata));
            drop(first);
            assert!(is_held(&metadata));
            drop(second);
            assert!(!is_held(&metadata));
        }

        #[test]
        fn without_locks_one_transfer_of_this_process_uses_a_file() {
            let file = tempfile::tempfile().unwrap();
            let metadata = Metadata::from_file(&file).unwrap();
            let first = Listed::new(&metadata);
            assert!(first.is_some() && Listed::new(&metadata).is_none());
            drop(first);
            assert!(Listed::new(&metadata).is_some());
        }
    }
}
