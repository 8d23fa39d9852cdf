//! Keeps entries at their paths while links are made. The target of a symbolic link is checked by the path of the
//! link: the directory must be at that path until the link has its name. All stores of the process share one lock,
//! since clients may be served the same directory through several roots.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static PATHS: RwLock<()> = RwLock::new(());

/// As long as it exists, this process renames no entry on request of a client.
pub(crate) fn keep_paths() -> RwLockReadGuard<'static, ()> {
    PATHS.read().unwrap_or_else(PoisonError::into_inner)
}

/// As long as it exists, this process makes no link, and no other entry is renamed on request of a client.
pub(crate) fn change_paths() -> RwLockWriteGuard<'static, ()> {
    PATHS.write().unwrap_or_else(PoisonError::into_inner)
}
