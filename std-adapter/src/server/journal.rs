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
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use crate::describe;

use self::entry::Entry;
pub(crate) use self::recorder::Recorder;

/// The maximum number of entries that are remembered; further ones are found in the directory.
const MAX_REMEMBERED: usize = 1024;
/// How long an entry is watched whose session has ended before its file was in place: a sync may take minutes.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long the journal of a killed server may still be locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
const RESOLVE_INTERVAL: Duration = Duration::from_secs(1);

/// The journal of one server. Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    /// The absolute path of the served directory.
    served: PathBuf,
    /// Locked as long as the journal is open.
    _lock: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Placed entries that nobody has taken.
    waiting: VecDeque<u64>,
    /// Whether there may be more of them in the directory.
    has_more: bool,
    /// Entries that were taken and not returned.
    taken: BTreeSet<u64>,
    /// Offered entries without a session, and since when.
    unresolved: Vec<(u64, Instant)>,
    is_ending: bool,
}

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
    /// Those of the system; another server uses the journal.
    pub fn open(directory: impl Into<PathBuf>, served: impl AsRef<Path>) -> io::Result<Self> {
        let directory = directory.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let lock = File::create(directory.join("lock"))?;
        lock_within(&lock, LOCK_TIMEOUT)?;
        let served = served.as_ref().canonicalize()?;
        let state = State { has_more: true, ..State::default() };
        let shared = Shared {
            directory,
            served,
            _lock: lock,
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
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

/// What has happened to the file of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offered,
    Placed,
}

impl Phase {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Placed => "placed",
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u64, phase: Phase) -> PathBuf {
        self.directory.join(format!("{number:016x}.{}", phase.suffix()))
    }

    /// The entries in the directory.
    fn entries(&self) -> io::Result<Vec<(u64, Phase)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let Some((number, suffix)) = name.split_once('.') else { continue };
            let Ok(number) = u64::from_str_radix(number, 16) else { continue };
            let phases = [Phase::Offered, Phase::Placed];
            found.extend(
                phases.iter().filter(|it| it.suffix() == suffix).map(|phase| (number, *phase)),
            );
        }
        found.sort_unstable_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// Settles the offered entries of an earlier server.
    fn recover(&self) -> io::Result<()> {
        for (number, phase) in self.entries()? {
            self.state().next = number.saturating_add(1);
            if phase == Phase::Offered {
                self.settle(number)?;
            }
        }
        Ok(())
    }

    /// Adds an entry for a file that is about to be put in place.
    fn offered(&self, entry: &Entry<'_>) -> io::Result<u64> {
        let number = {
            let mut state = self.state();
            let number = state.next;
            state.next = number.saturating_add(1);
            number
        };
        entry.write(&self.path(number, Phase::Offered), &self.served)?;
        Ok(number)
    }

    /// The file is in place.
    fn placed(&self, number: u64) {
        let renamed =
            fs::rename(self.path(number, Phase::Offered), self.path(number, Phase::Placed));
        if let Err(error) = renamed {
            let why = describe::os_error(&error);
            error!("the journal of received files cannot be written: {why}");
            return;
        }
        let mut state = self.state();
        if state.has_more || state.waiting.len() >= MAX_REMEMBERED {
            state.has_more = true;
        } else {
            state.waiting.push_back(number);
        }
        self.changed.notify_one();
    }

    /// Places the entry if its file is in place, and removes it otherwise. Returns whether it is.
    fn settle(&self, number: u64) -> io::Result<bool> {
        let path = self.path(number, Phase::Offered);
        let is_placed = Entry::is_in_place(&path)?;
        if is_placed {
            fs::rename(path, self.path(number, Phase::Placed))?;
        } else {
            fs::remove_file(path)?;
        }
        Ok(is_placed)
    }

    /// The file was not put in place, or it is not known whether it was.
    fn failed(&self, number: u64) {
        match self.settle(number) {
            Ok(true) => {
                self.state().has_more = true;
                self.changed.notify_one();
            }
            Ok(false) => {}
            Err(error) => {
                let why = describe::os_error(&error);
                error!("the journal of received files cannot be written: {why}");
            }
        }
    }

    /// The session of an entry has ended before its file was in place; its commit may go on.
    fn abandoned(&self, number: u64) {
        self.state().unresolved.push((number, Instant::now()));
        self.changed.notify_one();
    }

    fn resolve(&self, state: &mut State) {
        let mut is_found = false;
        state.unresolved.retain(|(number, since)| {
            let path = self.path(*number, Phase::Offered);
            let is_placed = matches!(Entry::is_in_place(&path), Ok(true));
            if is_placed && fs::rename(&path, self.path(*number, Phase::Placed)).is_ok() {
                is_found = true;
                return false;
            }
            since.elapsed() < RESOLVE_TIMEOUT
        });
        state.has_more |= is_found;
    }

    /// Remembers placed entries of the directory.
    fn find_placed(&self, state: &mut State) {
        state.has_more = false;
        match self.entries() {
            Ok(entries) => {
                let placed = entries.into_iter().filter(|(_, phase)| *phase == Phase::Placed);
                for (number, _) in placed.filter(|(number, _)| !state.taken.contains(number)) {
                    if state.waiting.len() >= MAX_REMEMBERED {
                        state.has_more = true;
                        break;
                    }
                    state.waiting.push_back(number);
                }
            }
            Err(error) => {
                let why = describe::os_error(&error);
                warn!("the journal of received files cannot be read: {why}");
            }
        }
    }
}
