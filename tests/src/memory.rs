//! A store in memory, which can fail on purpose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::Poll;

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::path::join;
use tinyferry_core::store::{Accepted, CommitFailed, Digests, Entry, Kind, Offer, Store};

/// A file in a [`Memory`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct File {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its time, as offered.
    pub modified: Option<i64>,
    /// Its mode, as offered.
    pub mode: Option<u32>,
}

impl File {
    /// A file of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, modified: Some(1_700_000_000_000_000_000), mode: Some(0o644) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Open {
    Nothing,
    Inbound {
        path: String,
        kind: Kind,
        size: Option<u64>,
        modified: Option<i64>,
        mode: Option<u32>,
        same: bool,
        later: Option<u16>,
    },
    Outbound {
        path: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Queued {
    path: String,
    kind: Kind,
    resumable: bool,
}

/// A store in memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Files in place.
    pub files: BTreeMap<String, File>,
    /// Directories in place.
    pub directories: BTreeSet<String>,
    /// What came in and is not complete: survives a reboot.
    pub partials: BTreeMap<String, Vec<u8>>,
    /// Refusals by the other end or by this one, by path.
    pub refused: Vec<(String, Reason)>,
    /// Paths of the offers.
    pub offers: Vec<String>,
    /// Offers that the session has refused: the bytes of the path, and the reason.
    pub rejected: Vec<(Vec<u8>, Reason)>,
    /// Refuse offers of these paths.
    pub refuse: BTreeMap<String, Reason>,
    /// Files that cannot be read although they are there.
    pub broken: BTreeMap<String, Reason>,
    /// The number of entries of each tree whose paths are not allowed.
    pub omitted: u32,
    /// Takes bytes in order only.
    pub in_order: bool,
    /// Sizes are offered as unknown.
    pub unsized_offers: bool,
    /// The largest distance of a hole from the end of a partial, in bytes.
    pub holes: u64,
    /// Bytes that may still be stored.
    pub room: u64,
    /// What may still be written before the power goes: bytes, and one for each commit. Then
    /// nothing changes any more until a reboot.
    pub power: u64,
    /// Bytes taken by one `store` at most.
    pub step: usize,
    /// Computes digests: [`Store::digest`].
    pub sums: bool,
    /// Gives no refused file once more.
    pub gives_up: bool,
    /// Commits that may be deferred are deferred.
    pub tardy: bool,
    /// Deferred commits that fail, by path.
    pub late: BTreeMap<String, Reason>,
    /// The number of pending replies to each offer, commit and flush.
    pub busy: u32,
    /// The number of pending replies to the present one.
    waited: u32,
    /// The source is one byte shorter than its size.
    pub shrinks: bool,
    /// Bytes given by `load` for sending.
    pub loaded: u64,
    /// The digests of the files that were read or received.
    pub digests: Vec<Digests>,
    open: Open,
    /// Committed, and not in place.
    waiting: VecDeque<(u16, String, File)>,
    /// The tree that comes in.
    tree: Option<String>,
    /// The tree that goes out.
    root: Option<String>,
    queue: VecDeque<Queued>,
    yielded: Vec<Queued>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            partials: BTreeMap::new(),
            refused: Vec::new(),
            offers: Vec::new(),
            rejected: Vec::new(),
            refuse: BTreeMap::new(),
            broken: BTreeMap::new(),
            omitted: 0,
            in_order: false,
            unsized_offers: false,
            holes: 0,
            room: u64::MAX,
            power: u64::MAX,
            step: usize::MAX,
            sums: false,
            gives_up: false,
            tardy: false,
            late: BTreeMap::new(),
            busy: 0,
            waited: 0,
            shrinks: false,
            loaded: 0,
            digests: Vec::new(),
            open: Open::Nothing,
            waiting: VecDeque::new(),
            tree: None,
            root: None,
            queue: VecDeque::new(),
            yielded: Vec::new(),
        }
    }
}

impl Memory {
    /// A store that holds these files.
    pub fn with<const N: usize>(files: [(&str, Vec<u8>); N]) -> Self {
        let files = files.into_iter().map(|(path, bytes)| (path.to_owned(), File::new(bytes)));
        Self { files: files.collect(), ..Self::default() }
    }

    /// Whether nothing is open in it.
    pub fn is_closed(&self) -> bool {
        self.open == Open::Nothing
    }

    /// Whether the present call is still pending.
    fn is_busy(&mut self) -> bool {
        let is_busy = self.waited < self.busy;
        self.waited = if is_busy { self.waited + 1 } else { 0 };
        is_busy
    }

