//! Which file systems have failed to write what they had taken. The system reports such a failure
//! once and then treats its cached pages as written: what is read there is no proof any more.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Metadata;

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

/// Writes a file to its storage. If that fails, its cached content is dropped, so that nobody reads
/// what was not stored, and the failure of its file system is remembered.
pub(crate) fn synchronise(file: &File) -> io::Result<()> {
    #[cfg(test)]
    slow::pause();
    let result = file.sync_all();
    if let Err(error) = &result
        && is_of_storage(error)
    {
        drop_cache(file);
        if let Ok(metadata) = Metadata::from_file(file) {
            remember(device(&metadata));
        }
    }
    result
}

/// Makes the next reads of a file come from its storage. An error says that the storage failed
/// earlier on.
pub(crate) fn read_from_storage(file: &File) -> io::Result<()> {
    synchronise(file)?;
    drop_cache(file);
    Ok(())
}

/// Whether an error of a sync says that something was not stored, and not that there is no such
/// call.
pub(crate) fn is_of_storage(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, InvalidInput, PermissionDenied, Unsupported};

    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::BADF) {
        return false;
    }
    !matches!(error.kind(), Interrupted | InvalidInput | PermissionDenied | Unsupported)
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

/// What is cached of a part of a file begins to be written to its storage.
pub(crate) fn start_writing(file: &File, position: u64, length: u64) {
    // Only what is written already leaves the cache thereby.
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

/// Storage that takes its time.
#[cfg(test)]
pub(crate) mod slow {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// How long each sync takes at least, in milliseconds.
    pub(crate) static MILLISECONDS: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn pause() {
        match MILLISECONDS.load(Ordering::Relaxed) {
            0 => {}
            milliseconds => std::thread::sleep(Duration::from_millis(milliseconds)),
        }
    }
}
