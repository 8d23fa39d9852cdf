//! A store in memory, which can fail on purpose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Digests, Kind, Stat, StatQuery};

mod deferral;
mod operations;
mod store;

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

    /// The number of its bytes that are not 0.
    pub fn content(&self) -> u64 {
        self.bytes.iter().filter(|byte| **byte != 0).count() as u64
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
    operation: Option<QueuedOperation>,
}

/// An operation that a client is to send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum QueuedOperation {
    /// Describe the entry.
    Stat(StatQuery),
    /// It is to be gone.
    Remove,
    /// This one is to have the path.
    Rename(String),
    /// A symbolic link with this target.
    Link(String),
    /// Another name of this file.
    HardLink(String),
}

/// A store in memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Files in place.
    pub files: BTreeMap<String, File>,
    /// Directories in place.
    pub directories: BTreeSet<String>,
    /// Symbolic links in place, with their targets.
    pub links: BTreeMap<String, String>,
    /// The partial files: they survive a reboot.
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
    /// The writes left before the power fails: bytes, and one for each commit. Then nothing changes
    /// any more until a reboot.
    pub power: u64,
    /// Bytes taken by one `store` at most.
    pub step: usize,
    /// Computes digests: [`digest`](tinyferry_core::Store::digest).
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
    /// Zeros in files that are read count as holes, and a source states the number of bytes in no hole.
    pub sparse: bool,
    /// Zeros that came as holes.
    pub zeros: u64,
    /// The source is one byte shorter than its size.
    pub shrinks: bool,
    /// Bytes given by `load` for sending.
    pub loaded: u64,
    /// The digests of the files that were read or received.
    pub digests: Vec<Digests>,
    /// The answers to operations, by path, with their index.
    pub answers: Vec<(String, Stat, Vec<u32>)>,
    /// Files to send in the same tree once an operation is answered or refused.
    pub follow_up: Vec<String>,
    /// Operations that this store has performed.
    pub operations: u32,
    /// The rest of the index of the last stat.
    index: VecDeque<u32>,
    open: Open,
    /// Committed, and not in place.
    waiting: VecDeque<(u16, String, File)>,
    /// The tree that comes in.
    tree: Option<String>,
    /// The tree that goes out.
    root: Option<String>,
    queue: VecDeque<Queued>,
    yielded: Vec<Queued>,
    /// The entries of which the session has counted a failure, by number.
    counted: BTreeSet<u32>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            links: BTreeMap::new(),
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
            sparse: false,
            zeros: 0,
            shrinks: false,
            loaded: 0,
            digests: Vec::new(),
            answers: Vec::new(),
            follow_up: Vec::new(),
            operations: 0,
            index: VecDeque::new(),
            open: Open::Nothing,
            waiting: VecDeque::new(),
            tree: None,
            root: None,
            queue: VecDeque::new(),
            yielded: Vec::new(),
            counted: BTreeSet::new(),
        }
    }
}

impl Memory {
    /// A store with these files.
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

    /// Another request begins.
    fn forget_entries(&mut self) {
        self.yielded.clear();
        self.counted.clear();
    }

    /// A client is to put this one file.
    pub fn queue_file(&mut self, path: &str) {
        self.root = None;
        self.forget_entries();
        self.queue = VecDeque::from([Queued {
            path: path.into(),
            kind: Kind::File,
            resumable: true,
            operation: None,
        }]);
    }

    /// A client is to put all that lies below `root`, as a tree of that name.
    pub fn queue_tree(&mut self, root: &str) {
        self.forget_entries();
        self.root = Some(root.to_owned());
        let tree =
            Queued { path: root.into(), kind: Kind::Tree, resumable: false, operation: None };
        self.queue = VecDeque::from([tree]);
        let below = |path: &&String| root.is_empty() || path.starts_with(&format!("{root}/"));
        for path in self.directories.iter().filter(below) {
            let kind = Kind::Directory;
            self.queue.push_back(Queued {
                path: path.clone(),
                kind,
                resumable: false,
                operation: None,
            });
        }
        for path in self.files.keys().filter(below) {
            let kind = Kind::File;
            self.queue.push_back(Queued {
                path: path.clone(),
                kind,
                resumable: true,
                operation: None,
            });
        }
    }

    fn relative(&self, path: &str) -> String {
        match &self.root {
            Some(root) if root == path => String::new(),
            Some(root) if !root.is_empty() => {
                path.strip_prefix(&format!("{root}/")).unwrap_or(path).to_owned()
            }
            _ => path.to_owned(),
        }
    }

    fn check_power(&self) -> Result<(), Reason> {
        if self.power > 0 { Ok(()) } else { Err(Reason::Storage) }
    }

    /// As after a loss of power: files that are not in place are partials, and nothing else is left.
    pub fn reboot(&mut self) {
        self.power = u64::MAX;
        self.waiting.clear();
        self.open = Open::Nothing;
        self.tree = None;
        self.root = None;
        self.queue.clear();
        self.forget_entries();
    }
}