    /// The bytes of a file in place.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|file| file.bytes.as_slice())
    }

    /// A client is to put this one file.
    pub fn queue_file(&mut self, path: &str) {
        self.root = None;
        self.yielded.clear();
        self.queue =
            VecDeque::from([Queued { path: path.into(), kind: Kind::File, resumable: true }]);
    }

    /// A client is to put all that lies below `root`, as a tree of that name.
    pub fn queue_tree(&mut self, root: &str) {
        self.yielded.clear();
        self.root = Some(root.to_owned());
        let tree = Queued { path: root.into(), kind: Kind::Tree, resumable: false };
        self.queue = VecDeque::from([tree]);
        let below = |path: &&String| root.is_empty() || path.starts_with(&format!("{root}/"));
        for path in self.directories.iter().filter(below) {
            let kind = Kind::Directory;
            self.queue.push_back(Queued { path: path.clone(), kind, resumable: false });
        }
        for path in self.files.keys().filter(below) {
            let kind = Kind::File;
            self.queue.push_back(Queued { path: path.clone(), kind, resumable: true });
        }
    }

    fn relative(&self, path: &str) -> String {
        match &self.root {
            Some(root) if !root.is_empty() => {
                path.strip_prefix(&format!("{root}/")).unwrap_or(path).to_owned()
            }
            _ => path.to_owned(),
        }
    }

    fn check_power(&self) -> Result<(), Reason> {
        if self.power > 0 { Ok(()) } else { Err(Reason::Storage) }
    }

    /// As after a power cut: what is not in place is a partial, all else is forgotten.
    pub fn reboot(&mut self) {
        self.power = u64::MAX;
        self.waiting.clear();
        self.open = Open::Nothing;
        self.tree = None;
        self.root = None;
        self.queue.clear();
        self.yielded.clear();
    }
}

