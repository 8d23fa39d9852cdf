//! The progress of a task over all of its attempts, without regard to connections.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// The entries and the positions in them that an attempt has reached for the first time. Content that is
/// transferred again is no progress.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    hasher: RandomState,
    /// The hashes of the paths of all entries that have begun.
    begun: HashSet<u64>,
    /// The last positions in the files at which an attempt ended, by the hashes of their paths.
    ends: HashMap<u64, u64>,
    current: Option<Current>,
    /// Rises with each progress.
    steps: u64,
}

/// The entry that is being transferred.
#[derive(Debug)]
struct Current {
    hash: u64,
    /// The position in its content, in bytes.
    position: u64,
    /// The highest position in an earlier attempt; `None`: that transferred all of it.
    highest: Option<u64>,
}

impl Reached {
    /// An attempt begins.
    pub(crate) fn attempt(&mut self) {
        if let Some(Current { hash, position, highest: Some(highest) }) = self.current.take() {
            self.ends.insert(hash, position.max(highest));
        }
    }

    /// An entry begins, of whose content the receiver has `held` bytes. The one before is complete.
    pub(crate) fn begin(&mut self, path: &str, held: u64) {
        if let Some(before) = self.current.take() {
            self.ends.remove(&before.hash);
        }
        let hash = self.hasher.hash_one(path);
        let is_new = self.begun.insert(hash);
        self.steps += u64::from(is_new);
        let highest = if is_new { Some(0) } else { self.ends.get(&hash).copied() };
        self.current = Some(Current { hash, position: held, highest });
    }

    /// The receiver has `held` bytes of the entry.
    pub(crate) fn resume(&mut self, held: u64) {
        if let Some(current) = &mut self.current {
            current.position = current.position.max(held);
        }
    }

    /// Content of the entry was transferred.
    pub(crate) fn moved(&mut self, bytes: u64) {
        let Some(current) = &mut self.current else { return };
        current.position = current.position.saturating_add(bytes);
        if current.highest.is_some_and(|highest| current.position > highest) {
            self.steps += 1;
        }
    }

    /// A number that rises with each progress.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attempt that transfers these files up to these positions. Returns whether it was progress.
    fn attempt(reached: &mut Reached, files: &[(&str, u64, u64)]) -> bool {
        let before = reached.steps();
        reached.attempt();
        for (path, held, end) in files {
            reached.begin(path, *held);
            (*held..*end).for_each(|_| reached.moved(1));
        }
        reached.steps() > before
    }

    #[test]
    fn content_that_is_sent_again_is_no_progress() {
        let mut reached = Reached::default();
        let mut attempt = |files: &[(&str, u64, u64)]| attempt(&mut reached, files);
        assert!(attempt(&[("a", 0, 9), ("b", 0, 5)]));
        for _ in 0..3 {
            assert!(!attempt(&[("a", 0, 9), ("b", 0, 5)]));
            assert!(!attempt(&[("a", 0, 3)]));
            assert!(!attempt(&[]));
        }
        assert!(attempt(&[("a", 0, 9), ("b", 0, 6)]), "a higher position");
        assert!(attempt(&[("b", 6, 7)]), "a higher position, resumed");
        assert!(!attempt(&[("b", 6, 7)]));
        assert!(attempt(&[("a", 0, 9), ("b", 0, 7), ("empty", 0, 0)]), "another entry");
        assert!(!attempt(&[("b", 0, 9)]), "an attempt went past it");
    }

    #[test]
    fn a_prefix_that_the_receiver_has_is_no_progress() {
        let mut reached = Reached::default();
        assert!(attempt(&mut reached, &[("a", 0, 5)]));
        reached.attempt();
        reached.begin("a", 0);
        let before = reached.steps();
        reached.resume(5);
        assert_eq!(reached.steps(), before);
        reached.moved(1);
        assert!(reached.steps() > before);
    }
}
