//! The numbers of a transfer. Knows no terminal.

use tinyferry::core::Reason;
use tinyferry::fs::Amount;

use crate::exit::Exit;
use crate::names::is_below;
use crate::reached::{Earlier, LeftOut};

/// A list of more failures than these is cut, unless all that are in memory are to be listed.
const MAX_LISTED: usize = 20;
/// The number of failures in a list that is cut; the others are counted.
const LISTED: usize = 10;
/// The maximum number of failures in memory.
const MAX_KEPT: usize = 1000;

/// An entry that was not transferred.
#[derive(Debug)]
struct Failed {
    /// Its path in the events.
    path: Vec<u8>,
    at_peer: bool,
    reason: Reason,
    sentence: String,
    /// The entries below it that are beyond the same limit.
    below: u64,
}

/// The results of one task. It counts entries that are in place at the receiver.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Files in place.
    files: u64,
    /// Of them, those that the receiver had before.
    same: u64,
    /// Of them, those without content: whether the receiver had one before is not known.
    empty: u64,
    /// The received content of the files in place, without prefixes that the receiver had, in bytes.
    bytes: u64,
    /// The prefixes that the receiver had of the other files in place, in bytes.
    bytes_resumed: u64,
    /// Of them, those of which the receiver had a part before.
    resumed: u64,
    /// Directories in place.
    directories: u64,
    /// Links in place.
    links: u64,
    /// The content that was transferred in this attempt, in bytes.
    moved: u64,
    /// The content that was transferred in earlier attempts: the receiver has it from this task.
    earlier: u64,
    /// The zeros of holes that were transferred as such in all attempts.
    holes: u64,
    /// The entries in place that earlier attempts transferred, and this one left out.
    settled: LeftOut,
    /// Whether the receiver has completed the tree in this attempt.
    is_complete: bool,
    failures: Vec<Failed>,
    /// The number of failures beyond [`MAX_KEPT`].
    unlisted: u64,
    /// The number of failures that the receiver refused because it has an entry of another kind of the name.
    kind_conflicts: u64,
    /// The number of failures of entries that vanished or changed at the source.
    vanished: u64,
    /// The sentence of the last failure, if it is one of those beyond [`MAX_KEPT`].
    last_unlisted: Option<String>,
    /// The number of entries that the other end left out because no path can name them.
    omitted: u32,
    /// The files that were not offered, since the receiver has them.
    unchanged: Amount,
    /// Whether the other end leaves out unchanged entries, and does not count them.
    leaves_out: bool,
    /// Whether the receiver has the same entries as this end, and no others.
    is_same: bool,
    /// The exit code of the first failure.
    failed: Option<Exit>,
    /// Entries whose time or permission bits could not be set, and the first of them.
    unset: Option<(u64, String)>,
    /// Entries on file systems that cannot make files durable, one for each file system.
    not_durable: Vec<String>,
    /// Files that are stored under other names, and the first of them.
    kept_both: Option<(u64, Vec<String>)>,
}

impl Tally {
    /// Begins an attempt of the task.
    pub(crate) fn begin(&mut self) {
        let earlier = self.earlier.saturating_add(self.moved);
        let mut settled = LeftOut::default();
        // All entries of a complete attempt are in place.
        if self.is_complete {
            settled = self.settled;
            settled.files += self.files - self.same;
            settled.links += self.links;
            settled.directories += self.directories;
            settled.bytes += self.bytes;
        }
        let (leaves_out, holes) = (self.leaves_out, self.holes);
        *self = Self { earlier, settled, leaves_out, holes, ..Self::default() };
    }

    /// Sets the entries in place that earlier attempts transferred, and this one left out.
    pub(crate) fn settle(&mut self, settled: LeftOut) {
        self.settled = settled;
    }

    /// The receiver has completed the tree.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Whether it has.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether entries were refused because the receiver has entries of another kind of their names, and for no
    /// other reason.
    pub(crate) fn has_only_kind_conflicts(&self) -> bool {
        self.kind_conflicts > 0
            && self.kind_conflicts == self.failures.len() as u64 + self.unlisted
            && self.omitted == 0
    }

    /// Counts transferred content.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Counts the zeros of a hole that was transferred as such.
    pub(crate) fn hole(&mut self, bytes: u64) {
        self.holes = self.holes.saturating_add(bytes);
    }

