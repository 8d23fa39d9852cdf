//! Directories from which this program cannot remove its own files. In a directory that is known to be
//! append-only no partial is made. In others the first removal fails: the files of that transfer remain,
//! empty, and no other is made until they can be removed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::sys::dir_cursor::{Id, id_of};

/// The maximum number of files that are remembered.
const MAX_RECORDS: usize = 4_096;

/// By directory, the names of the files that stay there.
static UNDELETABLE: Mutex<BTreeMap<Id, Vec<Box<str>>>> = Mutex::new(BTreeMap::new());

/// Removes a file of this program, which is open. If it cannot be removed, it is made empty, and its
/// directory is remembered; the result is a clause that says so.
pub(crate) fn remove(dir: &Dir, name: &str, file: &File) -> Option<String> {
    match dir.remove_file(name) {
        Ok(()) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => {
            let _ = file.set_len(0);
            let mut left = UNDELETABLE.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(id) = of(dir)
                && left.values().map(Vec::len).sum::<usize>() < MAX_RECORDS
            {
                left.entry(id).or_default().push(name.into());
            }
            Some(clause(name))
        }
    }
}

/// Fails if files of this program cannot be removed from the directory.
pub(crate) fn check(dir: &Dir) -> Result<(), StoreError> {
    if is_append_only(dir) {
        let clause = "its directory is append-only: no file can be replaced or completed there";
        return Err(StoreError::new(Reason::NoPermission, clause));
    }
    let mut left = UNDELETABLE.lock().unwrap_or_else(PoisonError::into_inner);
    if left.is_empty() {
        return Ok(());
    }
    let Some(id) = of(dir) else { return Ok(()) };
    let Some(names) = left.get_mut(&id) else { return Ok(()) };
    while let Some(name) = names.last() {
        match dir.remove_file(&**name) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(StoreError::new(Reason::NoPermission, &clause(name)));
            }
            _ => names.pop(),
        };
    }
    left.remove(&id);
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_append_only(dir: &Dir) -> bool {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};

    statx(dir, c"", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::APPEND))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_append_only(_: &Dir) -> bool {
    false
}

fn of(dir: &Dir) -> Option<Id> {
    id_of(&dir.dir_metadata().ok()?)
}

fn clause(name: &str) -> String {
    format!(
        "no file can be removed from its directory or renamed there; \"{name}\" stays there, empty"
    )
}
