//! The entries that were sent last, so that a refusal finds its path. Knows nothing of files.

use std::collections::VecDeque;

use tinyferry_core::store::Kind;

use crate::fs::send::update::Question;
use crate::fs::sys::link::FileVersion;

/// A refusal names an entry that was sent within the credit, of 32,767 frames at most, or in the quarter of it
/// before, after which the position was queried. Each entry takes two frames.
const CAPACITY: usize = (32_767 + 8_192) / 2;

/// The last entries, by number.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    entries: VecDeque<Yielded>,
    /// The number of the first entry.
    first: u32,
}

/// An entry that was sent.
#[derive(Debug)]
pub(crate) struct Yielded {
    /// The path at the other end, below the tree's root.
    pub(crate) path: String,
    /// The index of its origin.
    pub(crate) origin: usize,
    pub(crate) fate: Fate,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// The prefix that the receiver had at the offer, in bytes.
    pub(crate) prefix: u64,
    /// Whether its content was sent completely.
    pub(crate) sent: bool,
    pub(crate) sha256: Option<Box<[u8; 32]>>,
    pub(crate) role: Role,
}

/// The kind of an entry that was sent.
#[derive(Debug, Default)]
pub(crate) enum Role {
    /// A file or a directory, or an operation that is answered.
    #[default]
    Content,
    /// A file whose other names follow as hard links.
    First(FileVersion),
    /// A question about the receiver's entries.
    Question(Box<Question>),
    /// The question before the hard links.
    Barrier,
    /// A symbolic link with this target.
    Link(Box<str>),
    /// Another name of the file with this path.
    HardLink(Box<str>),
}

impl Yielded {
    /// An entry before it is sent.
    pub(crate) fn new(path: &str, origin: usize, fate: Fate, kind: Kind, size: u64) -> Self {
        let path = path.to_owned();
        let role = Role::Content;
        Self { path, origin, fate, kind, size, prefix: 0, sent: false, sha256: None, role }
    }

    /// An operation. Of these only the refusal of a symbolic link is reported.
    pub(crate) fn operation(path: &str, origin: usize, role: Role) -> Self {
        let fate = if let Role::Link(_) = role { Fate::Final } else { Fate::Refused };
        Self { role, ..Self::new(path, origin, fate, Kind::File, 0) }
    }

    /// Whether the receiver has it in place, once it can say nothing more about it.
    pub(crate) fn is_in_place(&self) -> bool {
        self.sent && matches!(self.fate, Fate::Reofferable | Fate::Final)
    }
}

/// The effect of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The entry could be sent again from its start.
    Reofferable,
    /// The entry will be sent again: another refusal changes nothing.
    Reoffered,
    /// The entry cannot be sent again.
    Final,
    /// Its failure on this end is reported already; the session will tell it, too.
    Reported,
    /// Its failure is reported already, and the session knows of it: another one changes nothing.
    Refused,
}

impl Recent {
    /// Adds an entry. Returns the oldest one if that is removed: no refusal can name it any more.
    pub(crate) fn push(&mut self, entry: Yielded) -> Option<Yielded> {
        let oldest = if self.entries.len() >= CAPACITY { self.pop() } else { None };
        self.entries.push_back(entry);
        oldest
    }

    /// The oldest entry, which is forgotten.
    pub(crate) fn pop(&mut self) -> Option<Yielded> {
        let oldest = self.entries.pop_front()?;
        self.first = self.first.saturating_add(1);
        Some(oldest)
    }

    pub(crate) fn entry(&mut self, number: u32) -> Option<&mut Yielded> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    pub(crate) fn last(&mut self) -> Option<&mut Yielded> {
        self.entries.back_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_keep_their_numbers() {
        let mut recent = Recent::default();
        for number in 0..CAPACITY + 10 {
            recent.push(Yielded::new(&number.to_string(), 0, Fate::Final, Kind::File, 0));
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
