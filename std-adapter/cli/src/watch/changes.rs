//! The changes that the watcher has reported, until the next round takes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, Event, EventKind, ModifyKind};
use tinyferry::fs::Filter;

use super::burst::Burst;
use super::sources::{Source, Touch};

/// The number of new directories above which everything is watched anew.
const MAX_DIRECTORIES: usize = 10_000;

/// Shared by the watcher's thread and the rounds.
#[derive(Debug, Default)]
pub(super) struct Changes {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: there was no change.
    burst: Option<Burst>,
    pending: Pending,
}

/// What the next round has to do, besides the transfer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// New directories, which are not watched yet.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Any part of the sources may be new: the system has lost events, or a source was replaced.
    pub(super) is_everything: bool,
    /// The watcher has failed.
    pub(super) failed: Option<notify::Error>,
}

impl Pending {
    pub(super) fn all() -> Self {
        Self { is_everything: true, ..Self::default() }
    }
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event of the watcher. Events of the transfer itself, which reads the files, do not count.
    pub(super) fn report(
        &self,
        event: notify::Result<Event>,
        sources: &[Source],
        filter: &Filter,
        begin: Instant,
    ) {
        let mut pending = Pending::default();
        match event {
            Err(error) => pending.failed = Some(error),
            Ok(event) if event.need_rescan() => pending.is_everything = true,
            Ok(event) if is_read(event.kind) => return,
            Ok(event) => {
                let touches = |path: &PathBuf| {
                    sources.iter().filter_map(|source| source.touch(path, filter)).max()
                };
                let Some(touch) = event.paths.iter().filter_map(touches).max() else { return };
                let moves = matches!(
                    event.kind,
                    EventKind::Create(_)
                        | EventKind::Remove(_)
                        | EventKind::Modify(ModifyKind::Name(_))
                );
                pending.is_everything = moves && touch == Touch::Itself;
                if moves && touch == Touch::Entry {
                    pending.directories =
                        event.paths.into_iter().filter(|path| is_dir(path)).collect();
                }
            }
        }
        let mut state = self.lock();
        state.burst = Some(Burst::with(state.burst, begin.elapsed()));
        state.pending.is_everything |= pending.is_everything;
        state.pending.directories.append(&mut pending.directories);
        if state.pending.directories.len() > MAX_DIRECTORIES {
            state.pending.directories.clear();
            state.pending.is_everything = true;
        }
        state.pending.failed = state.pending.failed.take().or(pending.failed);
        self.changed.notify_all();
    }

    /// Waits for the end of a burst, and takes the changes. `None`: there was none within `most`.
    pub(super) fn wait(&self, begin: Instant, most: Option<Duration>) -> Option<Pending> {
        let mut state = self.lock();
        loop {
            let wait = match state.burst.map(Burst::end) {
                Some(end) => match end.checked_sub(begin.elapsed()) {
                    Some(wait) if !wait.is_zero() => Some(wait),
                    _ => break,
                },
                None => most,
            };
            let had_changes = state.burst.is_some();
            let is_over;
            (state, is_over) = match wait {
                Some(wait) => {
                    let waited = self.changed.wait_timeout(state, wait);
                    let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    (state, timeout.timed_out())
                }
                None => (self.changed.wait(state).unwrap_or_else(PoisonError::into_inner), false),
            };
            if is_over && !had_changes && state.burst.is_none() {
                return None;
            }
        }
        state.burst = None;
        Some(std::mem::take(&mut state.pending))
    }
}

/// Whether an event is that of a reader.
fn is_read(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// Whether it is a directory, and no link to one.
fn is_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
