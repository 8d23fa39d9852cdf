//! The entries of a task over all of its attempts, without regard to connections.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use tinyferry::core::store::Kind;

/// The entries of all attempts, and the bytes of them that the receiver has stored as far as the attempts show it.
/// Content that was only sent is no progress: it may be lost on the way, each time again.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    hasher: RandomState,
    /// By the hashes of their paths.
    entries: HashMap<u64, Entry>,
    current: Option<Current>,
    /// The number of attempts that have begun.
    attempts: u32,
    /// The number of entries that have begun in this attempt.
    begun: u32,
    /// Of them, those that the receiver had completely.
    complete: u32,
    /// The most entries that the receiver had in an attempt.
    most: u32,
    /// Rises with each progress.
    steps: u64,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Directory,
    Link,
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::File,
            Kind::Directory | Kind::Tree => Self::Directory,
        }
    }
}

/// An entry that has begun.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: EntryKind,
    /// Its place in the order in which the entries of all attempts began.
    number: u32,
    /// The longest prefix of it that the receiver had, in bytes.
    prefix: u64,
    /// The number of the last attempt that it began in.
    attempt: u32,
    /// The highest position at which an attempt ended; `None`: one has transferred all of it.
    highest: Option<u64>,
    /// The content that attempts before the last one transferred, in bytes.
    earlier: u64,
    /// That of the last one.
    moved: u64,
    fate: Fate,
}

/// The facts of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Placed,
    Failed,
}

/// The entry that is being transferred.
#[derive(Debug)]
struct Current {
    hash: u64,
    size: Option<u64>,
    /// The position in its content, in bytes.
    position: u64,
    highest: Option<u64>,
    moved: u64,
}

/// The results of earlier attempts for an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// The content that they transferred, in bytes.
    pub(crate) moved: u64,
    /// Whether it is in place since then.
    pub(crate) was_placed: bool,
}

/// The entries that earlier attempts transferred and that the last one left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) files: u64,
    pub(crate) links: u64,
    pub(crate) directories: u64,
    /// The transferred content of the files.
    pub(crate) bytes: u64,
}

impl Reached {
    /// An attempt begins.
    pub(crate) fn attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        (self.begun, self.complete) = (0, 0);
        let Some(Current { hash, size, position, highest, moved }) = self.current.take() else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.moved = moved;
            let is_whole = size.is_some_and(|size| position >= size);
            entry.highest = highest.filter(|_| !is_whole).map(|highest| position.max(highest));
        }
    }

    /// An entry begins, of whose content the receiver has `prefix` bytes. The one before is complete. The receiver has
    /// the entries that began before this one in an earlier attempt, and not in this attempt.
    pub(crate) fn begin(&mut self, path: &str, kind: EntryKind, size: Option<u64>, prefix: u64) {
        self.end_entry();
        let (hash, attempt) = (self.hasher.hash_one(path), self.attempts);
        let (steps, number) = (&mut self.steps, self.entries.len() as u32);
        let new = || {
            *steps += 1;
            let (prefix, highest, fate) = (0, Some(0), Fate::Unknown);
            Entry { kind, number, prefix, attempt, highest, earlier: 0, moved: 0, fate }
        };
        let entry = self.entries.entry(hash).or_insert_with(new);
        entry.earlier = entry.earlier.saturating_add(std::mem::take(&mut entry.moved));
        entry.attempt = attempt;
        let (highest, passed) = (entry.highest, entry.number.saturating_sub(self.begun));
        self.current = Some(Current { hash, size, position: 0, highest, moved: 0 });
        self.begun += 1;
        self.passed(passed);
        self.resume(prefix);
    }

    fn end_entry(&mut self) {
        if let Some(before) = self.current.take()
            && let Some(entry) = self.entries.get_mut(&before.hash)
        {
            (entry.highest, entry.moved) = (None, before.moved);
        }
    }

    /// The receiver has `prefix` bytes of the entry.
    pub(crate) fn resume(&mut self, prefix: u64) {
        let Some(current) = &mut self.current else { return };
        current.position = current.position.max(prefix);
        let Some(entry) = self.entries.get_mut(&current.hash).filter(|_| prefix > 0) else {
            return;
        };
        if current.size == Some(prefix) {
            self.complete += 1;
            self.passed(0);
        } else {
            self.steps += u64::from(prefix > entry.prefix);
            entry.prefix = entry.prefix.max(prefix);
        }
    }

    /// The receiver has this number of entries that have not begun in this attempt.
    fn passed(&mut self, passed: u32) {
        let complete = self.complete.saturating_add(passed);
        self.steps += u64::from(complete > self.most);
        self.most = self.most.max(complete);
    }

    /// Content of the entry was transferred.
    pub(crate) fn moved(&mut self, bytes: u64) {
        let Some(current) = &mut self.current else { return };
        current.moved = current.moved.saturating_add(bytes);
        current.position = current.position.saturating_add(bytes);
    }

    /// An entry is in place. Returns the part that earlier attempts had in it.
    pub(crate) fn placed(&mut self, path: &str) -> Earlier {
        let Some(entry) = self.entries.get_mut(&self.hasher.hash_one(path)) else {
            return Earlier::default();
        };
        let was_placed = std::mem::replace(&mut entry.fate, Fate::Placed) == Fate::Placed;
        Earlier { moved: entry.earlier, was_placed }
    }

    /// An entry was not transferred.
    pub(crate) fn failed(&mut self, path: &[u8]) {
        let hash = std::str::from_utf8(path).map(|path| self.hasher.hash_one(path));
        if let Some(entry) = hash.ok().and_then(|hash| self.entries.get_mut(&hash)) {
            entry.fate = Fate::Failed;
        }
    }

    /// The entries that earlier attempts transferred and that the last one left out: those that are known to be in
    /// place; after a last attempt that is `complete` also those that were sent completely, since the receiver was
    /// found to have them.
    pub(crate) fn left_out(&self, complete: bool) -> LeftOut {
        let mut sums = LeftOut::default();
        let is_there = |entry: &&Entry| {
            let was_sent = complete && entry.fate == Fate::Unknown && entry.highest.is_none();
            entry.attempt < self.attempts && (was_sent || entry.fate == Fate::Placed)
        };
        for entry in self.entries.values().filter(is_there) {
            match entry.kind {
                EntryKind::File => sums.files += 1,
                EntryKind::Directory => sums.directories += 1,
                EntryKind::Link => sums.links += 1,
            }
            sums.bytes = sums.bytes.saturating_add(entry.earlier).saturating_add(entry.moved);
        }
        sums
    }

    /// A number that rises with each progress.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests;
