//! The directory of a journal, and what its server knows of the entries in it.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::entry::Entry;
use crate::describe;

/// The maximum number of entries that are remembered; further ones are found in the directory.
pub(super) const MAX_REMEMBERED: usize = 1024;
/// How long an entry is watched whose session has ended before its file was in place: a sync may take minutes.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Shared {
    directory: PathBuf,
    /// The absolute path of the served directory.
    served: PathBuf,
    /// Locked as long as the journal is open.
    pub(super) _lock: File,
    state: Mutex<State>,
    /// Notified for those who wait for files, and for the one who waits until all are handled.
    pub(super) changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    next: u64,
    /// Placed entries that nobody has taken.
    pub(super) waiting: VecDeque<u64>,
    /// Whether there may be more of them in the directory.
    pub(super) has_more: bool,
    /// Entries that were taken and not returned.
    pub(super) taken: BTreeSet<u64>,
    /// Offered entries without a session, and since when.
    pub(super) unresolved: Vec<(u64, Instant)>,
    pub(super) is_ending: bool,
}

/// What has happened to the file of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
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
    pub(super) fn new(directory: PathBuf, served: PathBuf, lock: File) -> Self {
        let state = Mutex::new(State { has_more: true, ..State::default() });
        Self { directory, served, _lock: lock, state, changed: Condvar::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self, number: u64, phase: Phase) -> PathBuf {
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
    pub(super) fn recover(&self) -> io::Result<()> {
        for (number, phase) in self.entries()? {
            self.state().next = number.saturating_add(1);
            if phase == Phase::Offered {
                self.settle(number)?;
            }
        }
        Ok(())
    }

    /// Adds an entry for a file that is about to be put in place.
    pub(super) fn offered(&self, entry: &Entry<'_>) -> io::Result<u64> {
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
    pub(super) fn placed(&self, number: u64) {
        // Otherwise a search of the directory could find the entry before it is noted, and it would be handed out twice.
        let mut state = self.state();
        let renamed =
            fs::rename(self.path(number, Phase::Offered), self.path(number, Phase::Placed));
        if let Err(error) = renamed {
            let why = describe::os_error(&error);
            error!("the journal of received files cannot be written: {why}");
            return;
        }
        if state.has_more || state.waiting.len() >= MAX_REMEMBERED {
            state.has_more = true;
        } else {
            state.waiting.push_back(number);
        }
        self.changed.notify_all();
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
    pub(super) fn failed(&self, number: u64) {
        match self.settle(number) {
            Ok(true) => {
                self.state().has_more = true;
                self.changed.notify_all();
            }
            Ok(false) => {}
            Err(error) => {
                let why = describe::os_error(&error);
                error!("the journal of received files cannot be written: {why}");
            }
        }
    }

    /// The session of an entry has ended before its file was in place; its commit may go on.
    pub(super) fn abandoned(&self, number: u64) {
        self.state().unresolved.push((number, Instant::now()));
        self.changed.notify_all();
    }

    pub(super) fn resolve(&self, state: &mut State) {
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
    pub(super) fn find_placed(&self, state: &mut State) {
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
