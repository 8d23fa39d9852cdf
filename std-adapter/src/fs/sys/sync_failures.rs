//! Syncs, and the file systems on which one has failed. The system reports a failed write once and then
//! treats the cached pages as written: content from the cache proves nothing any more.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Metadata;

use crate::fs::sys::sync_unsupported;

/// Device numbers, for as long as this process runs.
static FAILED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// The file system failed to write something.
pub(crate) fn remember(device: u64) {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).insert(device);
}

/// Whether a file system has failed since this process began.
pub(crate) fn has(device: u64) -> bool {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).contains(&device)
}

/// Whether the content of a file is stored. It is then read from storage and not from the cache: always,
/// or if its file system has failed.
pub(crate) fn is_stored(file: &File, metadata: &Metadata, always: bool) -> bool {
    let is_checked = always || has(device(metadata));
    !is_checked || read_from_storage(file).is_ok()
}

/// Writes a file to its storage. If that fails, its cached content is dropped, so that no
/// content is read that was not stored, and the failure of its file system is remembered. If the file system refuses
/// to synchronise one file, it is synchronised as a whole; if it refuses that too, that is noted and
/// no failure.
pub(crate) fn synchronise(file: &File) -> io::Result<()> {
    #[cfg(test)]
    slow::pause();
    let Err(error) = file.sync_all() else { return Ok(()) };
    let failure = if is_of_storage(&error) {
        error
    } else {
        match synchronise_all(file) {
            Ok(()) => return Ok(()),
            Err(failure) if is_of_storage(&failure) => failure,
            // A network file system reports in this way that its server did not accept the content.
            Err(_) if error.kind() == io::ErrorKind::PermissionDenied && !is_directory(file) => {
                error
            }
            Err(_) => {
                note_refusal(file, &error);
                return Ok(());
            }
        }
    };
    drop_cache(file);
    if let Ok(metadata) = Metadata::from_file(file) {
        remember(device(&metadata));
    }
    Err(failure)
}

/// Synchronises the file system of an open file as a whole.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn synchronise_all(file: &File) -> io::Result<()> {
    #[cfg(test)]
    slow::pause();
    Ok(rustix::io::retry_on_intr(|| rustix::fs::syncfs(file))?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn synchronise_all(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The file system of a file refused to make something durable.
pub(crate) fn note_refusal(file: &File, error: &io::Error) {
    if let Ok(metadata) = Metadata::from_file(file) {
        sync_unsupported::note(device(&metadata), error);
    }
}

fn is_directory(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Drops the cached content of a file, so that the next reads come from its storage. An error means that
/// the storage has failed before.
pub(crate) fn read_from_storage(file: &File) -> io::Result<()> {
    synchronise(file)?;
    drop_cache(file);
    Ok(())
}

/// Whether a sync failed to store something, and was not merely refused.
pub(crate) fn is_of_storage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};

    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::BADF) {
        return false;
    }
    !matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

/// The file system on which a file is.
pub(crate) fn device(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return cap_fs_ext::MetadataExt::dev(metadata);
    #[cfg(not(unix))]
    {
        let _ = metadata;
        0
    }
}

/// Starts writing the cached content of a part of a file to its storage.
pub(crate) fn start_writing(file: &File, position: u64, length: u64) {
    // This drops only pages that are written already.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::fs::fadvise(
        file,
        position,
        std::num::NonZero::new(length),
        rustix::fs::Advice::DontNeed,
    );
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (file, position, length);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn drop_cache(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn drop_cache(_: &File) {}

/// Slow storage.
#[cfg(test)]
pub(crate) mod slow {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// The minimum duration of a sync, in milliseconds.
    pub(crate) static MILLISECONDS: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn pause() {
        match MILLISECONDS.load(Ordering::Relaxed) {
            0 => {}
            milliseconds => std::thread::sleep(Duration::from_millis(milliseconds)),
        }
    }
}