impl Store for Memory {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.check_power()?;
        let tree = self.tree.as_deref().unwrap_or_default();
        let path = join(tree, offer.path).ok_or(Reason::NameTooLong)?.as_str().to_owned();
        self.offers.push(path.clone());
        if let Some(reason) = self.refuse.get(&path) {
            return Err(*reason);
        }
        let nothing = Accepted { prefix: 0, in_order: self.in_order };
        if offer.names_only {
            if offer.kind == Kind::Tree {
                self.tree = Some(offer.path.to_owned());
            }
            return Ok(nothing);
        }
        if offer.kind == Kind::Tree {
            self.tree = Some(offer.path.to_owned());
            self.open = Open::Nothing;
            return Ok(nothing);
        }
        if self.directories.contains(&path) && offer.kind == Kind::File {
            return Err(Reason::IsDirectory);
        }
        let (kind, size) = (offer.kind, offer.size);
        let same = self.files.get(&path).is_some_and(|file| {
            Some(file.bytes.len() as u64) == size
                && file.modified == offer.modified
                && offer.resume > 0
                && !self.in_order
        });
        let prefix = if same {
            size.unwrap_or(0)
        } else if offer.resume == 0 || self.in_order {
            self.partials.remove(&path);
            0
        } else {
            let length = self.partials.get(&path).map_or(0, |partial| partial.len() as u64);
            length.saturating_sub(self.holes).min(offer.resume) / 1024 * 1024
        };
        let Offer { modified, mode, commit_id: later, .. } = *offer;
        self.open = Open::Inbound { path, kind, size, modified, mode, same, later };
        Ok(Accepted { prefix, in_order: self.in_order })
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        self.rejected.push((path.to_owned(), reason));
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.check_power()?;
        let Open::Inbound { path, same: false, .. } = &self.open else {
            return Err(Reason::Storage);
        };
        let most = self.room.min(self.power);
        let count = bytes.len().min(self.step).min(most.try_into().unwrap_or(usize::MAX));
        if count == 0 {
            self.open = Open::Nothing;
            return Err(Reason::NoSpace);
        }
        self.room -= count as u64;
        self.power -= count as u64;
        let partial = self.partials.entry(path.clone()).or_default();
        let from = position as usize;
        if self.in_order && from != partial.len() {
            return Err(Reason::Storage);
        }
        if partial.len() < from + count {
            partial.resize(from + count, 0xEE);
        }
        partial[from..from + count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let Open::Inbound { path, same: false, .. } = &self.open else { return None };
        let partial = self.partials.get(path).filter(|_| self.sums)?;
        Some(Tables::crc64(start, &partial[position as usize..end as usize]))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let bytes = match &self.open {
            Open::Nothing => return Err(Reason::Storage),
            Open::Outbound { path } => self.files.get(path).map(|file| &file.bytes),
            Open::Inbound { path, same: true, .. } => self.files.get(path).map(|file| &file.bytes),
            Open::Inbound { path, .. } => self.partials.get(path),
        };
        let bytes = bytes.ok_or(Reason::NotFound)?;
        let end = if self.shrinks { bytes.len().saturating_sub(1) } else { bytes.len() };
        let rest = bytes.get(position as usize..end).unwrap_or_default();
        let count = rest.len().min(into.len()).min(self.step);
        into[..count].copy_from_slice(&rest[..count]);
        if matches!(self.open, Open::Outbound { .. }) {
            self.loaded += count as u64;
        }
        Ok(count)
    }

    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.offer(offer)) }
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.commit()) }
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        if self.is_busy() { Poll::Pending } else { Poll::Ready(self.flush_commits()) }
    }

    fn verified(&mut self, digests: &Digests) {
        self.digests.push(*digests);
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.check_power()?;
        self.power -= 1;
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { path, kind: Kind::Directory, .. } => {
                self.directories.insert(path);
            }
            Open::Inbound { same: true, .. } => {}
            Open::Inbound { path, size, modified, mode, later, .. } => {
                let bytes = self.partials.remove(&path).unwrap_or_default();
                // What is put in place must be whole, whatever the machine says.
                if size.is_some_and(|size| size != bytes.len() as u64) {
                    return Err(Reason::Storage);
                }
                let file = File { bytes, modified, mode };
                match later.filter(|_| self.tardy) {
                    Some(later) => self.waiting.push_back((later, path, file)),
                    None => drop(self.files.insert(path, file)),
                }
            }
            // The other end would take them to be in place.
            Open::Nothing if !self.waiting.is_empty() => return Err(Reason::Storage),
            Open::Nothing if self.tree.take().is_some() => {}
            _ => return Err(Reason::Storage),
        }
        Ok(())
    }

    fn flush_commits(&mut self) -> Result<(), CommitFailed> {
        while let Some((later, path, file)) = self.waiting.pop_front() {
            if let Some(reason) = self.late.get(&path) {
                return Err(CommitFailed { commit_id: later, reason: *reason });
            }
            self.files.insert(path, file);
        }
        Ok(())
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.waited = 0;
        if self.check_power().is_err() {
            return;
        }
        if let Open::Inbound { path, .. } = &self.open
            && reason.wants_reoffer()
        {
            self.partials.remove(path);
        }
        self.open = Open::Nothing;
        if all {
            self.tree = None;
            // Nobody is told what finds no place now.
            while self.flush_commits().is_err() {}
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let below = format!("{path}/");
        let is_tree = path.is_empty()
            || self.directories.contains(path)
            || self.files.keys().any(|file| file.starts_with(&below));
        match (is_tree, tree) {
            (true, true) => self.queue_tree(path),
            (true, false) => return Err(Reason::IsDirectory),
            (false, _) if !self.files.contains_key(path) => return Err(Reason::NotFound),
            (false, true) => return Err(Reason::NotDirectory),
            (false, false) => self.queue_file(path),
        }
        Ok(())
    }

    fn next(&mut self, into: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.open = Open::Nothing;
        let Some(entry) = self.queue.pop_front() else { return Ok(None) };
        let shown =
            if entry.kind == Kind::Tree { entry.path.clone() } else { self.relative(&entry.path) };
        into[..shown.len()].copy_from_slice(shown.as_bytes());
        let file = self.files.get(&entry.path);
        let size = match entry.kind {
            Kind::File if self.unsized_offers => None,
            Kind::File => Some(file.ok_or(Reason::NotFound)?.bytes.len() as u64),
            Kind::Directory => Some(0),
            Kind::Tree => None,
        };
        let yielded = Entry {
            kind: entry.kind,
            path: shown.len(),
            size,
            modified: file.and_then(|file| file.modified),
            mode: file.and_then(|file| file.mode),
            resumable: entry.resumable && !self.unsized_offers,
            broken: self.broken.get(&entry.path).copied(),
        };
        self.open = Open::Outbound { path: entry.path.clone() };
        if entry.kind != Kind::Tree {
            self.yielded.push(entry);
        }
        Ok(Some(yielded))
    }

    fn omitted(&mut self) -> u32 {
        self.omitted
    }

    fn refused(&mut self, entry: u32, reason: Reason, _words: &str) -> bool {
        let Some(refused) = self.yielded.get(entry as usize).cloned() else {
            self.refused.push((format!("entry {entry}?"), reason));
            return false;
        };
        let has_content = self.files.get(&refused.path).is_some_and(|file| !file.bytes.is_empty());
        if reason.wants_reoffer() && refused.resumable && has_content && !self.gives_up {
            self.queue.push_back(Queued { resumable: false, ..refused });
            true
        } else {
            self.refused.push((refused.path, reason));
            false
        }
    }
}
