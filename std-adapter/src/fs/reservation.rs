//! Space for offered files: an offer that cannot fit is refused before anything is stored. Open transfers of
//! one server do not count on the same space. Knows nothing of content.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::sys::space::free;
use crate::fs::sys::sync_failures;

/// Free space beyond this need not be looked at for each small file.
const PLENTY: u64 = 1 << 30;

/// Bytes that open transfers have reserved and not stored yet, by file system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations(Arc<Mutex<BTreeMap<u64, u64>>>);

/// Space for one transfer; given back when it ends.
#[derive(Debug)]
pub(crate) struct Reservation {
    all: Reservations,
    device: u64,
    bytes: u64,
}

impl Reservations {
    /// Reserves space for `bytes` more bytes in the file system of `dir`.
    ///
    /// # Errors
    /// They do not fit.
    pub(crate) fn reserve(&self, dir: &Dir, bytes: u64) -> Result<Reservation, StoreError> {
        let device = sync_failures::device(&dir.dir_metadata()?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = all.get(&device).copied().unwrap_or(0);
        if let Some(free) = free(dir) {
            check(bytes, free.saturating_sub(reserved))?;
        }
        if bytes > 0 {
            all.insert(device, reserved.saturating_add(bytes));
        }
        Ok(Reservation { all: self.clone(), device, bytes })
    }
}

impl Reservation {
    /// So many bytes are stored: they are not free any more.
    pub(crate) fn stored(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        if bytes == 0 {
            return;
        }
        self.bytes -= bytes;
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reserved) = all.get_mut(&self.device) {
            *reserved = reserved.saturating_sub(bytes);
            if *reserved == 0 {
                all.remove(&self.device);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.stored(self.bytes);
    }
}

/// The space for the small files of one directory, which are not reserved one by one.
#[derive(Debug, Default)]
pub(crate) struct SmallFiles {
    directory: String,
    /// What was free when it was looked at, without what was stored since.
    left: u64,
}

impl SmallFiles {
    /// Counts a file of `bytes` bytes in `dir`, which has the path `directory`.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn add(
        &mut self,
        reservations: &Reservations,
        dir: &Dir,
        directory: &str,
        bytes: u64,
    ) -> Result<(), StoreError> {
        if self.directory != directory || self.left < PLENTY {
            reservations.reserve(dir, bytes)?;
            directory.clone_into(&mut self.directory);
            self.left = free(dir).unwrap_or(u64::MAX);
        }
        self.left = self.left.saturating_sub(bytes);
        Ok(())
    }
}

fn check(needed: u64, free: u64) -> Result<(), StoreError> {
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (describe::about(needed), describe::about(free));
    let what = format!("it needs {needed} more, and {free} are free");
    Err(StoreError::new(Reason::NoSpace, &what))
}

#[cfg(all(test, unix))]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn what_others_have_reserved_is_not_free() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let Some(most) = free(&dir) else {
            return println!("skipped: its free space is not known");
        };
        let all = Reservations::default();
        // Other programs use the same disk.
        let half = most / 2 + most / 8;
        let mut one = all.reserve(&dir, half).unwrap();
        let error = all.reserve(&dir, half).unwrap_err();
        assert_eq!(error.reason, Reason::NoSpace);
        assert!(error.detail.starts_with("it needs ") && error.detail.ends_with(" are free"));
        one.stored(half);
        drop(all.reserve(&dir, half).unwrap());
        drop(one);
        assert!(all.0.lock().unwrap().is_empty());
    }

    #[test]
    fn the_sentence_names_both_sizes() {
        assert!(check(5, 5).is_ok());
        let error = check(3 << 30, 1537).unwrap_err();
        assert_eq!(error.detail, "it needs 3072.0 MiB more, and 1537 bytes are free");
    }
}