    /// Counts a file in place, of which the receiver had `prefix` bytes. `earlier`: the result of earlier attempts, if
    /// it is known. Returns whether the receiver had all of it before the task.
    pub(crate) fn file(&mut self, size: u64, prefix: u64, earlier: Option<Earlier>) -> bool {
        let prefix = prefix.min(size);
        let from_earlier = match earlier {
            Some(earlier) => prefix.min(earlier.moved),
            None => self.take_earlier(prefix),
        };
        let is_same = size > 0 && prefix == size && from_earlier == 0;
        self.files += 1;
        self.empty += u64::from(size == 0);
        self.bytes += size - prefix + from_earlier;
        if is_same {
            self.same += 1;
        } else {
            self.bytes_resumed += prefix - from_earlier;
            self.resumed += u64::from(prefix > from_earlier);
        }
        is_same
    }

    /// The part of these bytes that earlier attempts may have transferred.
    fn take_earlier(&mut self, bytes: u64) -> u64 {
        let from_earlier = bytes.min(self.earlier);
        self.earlier -= from_earlier;
        if from_earlier > 0 {
            self.settled.files = self.settled.files.saturating_sub(1);
            self.settled.bytes = self.settled.bytes.saturating_sub(from_earlier);
        }
        from_earlier
    }

    /// Counts a link in place.
    pub(crate) fn link(&mut self) {
        self.links += 1;
    }

    /// The other end leaves out unchanged entries, and does not count them.
    pub(crate) fn leave_out(&mut self) {
        self.leaves_out = true;
    }

    pub(crate) fn leaves_out(&self) -> bool {
        self.leaves_out
    }

    /// Counts a directory in place.
    pub(crate) fn directory(&mut self) {
        self.directories += 1;
    }

    /// Counts the failed entry at `path` of the events. One below a directory whose path is beyond the
    /// same limit gets no sentence of its own.
    pub(crate) fn fail(
        &mut self,
        path: &[u8],
        at_peer: bool,
        reason: Reason,
        sentence: String,
        exit: Exit,
    ) {
        self.failed.get_or_insert(exit);
        let is_of_end = |failed: &&mut Failed| failed.at_peer == at_peer;
        let last = self.failures.iter_mut().rev().take(LISTED).find(is_of_end);
        let is_limit = matches!(reason, Reason::TooDeep | Reason::NameTooLong);
        if let Some(last) = last
            && is_limit
            && last.reason == reason
            && is_below(path, &last.path)
        {
            last.below += 1;
        } else if self.failures.len() < MAX_KEPT {
            let path = path.to_owned();
            self.failures.push(Failed { path, at_peer, reason, sentence, below: 0 });
        } else {
            self.unlisted += 1;
            self.last_unlisted = Some(sentence);
        }
    }

    /// The receiver has an entry of another kind of the name of the last failure.
    pub(crate) fn kind_conflict(&mut self) {
        self.kind_conflicts += 1;
    }

    /// Counts files that the receiver has.
    pub(crate) fn unchanged(&mut self, amount: Amount) {
        self.unchanged += amount;
    }

    /// The tree was compared; `is_same`: the receiver has the same entries, and no others.
    pub(crate) fn compared(&mut self, is_same: bool) {
        self.is_same = is_same;
    }

    /// Whether the receiver has the same entries as this end, and no others.
    pub(crate) fn is_same(&self) -> bool {
        self.is_same
    }

    /// Counts entries that the other end left out.
    pub(crate) fn omit(&mut self, entries: u32) {
        self.omitted = entries;
    }

    /// The last failure is that of an entry of a tree that vanished or changed at its source.
    pub(crate) fn vanish(&mut self) {
        self.vanished += 1;
    }

    /// The number of entries that were not transferred.
    fn failed_entries(&self) -> u64 {
        let below: u64 = self.failures.iter().map(|failed| failed.below).sum();
        self.failures.len() as u64 + self.unlisted + below + u64::from(self.omitted)
    }

    /// Takes the last failure from the list, or from those that are only counted. Returns its sentence.
    pub(crate) fn take_last(&mut self) -> Option<String> {
        let Some(sentence) = self.last_unlisted.take() else {
            return self.failures.pop().map(|failed| failed.sentence);
        };
        self.unlisted -= 1;
        Some(sentence)
    }

    /// Whether nothing is in place.
    pub(crate) fn is_empty(&self) -> bool {
        let LeftOut { files, links, directories, .. } = self.settled;
        self.files + self.directories + self.links + files + links + directories == 0
    }

    /// Whether a file or a link was transferred.
    pub(crate) fn has_transferred(&self) -> bool {
        self.files + self.links > 0
    }

    /// The exit code after this task; `itself`: the requested directory itself is in place.
    pub(crate) fn exit(&self, itself: bool) -> Exit {
        match self.failed {
            None if self.omitted > 0 => Exit::Partly,
            None => Exit::Done,
            Some(_) if self.vanished == self.failed_entries() => Exit::Vanished,
            Some(_) if itself || !self.is_empty() => Exit::Partly,
            Some(exit) => exit,
        }
    }
}

mod lines;
mod summary;
#[cfg(test)]
mod tests;
