//! The quota of a directory: how much the files below it may take. All clients of the directory share one account.
//!
//! The files are counted when the first client needs it, and again when a file would not fit: since then others may have
//! been removed. In between, accepted files are added.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, ReadDir};
use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;

/// The shortest time between two counts of the files, as a client may offer files that do not fit over and over.
const RECOUNT: Duration = Duration::from_secs(1);

/// The accounts of the directories of one server, by their paths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas(Arc<Mutex<BTreeMap<String, Arc<Mutex<Account>>>>>);

impl Quotas {
    /// The quota of `most` bytes for the directory of this path.
    pub(crate) fn of(&self, directory: &str, most: u64) -> Quota {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.entry(directory.to_owned()).or_default();
        Quota { most, account: Arc::clone(account) }
    }
}

/// The quota of one directory.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    most: u64,
    account: Arc<Mutex<Account>>,
}

/// The bytes of one directory.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// When the files were counted, and their bytes.
    counted: Option<(Instant, u64)>,
    /// Bytes of files that were accepted since.
    added: u64,
    /// Bytes of transfers that are open.
    open: u64,
}

/// The share of an open transfer.
#[derive(Debug)]
pub(crate) struct Share {
    account: Arc<Mutex<Account>>,
    bytes: u64,
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Account {
    fn left(&self, most: u64) -> u64 {
        let counted = self.counted.map_or(0, |(_, bytes)| bytes);
        most.saturating_sub(counted.saturating_add(self.added).saturating_add(self.open))
    }
}

impl Quota {
    /// Takes a share for `bytes` more bytes below `root`, the directory of the quota.
    ///
    /// # Errors
    /// They do not fit.
    pub(crate) fn take(&self, root: &Dir, bytes: u64) -> Result<Share, StoreError> {
        let mut account = self.check(root, bytes)?;
        account.open = account.open.saturating_add(bytes);
        Ok(Share { account: Arc::clone(&self.account), bytes })
    }

    /// Checks that a number of bytes fits.
    ///
    /// # Errors
    /// They do not.
    pub(crate) fn check(
        &self,
        root: &Dir,
        bytes: u64,
    ) -> Result<MutexGuard<'_, Account>, StoreError> {
        let mut account = lock(&self.account);
        let may_count = account.counted.is_none_or(|(at, _)| at.elapsed() >= RECOUNT);
        if account.counted.is_none() || (bytes > account.left(self.most) && may_count) {
            account.counted = Some((Instant::now(), size_below(root)));
            account.added = 0;
        }
        let left = account.left(self.most);
        if bytes <= left {
            return Ok(account);
        }
        let [bytes, left, most] = [bytes, left, self.most].map(describe::rounded_size);
        let detail = format!("it needs {bytes} more, and {left} of the quota of {most} are left");
        Err(StoreError::new(Reason::NoSpace, &detail))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut account = lock(&self.account);
        account.open = account.open.saturating_sub(self.bytes);
        account.added = account.added.saturating_add(self.bytes);
    }
}

/// The bytes of all files below a directory; what cannot be read counts as empty.
fn size_below(root: &Dir) -> u64 {
    let mut bytes = 0u64;
    let mut open: Vec<(Dir, ReadDir)> = Vec::new();
    let entries = |dir: Dir| dir.entries().ok().map(|entries| (dir, entries));
    open.extend(root.try_clone().ok().and_then(entries));
    while let Some((dir, names)) = open.last_mut() {
        match names.next() {
            None => drop(open.pop()),
            Some(Err(_)) => {}
            Some(Ok(entry)) => match entry.metadata() {
                Ok(found) if found.is_file() => bytes = bytes.saturating_add(found.len()),
                Ok(found) if found.is_dir() => {
                    let below = dir.open_dir_nofollow(entry.file_name()).ok();
                    open.extend(below.and_then(entries));
                }
                _ => {}
            },
        }
    }
    bytes
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn all_files_below_count_and_links_do_not() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("f"), [1; 1000]).unwrap();
        fs::write(at("a/b/g"), [1; 50]).unwrap();
        std::os::unix::fs::symlink("/usr", at("a/link")).unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        assert_eq!(size_below(&dir), 1050);
        let quotas = Quotas::default();
        let (one, other) = (quotas.of("", 2000), quotas.of("", 2000));
        let share = one.take(&dir, 900).unwrap();
        let error = other.take(&dir, 51).unwrap_err();
        assert_eq!(error.reason, Reason::NoSpace);
        assert_eq!(error.detail, "it needs 51 B more, and 50 B of the quota of 1.95 KiB are left");
        drop(share);
        assert!(other.take(&dir, 51).is_err());
        drop(other.take(&dir, 50).unwrap());
        assert!(quotas.of("other", 2000).take(&dir, 950).is_ok());
    }
}
