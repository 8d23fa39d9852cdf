//! The index of the partials of interrupted transfers, for all stores of one server: their sizes and
//! ages. Bounded in bytes and in number.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use cap_std::fs::Dir;

use crate::fs::cleanup::Leftover;
use crate::fs::names::partial_name;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::{DirCursor, Id, id_of, open_file};
use crate::fs::sys::lock::Lock;

/// The maximum number of partials that are kept: the index is in memory.
const MAX_PARTIALS: usize = 16_384;

/// The partials of interrupted transfers, shared by the stores of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartialIndex(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The root of all paths. While it is not open nothing can be removed: its file system may be
    /// unmounted.
    root: Weak<Dir>,
    index: Index,
    scan: Option<Scan>,
}

/// The partials found by a scan of all directories.
#[derive(Debug, Default)]
struct Scan {
    index: Index,
    /// Partials that transfers opened or left meanwhile: the scan does not change their entries.
    known: HashSet<Id>,
}

#[derive(Debug, Default)]
struct Index {
    entries: HashMap<Id, Entry>,
    by_age: BTreeSet<(SystemTime, Id)>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    path: Box<str>,
    bytes: u64,
    at: SystemTime,
}

/// The partial of an interrupted transfer.
#[derive(Debug)]
pub(crate) struct LeftPartial {
    /// Its own path, below the store's root.
    pub(crate) path: String,
    pub(crate) id: Option<Id>,
    /// The bytes that its content occupies, without its holes.
    pub(crate) occupied: u64,
}

impl PartialIndex {
    /// Adds the partial of an interrupted transfer; removes the oldest partials beyond `most` bytes.
    pub(crate) fn add(&self, left: LeftPartial, most: u64) {
        // Without an identity the partial is not counted.
        let Some(id) = left.id else { return };
        let mut state = self.lock();
        if let Some(scan) = &mut state.scan {
            scan.known.insert(id);
        }
        state.index.insert(id, left.path.into(), left.occupied, SystemTime::now());
        drop(state);
        self.keep(most);
    }

    /// Removes a partial from the index: a transfer writes to it now.
    pub(crate) fn take_up(&self, id: Option<Id>) {
        let Some(id) = id else { return };
        let mut state = self.lock();
        if let Some(scan) = &mut state.scan {
            scan.known.insert(id);
        }
        state.index.remove(id);
    }

    /// Sets the root of all paths, as long as it is open.
    pub(crate) fn set_root(&self, root: &Arc<Dir>) {
        self.lock().root = Arc::downgrade(root);
    }

    /// Begins a scan of `root`.
    pub(crate) fn begin_scan(&self, root: &Arc<Dir>) {
        let mut state = self.lock();
        state.root = Arc::downgrade(root);
        state.scan = Some(Scan::default());
    }

    /// Adds a partial that the scan has found.
    pub(crate) fn found(&self, leftover: &Leftover) {
        let Some(id) = leftover.id else { return };
        let at = SystemTime::now().checked_sub(leftover.age).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut state = self.lock();
        let Some(scan) = &mut state.scan else { return };
        scan.index.insert(id, leftover.path.as_str().into(), leftover.occupied, at);
        if scan.index.entries.len() > MAX_PARTIALS {
            let oldest = scan.index.pop();
            let root = state.root.upgrade();
            drop(state);
            remove(root, oldest);
        }
    }

    /// Ends the scan: its result replaces the index.
    pub(crate) fn end_scan(&self, most: u64) {
        let mut state = self.lock();
        let Some(Scan { index, known }) = state.scan.take() else { return };
        let before = mem::replace(&mut state.index, index);
        for id in known {
            state.index.remove(id);
            if let Some(entry) = before.entries.get(&id) {
                state.index.insert(id, entry.path.clone(), entry.bytes, entry.at);
            }
        }
        drop(state);
        self.keep(most);
    }

    /// The size of all partials, in bytes.
    #[cfg(all(test, unix))]
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().index.bytes
    }

    /// Removes the oldest partials beyond the limits.
    fn keep(&self, most: u64) {
        loop {
            let mut state = self.lock();
            let Index { bytes, entries, .. } = &state.index;
            if *bytes <= most && entries.len() <= MAX_PARTIALS {
                return;
            }
            let oldest = state.index.pop();
            let root = state.root.upgrade();
            drop(state);
            remove(root, oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn insert(&mut self, id: Id, path: Box<str>, bytes: u64, at: SystemTime) {
        self.remove(id);
        self.bytes = self.bytes.saturating_add(bytes);
        self.by_age.insert((at, id));
        self.entries.insert(id, Entry { path, bytes, at });
    }

    fn remove(&mut self, id: Id) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_age.remove(&(entry.at, id));
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry)
    }

    /// Removes the oldest partial from the index.
    fn pop(&mut self) -> Option<(Id, Box<str>)> {
        let (_, id) = *self.by_age.first()?;
        self.remove(id).map(|entry| (id, entry.path))
    }
}

