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

/// The work of the next round, besides the transfer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Directories that are new or may have become readable: they are not watched yet.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Any part of the sources may be new: the system has lost events, or a source was replaced.
    pub(super) is_everything: bool,
    /// The watcher has failed.
    pub(super) failed: Option<notify::Error>,
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
                let is_new = match event.kind {
                    EventKind::Create(_)
                    | EventKind::Remove(_)
                    | EventKind::Modify(ModifyKind::Name(_)) => true,
                    // A directory may have become readable.
                    EventKind::Modify(ModifyKind::Metadata(_)) => {
                        event.paths.iter().any(|path| is_dir(path))
                    }
                    _ => false,
                };
                pending.is_everything = is_new && touch == Touch::Itself;
                if is_new && touch == Touch::Entry {
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
    pub(super) fn wait(&self, begin: Instant, most: Duration) -> Option<Pending> {
        let has_none = |state: &mut State| state.burst.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), most, has_none);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        while let Some(burst) = state.burst {
            let left = burst.end().saturating_sub(begin.elapsed());
            if left.is_zero() {
                state.burst = None;
                return Some(std::mem::take(&mut state.pending));
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        None
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

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, MetadataKind};

    use super::super::sources;
    use super::*;

    #[test]
    fn a_directory_whose_metadata_changed_is_watched_again() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().canonicalize().expect("it is there");
        let (directory, file) = (root.join("sub"), root.join("file"));
        std::fs::create_dir(&directory).expect("a directory");
        std::fs::write(&file, "1").expect("a file");
        let (sources, begin) = (sources::find(std::slice::from_ref(&root)), Instant::now());
        let pending = |kind: ModifyKind, path: &Path| {
            let changes = Changes::default();
            let event = Event::new(EventKind::Modify(kind)).add_path(path.to_owned());
            changes.report(Ok(event), &sources, &Filter::default(), begin);
            changes.wait(begin, Duration::ZERO).expect("a change")
        };
        let metadata = ModifyKind::Metadata(MetadataKind::Any);
        assert!(pending(metadata, &directory).directories.contains(&directory));
        assert!(pending(metadata, &root).is_everything);
        let content = ModifyKind::Data(DataChange::Any);
        for (kind, path) in [(metadata, &file), (content, &directory)] {
            let pending = pending(kind, path);
            assert!(pending.directories.is_empty() && !pending.is_everything, "{kind:?}");
        }
    }
}
