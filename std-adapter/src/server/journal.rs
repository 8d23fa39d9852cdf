//! The journal of received files: of each file there is an entry from before it is put in place until the program has
//! handled it. So a server that is killed forgets no file, and hands none out again that was handled.
//!
//! An entry is a file with records `NAME=VALUE`, each with a NUL at its end. `NUMBER.offered` becomes `NUMBER.placed` when
//! its file is in place. Whoever handles it locks it (`flock`), and removes it in the end.
//!
//! After a kill an offered entry counts as placed if a file of its size is in place that was changed after the entry was
//! written: putting a file in place changes that time (`ctime`).

mod entry;
mod recorder;
mod shared;
#[cfg(test)]
mod tests;

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use self::recorder::Recorder;
use self::shared::{Phase, Shared};

/// How long the journal of a killed server may still be locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
const RESOLVE_INTERVAL: Duration = Duration::from_secs(1);

/// The journal of one server. Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

/// A file that is in place and was not handled.
#[derive(Debug)]
pub struct Job {
    number: u64,
    /// Its entry: its records, for the program that handles it. That locks it, and removes it in the end.
    pub entry: PathBuf,
}

impl Journal {
    /// The journal in `directory`, which is created, of the server of the directory `served`.
    ///
    /// # Errors
    /// Those of the system; another server uses the journal; it is below `served`, where clients could write entries.
    pub fn open(directory: impl Into<PathBuf>, served: impl AsRef<Path>) -> io::Result<Self> {
        let directory = directory.into();
        let served = served.as_ref().canonicalize()?;
        if is_below(&directory, &served)? {
            let sentence = "it is in the served directory, where clients could write to it";
            return Err(io::Error::new(ErrorKind::InvalidInput, sentence));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let lock = File::create(directory.join("lock"))?;
        lock_within(&lock, LOCK_TIMEOUT)?;
        let shared = Shared::new(directory, served, lock);
        shared.recover()?;
        Ok(Self(Arc::new(shared)))
    }

    /// Waits for the next file. `None`: the server has ended, and there is no further one.
    pub fn take(&self) -> Option<Job> {
        let shared = &self.0;
        let mut state = shared.state();
        loop {
            shared.resolve(&mut state);
            if state.waiting.is_empty() && state.has_more {
                shared.find_placed(&mut state);
            }
            if let Some(number) = state.waiting.pop_front() {
                state.taken.insert(number);
                return Some(Job { number, entry: shared.path(number, Phase::Placed) });
            }
            if state.is_ending && state.unresolved.is_empty() {
                // The last search may have found nothing.
                shared.changed.notify_all();
                return None;
            }
            let waited = shared.changed.wait_timeout(state, RESOLVE_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A file was handled. If its entry is still there, it is handed out again later.
    pub fn handled(&self, job: &Job) {
        self.0.state().taken.remove(&job.number);
        self.0.changed.notify_all();
    }

    /// Waits until all files are handled, at most for this time. The others remain for the next server.
    pub fn finish(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let shared = &self.0;
        let mut state = shared.state();
        state.is_ending = true;
        shared.changed.notify_all();
        while state.has_more || !(state.waiting.is_empty() && state.taken.is_empty()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Records the files of a client, whose directory is `below` the served one.
    pub(crate) fn recorder(&self, below: &str, client: &str, key: Option<&str>) -> Recorder {
        Recorder::new(Arc::clone(&self.0), below, client, key)
    }
}

/// Whether `directory`, which may not exist yet, is `served` or below it.
fn is_below(directory: &Path, served: &Path) -> io::Result<bool> {
    let directory = std::path::absolute(directory)?;
    let existing = directory.ancestors().find_map(|path| path.canonicalize().ok());
    Ok(existing.is_some_and(|path| path.starts_with(served)))
}

/// Locks the journal. A process that a killed server was about to start has its lock until it has become its program.
fn lock_within(lock: &File, timeout: Duration) -> io::Result<()> {
    let end = Instant::now() + timeout;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                return Err(io::Error::new(ErrorKind::WouldBlock, "another server uses it"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_INTERVAL),
        }
    }
}
