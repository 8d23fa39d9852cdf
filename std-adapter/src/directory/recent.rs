//! Which entries went out last, so that a refusal finds its path. Knows nothing of files.

use std::collections::VecDeque;

/// A refusal speaks of an entry within the credit: of 32,767 frames at most, two for each entry.
const CAPACITY: usize = 16_384;

/// Entries by their number, the last ones only.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<Yielded>,
    /// Number of the first one that is remembered.
    first: u32,
}

/// An entry that went out.
#[derive(Debug)]
pub(super) struct Yielded {
    /// As the other end sees it, below the tree's root.
    pub(super) path: String,
    /// Which of the job's origins it is of.
    pub(super) origin: usize,
    pub(super) fate: Fate,
}

/// What a refusal would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It could be given once more, from its start.
    MayComeAgain,
    /// It will be: whatever else is said about it now says nothing new.
    ComesAgain,
    /// This was its only chance.
    Final,
    /// Its failure is known and told.
    Told,
}

impl Recent {
    pub(super) fn push(&mut self, path: &str, origin: usize, fate: Fate) {
        let mut text = String::new();
        if self.entries.len() >= CAPACITY
            && let Some(oldest) = self.entries.pop_front()
        {
            self.first = self.first.saturating_add(1);
            text = oldest.path;
            text.clear();
        }
        text.push_str(path);
        self.entries.push_back(Yielded { path: text, origin, fate });
    }

    pub(super) fn entry(&mut self, number: u32) -> Option<&mut Yielded> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    pub(super) fn last(&mut self) -> Option<&mut Yielded> {
        self.entries.back_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_keep_their_numbers() {
        let mut recent = Recent::default();
        for number in 0..CAPACITY + 10 {
            recent.push(&number.to_string(), 0, Fate::Final);
        }
        assert!(recent.entry(9).is_none());
        assert_eq!(recent.entry(10).map(|entry| entry.path.as_str()), Some("10"));
        let last = CAPACITY + 9;
        assert_eq!(
            recent.entry(last as u32).map(|entry| entry.path.clone()),
            Some(last.to_string())
        );
        assert!(recent.entry(last as u32 + 1).is_none());
    }
}
