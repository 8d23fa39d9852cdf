//! Space for offered files: an offer that cannot fit is refused before anything is stored. The open transfers of
//! one server share one account of reserved bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::sys::space::free;
use crate::fs::sys::sync_failures;

/// The free space in bytes from which on it is not read again for each small file.
const PLENTY: u64 = 1 << 30;
/// The bytes that a transfer may reserve beyond as many as it has stored: the room that a partial sets aside at
/// once.
const AHEAD: u64 = 4 << 20;

/// The bytes that open transfers have reserved, by file system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations(Arc<Mutex<BTreeMap<u64, u64>>>);

/// Space for one transfer; given back when it ends.
///
/// A client may announce any size and send nothing. A transfer therefore reserves at most as much as it has stored,
/// and [`AHEAD`].
#[derive(Debug)]
pub(crate) struct Reservation {
    all: Reservations,
    device: u64,
    /// Announced bytes that are not stored yet.
    missing: u64,
    /// Bytes that this transfer has stored.
    stored: u64,
    /// Bytes that other transfers cannot use.
    reserved: u64,
}

impl Reservations {
    /// Reserves space for a transfer of `bytes` more bytes in the file system of `dir`, of which `kept` bytes stay free.
    ///
    /// # Errors
    /// They do not fit.
    pub(crate) fn reserve(
        &self,
        dir: &Dir,
        bytes: u64,
        kept: u64,
    ) -> Result<Reservation, StoreError> {
        let device = sync_failures::device(&dir.dir_metadata()?);
        let mut all = self.lock();
        let reserved = all.get(&device).copied().unwrap_or(0);
        if let Some(free) = free(dir) {
            check(bytes, free.saturating_sub(reserved), kept)?;
        }
        let all_of_server = self.clone();
        let mut reservation =
            Reservation { all: all_of_server, device, missing: bytes, stored: 0, reserved: 0 };
        reservation.update(&mut all);
        Ok(reservation)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Records that `bytes` more bytes are stored: they are not free any more.
    pub(crate) fn stored(&mut self, bytes: u64) {
        self.missing = self.missing.saturating_sub(bytes);
        self.stored = self.stored.saturating_add(bytes);
        let all = self.all.clone();
        self.update(&mut all.lock());
    }

    /// Reserves as much as the transfer may.
    fn update(&mut self, all: &mut BTreeMap<u64, u64>) {
        let reserved = self.missing.min(self.stored.saturating_add(AHEAD));
        let others = all.get(&self.device).copied().unwrap_or(0).saturating_sub(self.reserved);
        self.reserved = reserved;
        match others.saturating_add(reserved) {
            0 => drop(all.remove(&self.device)),
            sum => drop(all.insert(self.device, sum)),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.stored(self.missing);
    }
}

/// The space for the small files of one directory, which are not reserved one by one.
#[derive(Debug, Default)]
pub(crate) struct SmallFiles {
    directory: String,
    /// The free space when it was read, less the size of the files since, in bytes.
    left: u64,
}

impl SmallFiles {
    /// Counts a file of `bytes` bytes in `dir`, which has the path `directory`; `kept` bytes stay free.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn add(
        &mut self,
        reservations: &Reservations,
        dir: &Dir,
        directory: &str,
        (bytes, kept): (u64, u64),
    ) -> Result<(), StoreError> {
        if self.directory != directory || self.left < PLENTY {
            reservations.reserve(dir, bytes, kept)?;
            directory.clone_into(&mut self.directory);
            self.left = free(dir).map_or(u64::MAX, |free| free.saturating_sub(kept));
        }
        self.left = self.left.saturating_sub(bytes);
        Ok(())
    }
}

fn check(needed: u64, free: u64, kept: u64) -> Result<(), StoreError> {
    if needed <= free.saturating_sub(kept) {
        return Ok(());
    }
    let [needed, free, reserve] = [needed, free, kept].map(describe::rounded_size);
    let mut detail = format!("it needs {needed} more, and {free} are free");
    if kept > 0 {
        detail.push_str(&format!(", of which {reserve} must stay free"));
    }
    Err(StoreError::new(Reason::NoSpace, &detail))
}

#[cfg(all(test, unix))]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn space_that_others_have_reserved_is_not_free() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let Some(most) = free(&dir) else {
            return println!("skipped: its free space is not known");
        };
        let all = Reservations::default();
        // Other programs use the same disk.
        let half = most / 2 + most / 8;
        let mut one = all.reserve(&dir, half, 0).unwrap();
        one.stored(half / 2);
        let error = all.reserve(&dir, most - half / 4, 0).unwrap_err();
        assert_eq!(error.reason, Reason::NoSpace);
        assert!(error.detail.starts_with("it needs ") && error.detail.ends_with(" are free"));
        one.stored(half / 2);
        drop(all.reserve(&dir, most - half / 4, 0).unwrap());
        drop(one);
        assert!(all.lock().is_empty());
    }

    #[test]
    fn a_transfer_reserves_as_much_as_it_has_stored_and_a_piece() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let (all, size) = (Reservations::default(), 10 * AHEAD);
        let reserved = || all.lock().values().sum::<u64>();
        let mut one = all.reserve(&dir, size, 0).unwrap();
        let two = all.reserve(&dir, 7, 0).unwrap();
        assert_eq!(reserved(), AHEAD + 7);
        one.stored(2 * AHEAD);
        assert_eq!(reserved(), 3 * AHEAD + 7);
        one.stored(6 * AHEAD);
        assert_eq!(reserved(), 2 * AHEAD + 7);
        drop(two);
        // More than was announced.
        one.stored(3 * AHEAD);
        assert_eq!(reserved(), 0);
    }

    #[test]
    fn the_sentence_names_both_sizes() {
        assert!(check(5, 5, 0).is_ok() && check(5, 8, 3).is_ok() && check(5, 7, 3).is_err());
        let error = check(3 << 30, 1537, 0).unwrap_err();
        assert_eq!(error.detail, "it needs 3.00 GiB more, and 1.50 KiB are free");
        let error = check(5, 1536, 2048).unwrap_err();
        let sentence = "it needs 5 B more, and 1.50 KiB are free, of which 2.00 KiB must stay free";
        assert_eq!(error.detail, sentence);
    }
}