/// Removes a partial, unless a transfer writes to it or another file has its name.
fn remove(root: Option<Arc<Dir>>, oldest: Option<(Id, Box<str>)>) {
    let (Some(root), Some((id, path))) = (root, oldest) else { return };
    let (parent, name) = split(&path);
    let Ok(Some(dir)) = DirCursor::new(root).existing(parent) else { return };
    if partial_name::is_name(name)
        && let Ok((file, metadata)) = open_file(&dir, name)
        && id_of(&metadata) == Some(id)
        && Lock::take(&file, &metadata).is_some()
    {
        // If the removal fails, the next scan finds it.
        let _ = dir.remove_file(name);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::time::Duration;

    use cap_std::ambient_authority;

    use super::*;
    use crate::fs::cleanup::leftovers_below;

    fn scan(kept: &PartialIndex, root: &Arc<Dir>, most: u64) {
        kept.begin_scan(root);
        leftovers_below(
            root,
            |leftover| {
                kept.found(leftover);
                false
            },
            |_, _, _| {},
        )
        .unwrap();
        kept.end_scan(most);
    }

    fn id(path: &std::path::Path) -> Option<Id> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).unwrap();
        Some((metadata.dev(), metadata.ino()))
    }

    #[test]
    fn the_oldest_partials_are_removed_and_locked_ones_stay() {
        let temporary = tempfile::tempdir().unwrap();
        let path = |number: u64| temporary.path().join(format!(".{number}.tinyferry-part"));
        for number in 0..6 {
            fs::write(path(number), [0; 1_000]).unwrap();
            let at = SystemTime::now() - Duration::from_secs(100 * (10 - number));
            fs::File::options().write(true).open(path(number)).unwrap().set_modified(at).unwrap();
        }
        let in_use = fs::File::open(path(0)).unwrap();
        in_use.lock().unwrap();
        let root = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let (kept, root) = (PartialIndex::default(), Arc::new(root));
        scan(&kept, &root, 3_000);
        // Five are not in use, and two of them are too many.
        assert_eq!(kept.bytes(), 3_000);
        let there = |kept: &[u64]| {
            for number in 0..6 {
                assert_eq!(path(number).exists(), kept.contains(&number), "{number}");
            }
        };
        there(&[0, 3, 4, 5]);
        kept.take_up(id(&path(3)));
        assert_eq!(kept.bytes(), 2_000);
        let left =
            LeftPartial { path: ".3.tinyferry-part".to_owned(), id: id(&path(3)), occupied: 2_000 };
        kept.add(left, 3_500);
        // The partial is the youngest now.
        assert_eq!(kept.bytes(), 3_000);
        there(&[0, 3, 5]);
        // A removed file only leaves the index.
        fs::remove_file(path(5)).unwrap();
        kept.add(LeftPartial { path: "gone".to_owned(), id: Some((0, 1)), occupied: 1_000 }, 3_000);
        there(&[0, 3]);
        drop(in_use);
        scan(&kept, &root, 3_500);
        assert_eq!(kept.bytes(), 2_000);
    }

    #[test]
    fn changes_during_a_scan_override_its_result() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let (kept, root) = (PartialIndex::default(), Arc::new(root));
        let leftover = |number: u64| Leftover {
            is_in_use: false,
            path: number.to_string(),
            bytes: 20,
            occupied: 10,
            age: Duration::ZERO,
            id: Some((0, number)),
        };
        kept.begin_scan(&root);
        kept.found(&leftover(1));
        kept.found(&leftover(2));
        kept.take_up(Some((0, 1)));
        kept.add(LeftPartial { path: "2".to_owned(), id: Some((0, 2)), occupied: 500 }, u64::MAX);
        kept.add(LeftPartial { path: "3".to_owned(), id: Some((0, 3)), occupied: 7 }, u64::MAX);
        kept.end_scan(u64::MAX);
        assert_eq!(kept.bytes(), 507);
    }

    #[test]
    fn the_number_of_partials_is_bounded() {
        let kept = PartialIndex::default();
        for number in 0..MAX_PARTIALS as u64 + 100 {
            let left = LeftPartial { path: number.to_string(), id: Some((0, number)), occupied: 1 };
            kept.add(left, u64::MAX);
        }
        assert_eq!(kept.bytes(), MAX_PARTIALS as u64);
    }
}
