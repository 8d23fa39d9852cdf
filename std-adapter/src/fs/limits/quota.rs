//! The quota of a directory: how much the files below it may take. All clients of the directory share one account.
//!
//! The files are counted when the first client needs it, and again when a file would not fit: since then others may have
//! been removed. A count finds what is stored; the rest of each open transfer is added to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
pub(crate) struct Quotas(Arc<Mutex<BTreeMap<String, Arc<Account>>>>);

impl Quotas {
    /// The quota of `most` bytes for the directory of this path.
    pub(crate) fn of(&self, directory: &str, most: u64) -> Quota {
        let mut accounts = lock(&self.0);
        let account = accounts.entry(directory.to_owned()).or_default();
        Quota { most, account: Arc::clone(account) }
    }
}

/// The quota of one directory.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    most: u64,
    account: Arc<Account>,
}

/// The bytes of one directory.
#[derive(Debug, Default)]
struct Account {
    /// When the files were counted, and their bytes. Locked while they are counted and while a share is taken; a transfer
    /// does not wait for that.
    counted: Mutex<Option<(Instant, u64)>>,
    /// Bytes that were stored since the count began.
    added: AtomicU64,
    /// Bytes of open transfers that are not stored yet.
    open: AtomicU64,
}

/// The bytes of an open transfer that are not stored yet.
#[derive(Debug)]
pub(crate) struct Share {
    account: Arc<Account>,
    bytes: u64,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Account {
    fn left(&self, counted: u64, most: u64) -> u64 {
        // What is stored meanwhile counts twice rather than not at all.
        let open = self.open.load(Ordering::SeqCst);
        let added = self.added.load(Ordering::SeqCst);
        most.saturating_sub(counted.saturating_add(added).saturating_add(open))
    }

    fn count(&self, root: &Dir) -> u64 {
        let before = self.added.load(Ordering::SeqCst);
        let bytes = size_below(root);
        self.added.fetch_sub(before, Ordering::SeqCst);
        bytes
    }
}

impl Quota {
    /// Takes a share for `bytes` more bytes below `root`, the directory of the quota.
    ///
    /// # Errors
    /// They do not fit.
    pub(crate) fn take(&self, root: &Dir, bytes: u64) -> Result<Share, StoreError> {
        let counted = self.find(root, bytes)?;
        self.account.open.fetch_add(bytes, Ordering::SeqCst);
        drop(counted);
        Ok(Share { account: Arc::clone(&self.account), bytes })
    }

    /// Checks that a number of bytes fits.
    ///
    /// # Errors
    /// They do not.
    pub(crate) fn check(&self, root: &Dir, bytes: u64) -> Result<(), StoreError> {
        self.find(root, bytes).map(drop)
    }

    fn find(
        &self,
        root: &Dir,
        bytes: u64,
    ) -> Result<MutexGuard<'_, Option<(Instant, u64)>>, StoreError> {
        let account = &self.account;
        let mut last = lock(&account.counted);
        let counted = match *last {
            Some((at, counted))
                if bytes <= account.left(counted, self.most) || at.elapsed() < RECOUNT =>
            {
                counted
            }
            _ => {
                let counted = account.count(root);
                *last = Some((Instant::now(), counted));
                counted
            }
        };
        let left = account.left(counted, self.most);
        if bytes <= left {
            return Ok(last);
        }
        let [bytes, left, most] = [bytes, left, self.most].map(describe::rounded_size);
        let detail = format!("it needs {bytes} more, and {left} of the quota of {most} are left");
        Err(StoreError::new(Reason::NoSpace, &detail))
    }
}

impl Share {
    /// Records that `bytes` of it are stored: a count finds them.
    pub(crate) fn stored(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.account.added.fetch_add(bytes, Ordering::SeqCst);
        self.account.open.fetch_sub(bytes, Ordering::SeqCst);
    }

    /// Adds another share of the same quota to the one that is there, if any.
    pub(crate) fn join(into: &mut Option<Self>, share: Option<Self>) {
        match (into, share) {
            (Some(into), Some(mut share)) => {
                into.bytes = into.bytes.saturating_add(std::mem::take(&mut share.bytes));
            }
            (into @ None, share) => *into = share,
            (Some(_), None) => {}
        }
    }
}

impl Drop for Share {
    /// What is not stored counts as stored until the next count.
    fn drop(&mut self) {
        self.stored(self.bytes);
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
